"""The switch of the fast paths: SLANTED_FAST=0 in the environment turns them off, for comparison or debugging."""

import os


def is_on() -> bool:
    """Return whether fast paths may be used."""
    return os.environ.get("SLANTED_FAST") != "0"
