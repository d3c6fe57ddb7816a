"""The options of the command `export`."""

import argparse
from pathlib import Path
from typing import Any

from slanted.cli.arguments import add_command
from slanted.cli.options import USE, add_reading_options, values_of
from slanted.commands.use_options import UseOptions
from slanted.errors import InputError
from slanted.text.exporting.formats import FORMATS


def add_export(commands: Any) -> None:
    """Add the command `export`."""
    text = "write the model in DIR in another format to FOLDER, with a script that predicts, and check it"
    command = add_command(commands, "export", _export, text, "DIR --format FORMAT --out FOLDER")
    command.add_argument("folder", metavar="DIR", help="the folder of `slanted train --out`")
    titles = "; ".join(f"{name}: {one.title}" for name, one in FORMATS.items())
    command.add_argument("--format", metavar="|".join(FORMATS), required=True, choices=tuple(FORMATS), help=titles)
    command.add_argument("--out", metavar="FOLDER", required=True, help="the folder to write, which must not exist")
    group = command.add_argument_group("check")
    text = "rows with labels to check the export on (default: the test rows of the run, else its validation rows)"
    group.add_argument("--test", metavar="FILE", help=text)
    text = "by how many points accuracy may fall; micro-F1 for several labels, Spearman for numbers (default: 0.5)"
    group.add_argument("--allow-drop", metavar="POINTS", type=_points, default=0.5, help=text)
    group.add_argument("--unchecked", action="store_true", help="write the export without a check, which it records")
    add_reading_options(command, ("text", "text_b", "label", *USE))


def _points(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} must be a number of points, such as 0.5") from None


def _export(options: argparse.Namespace) -> None:
    from slanted.commands.export import export
    from slanted.text.exporting.export import ExportRequest

    if options.unchecked and options.test is not None:
        raise InputError("--unchecked: --test has rows for a check; leave one of the two out")
    request = ExportRequest(Path(options.folder), Path(options.out), options.format, options.allow_drop)
    export(request, options.test, UseOptions(**values_of(options, UseOptions)), unchecked=options.unchecked)
