"""A run's folder: its state, lock, replacement, checkpoints, data, and what it was started with."""
