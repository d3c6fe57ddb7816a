"""The command line."""

from slanted.cli.entry import main

__all__ = ["main"]
