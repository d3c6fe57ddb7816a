"""Read the files of a run into one checked dict."""
