"""The command line."""

import sys
from collections.abc import Sequence

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status, see `slanted.cli.entry.main`.

    It is imported here, so that Ctrl-C gives one line meanwhile, too.
    """
    try:
        from slanted.cli import entry

        return entry.main(arguments)
    except KeyboardInterrupt:
        print("error: interrupted; nothing was saved", file=sys.stderr)
        return 130
