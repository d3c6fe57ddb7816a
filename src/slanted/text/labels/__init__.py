"""Label cells to targets as numbers, and the validation and cross-validation splits. Knows no model."""
