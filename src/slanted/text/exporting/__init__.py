"""Exports: a model in the format of another runtime, with a script that predicts, checked against the model itself."""
