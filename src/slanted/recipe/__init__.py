"""All settings of a run that concern its rates, the named recipes, and what is built of them."""
