"""Token arrays to batches of few static lengths, resumable at any step, and to a model's outputs."""
