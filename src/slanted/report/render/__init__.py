"""That dict to HTML."""
