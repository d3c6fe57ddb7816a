"""`slanted compare`: several recipes on the same rows with the same seeds, and the differences of their scores."""
