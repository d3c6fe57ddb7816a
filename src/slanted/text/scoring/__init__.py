"""Outputs to probabilities, losses, scores and thresholds, and the baselines'. Arrays in, plain floats out."""
