"""Label cells to targets as numbers, and which rows are held out. Knows no model."""
