"""The switch of the fast paths: SLANTED_FAST=0 in the environment turns them off, to compare or to find a fault."""

import os


def is_on() -> bool:
    """Return whether fast paths may be taken."""
    return os.environ.get("SLANTED_FAST") != "0"
