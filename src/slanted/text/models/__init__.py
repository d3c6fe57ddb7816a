"""Fitted models: predict, score, save, load."""
