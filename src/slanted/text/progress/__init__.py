"""The events of a run and the views that show them."""
