"""Batch token arrays in a few static lengths, resumable at any step, and compute the outputs of a model."""
