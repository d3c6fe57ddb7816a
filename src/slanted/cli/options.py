"""The command line's options for who looks on while a run goes on, and its command `watch`."""

import argparse
import os
import sys
from pathlib import Path
from typing import Any

from slanted.cli import entry
from slanted.errors import InputError


def add_live_options(command: argparse.ArgumentParser, tensorboard: bool = True) -> None:
    """Add them; of one run TensorBoard's too."""
    group = command.add_argument_group("what is shown")
    either = group.add_mutually_exclusive_group()
    either.add_argument("--quiet", action="store_true", help="print nothing but errors")
    either.add_argument("--json-lines", action="store_true", help="print what happens as JSON, an object a line")
    if tensorboard:
        text = "write losses, rates and scores for TensorBoard to LOGS (default: tensorboard/NAME beside DIR)"
        group.add_argument("--tensorboard", metavar="LOGS", nargs="?", const="", help=text)


def progress_of(options: argparse.Namespace) -> Any:
    """Return what shows a run as the options say."""
    from slanted.text.progress.jsonl import JsonLinesView
    from slanted.text.progress.progress import Progress

    progress = Progress(quiet=options.quiet)
    if options.json_lines:
        if getattr(options, "json", False):
            raise InputError("--json-lines: is not for use with --json; give one of them")
        progress = Progress(views=[JsonLinesView(sys.stdout)])
    logs = getattr(options, "tensorboard", None)
    if logs is not None:
        from slanted.text.progress.tensorboard import TensorBoardView

        out = Path(options.out)
        folder = Path(logs) if logs else out.parent / "tensorboard" / os.path.basename(os.path.realpath(out))
        progress.views.append(TensorBoardView(folder))
        progress.say(f"tensorboard: {folder}")
    return progress


def add_watch(commands: Any) -> None:
    """Add the command."""
    command = entry.add_command(commands, "watch", _watch, "draw the run in DIR, while it goes on or when it has ended")
    command.add_argument("folder", metavar="DIR", help="what `slanted train --out` names")
    command.add_argument("--once", action="store_true", help="show how far it is, and do not wait for its end")


def _watch(options: argparse.Namespace) -> None:
    from slanted.commands.watch import watch

    watch(Path(options.folder), once=options.once)
