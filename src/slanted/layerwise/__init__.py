"""A rate for each layer group: the groups, the optimizer, unfreezing, and the callback that binds a curve."""
