"""Records to rows of texts and label cells, in memory or on disk. Nothing here interprets labels."""
