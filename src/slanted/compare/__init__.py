"""`slanted compare`: the same rows and seeds under several recipes, and what the scores show."""
