"""The settings of a run that concern its learning rates, the named recipes, and the Keras objects built from them."""
