"""The learning rate as a pure function of the step. Knows no optimizer and no run."""
