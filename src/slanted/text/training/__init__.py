"""Train one run or K folds. This folder prints no result and writes no report."""
