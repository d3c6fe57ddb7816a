"""Collect the content of report.json, while the model and the rows of a run are loaded."""
