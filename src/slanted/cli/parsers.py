"""The parsers of the command line, one per command. Keras is imported only after options and files are checked."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from slanted._version import __version__
from slanted.cli.arguments import Parser, add_command, add_option
from slanted.cli.compare import add_compare
from slanted.cli.export import add_export
from slanted.cli.options import (
    TRAIN_HELP,
    USE,
    add_data_options,
    add_live_options,
    add_reading_options,
    add_setting_options,
    files_of,
    progress_of,
    settings_of,
    values_of,
)
from slanted.commands.use_options import PredictOptions, UseOptions
from slanted.common.setting_fields import setting_fields
from slanted.preview.range_test import SearchOptions
from slanted.text.runs.checkpoints import CheckpointPace

FILES = "TRAIN [TRAIN ...]"


def parser() -> argparse.ArgumentParser:
    """Return the parser of the whole command line."""
    top = Parser(prog="slanted", description="Fine-tune a pretrained text model on a file of texts and labels.")
    top.add_argument("--version", action="version", version=f"slanted {__version__}", help="print the version and exit")
    commands = top.add_subparsers(required=True, metavar="COMMAND", parser_class=Parser)
    _add_train(commands)
    _add_evaluate(commands)
    _add_predict(commands)
    add_export(commands)
    _add_plan(commands)
    _add_find(commands)
    _add_report(commands)
    add_compare(commands)
    _add_watch(commands)
    return top


def _add_train(commands: Any) -> None:
    text = "fine-tune a model on TRAIN and write it, with its scores, to DIR"
    command = add_command(commands, "train", _train, text, f"{FILES} --out DIR")
    command.add_argument("train", metavar="TRAIN", nargs="+", help=TRAIN_HELP)
    command.add_argument("--out", metavar="DIR", required=True, help="output folder")
    command.add_argument("--overwrite", action="store_true", help="replace the run in DIR")
    command.add_argument("--resume", action="store_true", help="continue the run in DIR, or start it if there is none")
    for setting in setting_fields(CheckpointPace):
        add_option(command, setting)
    add_data_options(command)
    add_setting_options(command)
    add_live_options(command)


def _train(options: argparse.Namespace) -> None:
    from slanted.commands.train import RunBefore, train
    from slanted.text.runs.run_folder import RunFolder
    from slanted.text.runs.run_request import RunRequest

    out, files = Path(options.out), files_of(options)
    options.what_survives = RunBefore(out, files).what_survives
    pace = CheckpointPace(**values_of(options, CheckpointPace))
    folder = RunFolder(out, options.overwrite, options.resume)
    train(RunRequest(files, settings_of(options), folder, pace), progress_of(options))


def _add_plan(commands: Any) -> None:
    text = "print the groups, rates and steps of `train` with the same options, without training"
    command = add_command(commands, "plan", _plan, text, FILES)
    _add_looking_options(command, "the plan")
    add_data_options(command)
    add_setting_options(command)


def _add_find(commands: Any) -> None:
    text = "find a peak learning rate for `train` with the same options, and verify it by short runs"
    command = add_command(commands, "find-lr", _find, text, FILES)
    _add_looking_options(command, "the result")
    search = command.add_argument_group("search")
    for setting in setting_fields(SearchOptions):
        add_option(search, setting)
    add_data_options(command)
    add_setting_options(command)


def _add_looking_options(command: argparse.ArgumentParser, what: str) -> None:
    command.add_argument("train", metavar="TRAIN", nargs="+", help=TRAIN_HELP)
    command.add_argument("--json", action="store_true", help=f"print {what} as JSON, and nothing else")
    command.add_argument("--picture", metavar="FILE", type=Path, help=f"draw {what} into a PNG, SVG or PDF file")


def _plan(options: argparse.Namespace) -> None:
    from slanted.commands.plan_and_find_lr import show_plan

    show_plan(files_of(options), settings_of(options), options.picture, as_json=options.json)


def _find(options: argparse.Namespace) -> None:
    from slanted.commands.plan_and_find_lr import show_search

    search = SearchOptions(**values_of(options, SearchOptions))
    show_search(files_of(options), settings_of(options), search, options.picture, as_json=options.json)


def _add_evaluate(commands: Any) -> None:
    command = add_command(commands, "evaluate", _evaluate, "score the model in DIR on the rows of FILE", "DIR FILE")
    command.add_argument("folder", metavar="DIR", help="the folder of `slanted train --out`")
    command.add_argument("file", metavar="FILE", help="rows with the columns that the model was trained on")
    command.add_argument("--json", action="store_true", help="print the scores as JSON")
    _add_use_options(command, ("text", "text_b", "label", *USE))


def _add_predict(commands: Any) -> None:
    text = "predict the rows of FILE with the model in DIR"
    command = add_command(commands, "predict", _predict, text, "DIR FILE --out FILE")
    command.add_argument("folder", metavar="DIR", help="the folder of `slanted train --out`")
    command.add_argument("file", metavar="FILE", help="rows with the text column; labels are not needed")
    formats = "the file to write: .csv, .tsv, .json, .jsonl or .parquet, all but the last also with .gz or .zst behind"
    command.add_argument("--out", metavar="FILE", required=True, help=f"{formats}; - writes CSV to standard output")
    for setting in setting_fields(PredictOptions):
        if setting.name in ("keep", "submission"):
            add_option(command, setting)
    _add_use_options(command, ("text", "text_b", *USE))


def _add_report(commands: Any) -> None:
    command = add_command(commands, "report", _report, "write report.html of the run in DIR again", "DIR")
    command.add_argument("folder", metavar="DIR", help="the folder of `slanted train --out`")


def _add_use_options(command: argparse.ArgumentParser, reading: Sequence[str]) -> None:
    add_reading_options(command, reading)
    fields = {setting.name: setting for setting in setting_fields(UseOptions)}
    group = command.add_argument_group("machine")
    for name in ("backend", "threads"):
        add_option(group, fields[name])


def _evaluate(options: argparse.Namespace) -> None:
    from slanted.commands.evaluate_and_predict import evaluate

    evaluate(Path(options.folder), options.file, UseOptions(**values_of(options, UseOptions)), as_json=options.json)


def _predict(options: argparse.Namespace) -> None:
    from slanted.commands.evaluate_and_predict import predict

    chosen = PredictOptions(**values_of(options, PredictOptions))
    predict(Path(options.folder), options.file, Path(options.out), chosen)


def _report(options: argparse.Namespace) -> None:
    from slanted.report.write_report import write_page

    print(f"report: {write_page(Path(options.folder))}")


def _add_watch(commands: Any) -> None:
    text = "show the run in DIR while it is running, or its result"
    command = add_command(commands, "watch", _watch, text, "DIR")
    command.add_argument("folder", metavar="DIR", help="the folder of `slanted train --out` or `slanted compare --out`")
    command.add_argument("--once", action="store_true", help="show the current progress, and do not wait for the end")


def _watch(options: argparse.Namespace) -> None:
    from slanted.commands.watch import watch

    watch(Path(options.folder), once=options.once)
