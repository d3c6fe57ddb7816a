"""Load a KerasHub network by the name of a model, from safe files only."""
