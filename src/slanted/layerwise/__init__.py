"""A learning rate per layer group: the groups, the optimizer, gradual unfreezing, and the callback for a curve."""
