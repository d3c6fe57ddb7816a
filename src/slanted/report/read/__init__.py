"""A run's files to one checked dict."""
