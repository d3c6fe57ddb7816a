"""One fit, one run, K folds. Prints no result and writes no report."""
