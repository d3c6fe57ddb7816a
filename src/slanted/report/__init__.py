"""The report of a run: its files are read into one dict, and the dict is rendered as one self-contained HTML page."""
