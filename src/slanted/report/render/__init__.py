"""Render the dict of a run as HTML."""
