"""The command line."""

import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import NoReturn

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status, see `slanted.cli.entry.main`.

    It is imported here, so that Ctrl-C gives one line meanwhile, too.
    """
    try:
        from slanted.cli import entry

        status = entry.main(arguments)
    except KeyboardInterrupt:
        print("error: interrupted; nothing was saved", file=sys.stderr)
        status = 130
    if arguments is None and status in (130, 143):
        _leave(status)
    return status


def _leave(status: int) -> NoReturn:
    """End an interrupted process at once: native threads, as of JAX, can crash as Python frees its memory."""
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            with suppress(OSError):
                stream.flush()
    os._exit(status)
