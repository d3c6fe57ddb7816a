"""Records to rows of texts and label cells, in memory or on disk. Knows no label's meaning."""
