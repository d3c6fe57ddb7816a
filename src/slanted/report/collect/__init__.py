"""report.json: what only a live run knows."""
