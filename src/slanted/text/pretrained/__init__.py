"""A model's name to a KerasHub network, from safe files only."""
