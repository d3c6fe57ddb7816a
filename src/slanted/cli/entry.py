"""The command line: options to calls. Keras is imported only once the options and the files are right."""

import argparse
import errno
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields, replace
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

from slanted.common.messages import file_name, option_of
from slanted.common.strict_json import decoded
from slanted.errors import InputError, SettingError, SlantedError
from slanted.recipe.recipe import Recipe, recipe_named, recipes
from slanted.runtime import keras_startup
from slanted.text.settings import BACKENDS, BEST_BY, CLASS_WEIGHTS, LONG, PRECISIONS, TASKS, Settings

EXIT_INTERRUPTED, EXIT_TERMINATED = 130, 143
EXIT_UNREAD = 141  # as a process that SIGPIPE ends: nobody reads what is printed any more
RECIPE_OPTIONS = {f.name: f for f in fields(Recipe) if f.metadata.get("help")}
SETTING_OPTIONS = ("model", "task", "batch_size", "gradient_accumulation", "max_tokens", "precision", "backend")
SETTING_OPTIONS += ("valid_share", "best_by", "positive", "seed", "long", "class_weight", "folds")
PATH_ERRORS = {  # of any call that takes a path: each would have to be guarded
    errno.ENAMETOOLONG: "this path, or a name in it, is too long; give a shorter one",
    errno.ELOOP: "a link in this path leads back to itself; give another path",
}
TRAIN_HELP = "CSV, TSV, JSON Lines or Parquet, also in gzip or zstd; several, 'a pattern*', or - for standard input"


class Terminated(BaseException):
    """SIGTERM arrived."""


class Parser(argparse.ArgumentParser):
    """Says what is wrong with the options in one line, as every other error."""

    def error(self, message: str) -> NoReturn:
        """Raise instead of printing the usage."""
        message = message.removeprefix("argument ").replace("unrecognized arguments: ", "unknown option ")
        raise InputError(f"{message}; see {self.prog} --help")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status: 0, 2, 3, 130, 141 or 143."""
    options = None
    keras_startup.command_alone = arguments is None
    try:
        with _terminable():
            options = parser().parse_args(arguments)
            options.run(options)
    except SlantedError as error:
        command = "slanted" if options is None else options.command
        print(f"error: {_worded(error, command)}", file=sys.stderr)
        return error.exit_status
    except KeyboardInterrupt:
        print(f"error: interrupted; {_kept(options)}", file=sys.stderr)
        return EXIT_INTERRUPTED
    except Terminated:
        print(f"error: terminated; {_kept(options)}", file=sys.stderr)
        return EXIT_TERMINATED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python complains again as it ends
        return EXIT_UNREAD
    except OSError as error:
        if error.errno not in PATH_ERRORS or error.filename is None:
            raise
        print(f"error: {file_name(str(error.filename))}: {PATH_ERRORS[error.errno]}", file=sys.stderr)
        return InputError.exit_status
    return 0


@contextmanager
def _terminable() -> Iterator[None]:
    """Have SIGTERM raise `Terminated`; only the main thread may set that."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, _terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _terminate(number: int, frame: FrameType | None) -> NoReturn:
    raise Terminated


def _kept(options: argparse.Namespace | None) -> str:
    """Return what is left of a command that a signal ended."""
    if options is not None and "kept" in options:
        return options.kept(options)
    if options is None or options.run is not _train:
        return "nothing was kept"
    from slanted.text.runs.checkpoints import come_to

    out = Path(options.out)
    kept, run = come_to(out), _run_in(out)
    if run is not None and run != options.found:
        return f"the run in {out} is finished{_unreported(out, options, bool(kept))}"
    if kept:
        return f"{kept} is kept; to go on, add --resume to the command"
    return "nothing was kept" if run is None else f"nothing was kept; the run that {out} held is as it was"


def _unreported(out: Path, options: argparse.Namespace, kept: bool) -> str:
    """Return what is to be said of a finished run that ended before its report."""
    from slanted.report.write_report import lacks_folds_report
    from slanted.text.runs.resume_check import can_be_read_again

    if kept or ((lacks := lacks_folds_report(out)) and can_be_read_again(files_of(options))):
        return ", but for its report; to make that, add --resume to the command"
    return ", but for its report, for which its rows would be read again" if lacks else ""


def _run_in(out: Path) -> tuple[int, int] | None:
    """Return what tells the run in a folder from one that takes its place, or None without one."""
    try:
        found = (out / "recipe.json").stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns


def _worded(error: SlantedError, command: str) -> str:
    """Return an error's text, a setting named as the option of the command it came from."""
    if not isinstance(error, SettingError):
        return " ".join(str(error).split("\n"))
    remedy = error.remedy or f"see {command} --help"
    return f"{option_of(error.name)} {error.received}: must be {error.rule}; {remedy}"


def parser() -> argparse.ArgumentParser:
    """Return the parser of the whole command line."""
    top = Parser(prog="slanted", description="Fine-tune a pretrained text model on a file of texts and labels.")
    commands = top.add_subparsers(required=True, metavar="COMMAND", parser_class=Parser)
    _add_train(commands)
    _add_evaluate(commands)
    _add_predict(commands)
    _add_plan(commands)
    _add_find(commands)
    _add_report(commands)
    from slanted.cli.compare import add_compare  # which build on this module
    from slanted.cli.options import add_watch

    add_compare(commands)
    add_watch(commands)
    return top


def add_command(commands: Any, name: str, run: Callable[[Any], None], text: str) -> argparse.ArgumentParser:
    """Add a command that calls `run` with its options."""
    command = commands.add_parser(name, help=text, description=text, allow_abbrev=False)
    command.set_defaults(run=run, command=command.prog)
    return command


def _add_train(commands: Any) -> None:
    command = add_command(commands, "train", _train, "fine-tune a model on TRAIN and leave it, with its scores, in DIR")
    command.set_defaults(found=None)
    command.add_argument("train", metavar="TRAIN", nargs="+", help=TRAIN_HELP)
    command.add_argument("--out", metavar="DIR", required=True, help="the folder to make")
    command.add_argument("--overwrite", action="store_true", help="replace the run that DIR holds")
    command.add_argument("--resume", action="store_true", help="go on with the run that DIR holds, or begin it")
    text = "most steps from one checkpoint to the next (default: 1000, more where that costs over 2 %% of the time)"
    command.add_argument("--checkpoint-steps", type=whole, metavar="N", help=text)
    text = "most seconds from one checkpoint to the next, or more, for the same reason (default: 20)"
    command.add_argument("--checkpoint-seconds", type=number, metavar="N", default=20.0, help=text)
    add_data_options(command)
    add_setting_options(command)
    from slanted.cli.options import add_live_options

    add_live_options(command)


def add_data_options(command: argparse.ArgumentParser) -> None:
    """Add the options that say which files are read, and how."""
    data = command.add_argument_group("data")
    data.add_argument("--valid", metavar="FILE", help="rows to choose the epoch by; else a share of TRAIN")
    data.add_argument("--test", metavar="FILE", help="rows to score and predict at the end")
    data.add_argument("--text", metavar="COL", help="the column of the texts (default: text)")
    data.add_argument("--text-b", metavar="COL", help="the column of the second texts, for pairs")
    data.add_argument("--label", metavar="COL", nargs="+", default=(), help="the column or columns of the labels")
    data.add_argument("--label-separator", metavar="S", help="stands between the labels of a cell, such as ';'")
    data.add_argument("--encoding", default="utf-8", help="of the files (default: utf-8)")
    data.add_argument("--bad-rows", default="fail", help="fail, or skip to list them in bad_rows.csv (default: fail)")


def add_setting_options(command: argparse.ArgumentParser, one_run: bool = True) -> None:
    """Add the options of a run's settings; those of its recipe and peak rate if `one_run`."""
    group = command.add_argument_group("run")
    add = group.add_argument
    add("--model", help="minilm, a KerasHub preset, hf://NAME or a folder (default: minilm)")
    if one_run:
        add("--recipe", help=f"one of {', '.join(recipes())}, or a run's recipe.json (default: stlr)")
    add("--task", help=f"one of {', '.join(TASKS)} (default: auto)")
    add("--positive", metavar="LABEL", help="the label that f1 is of, with two classes")
    add("--batch-size", type=whole, metavar="N", help="texts a batch (default: 32)")
    add("--gradient-accumulation", type=whole, metavar="N", help="batches an optimizer step (default: 1)")
    add("--max-tokens", type=whole, metavar="N", help="tokens of a text that the model sees (default: 128)")
    add("--long", metavar="HOW", help=f"texts of more tokens: {' or '.join(LONG)}, pooled (default: truncate)")
    add("--class-weight", metavar="W", help=f"{' or '.join(CLASS_WEIGHTS)}: rare classes count more (default: none)")
    add("--folds", type=whole, metavar="K", help="train K models, each without a K-th of TRAIN, and average them")
    add("--valid-share", type=number, metavar="X", help="share of TRAIN held out without --valid (default: 0.1)")
    add("--best-by", metavar="METRIC", help=f"keeps the epoch best by one of {', '.join(BEST_BY)} (default: loss)")
    add("--precision", help=f"one of {', '.join(PRECISIONS)} (default: auto, measured)")
    add("--backend", help=f"one of {', '.join(BACKENDS)} (default: auto, measured; KERAS_BACKEND wins)")
    add("--seed", type=whole, metavar="N", help="of the split, the order, the new layers, dropout (default: 0)")
    group = command.add_argument_group("recipe (each overrides the recipe's own)")
    if one_run:
        group.add_argument("--lr", type=number, metavar="X", help="peak learning rate (default: by the model's size)")
    for name, setting in RECIPE_OPTIONS.items():
        kind = {int: whole, float: number}.get(type(setting.default), str)
        if parse := setting.metadata["parse"]:
            kind = _spelt(parse)
        group.add_argument(option_of(name), type=kind, metavar="X", help=f"{setting.metadata['help']}")


def whole(text: str) -> int:
    """Return an option's whole number."""
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"must be a whole number, not {text!r}") from None


def _spelt(parse: Callable[[str], Any]) -> Callable[[str], Any]:
    def kind(text: str) -> Any:
        try:
            return parse(text)
        except InputError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return kind


def number(text: str) -> float:
    """Return an option's number."""
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"must be a number, not {text!r}") from None


def settings_of(options: argparse.Namespace) -> Settings:
    """Return the settings that the options make: the recipe's or the saved run's, with what is given in their place."""
    base = _base_settings(options.recipe or "stlr")
    given = {name: getattr(options, name) for name in RECIPE_OPTIONS} | {"lr_max": options.lr}
    recipe = base.recipe.with_settings(**given)
    own = {name: getattr(options, name) for name in SETTING_OPTIONS if getattr(options, name) is not None}
    return replace(base, recipe=recipe, **own)


def _base_settings(recipe: str) -> Settings:
    if recipe in recipes() or not Path(recipe).is_file():
        return Settings(recipe=recipe_named(recipe))
    try:
        return Settings.from_dict(decoded(Path(recipe).read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise InputError(f"{recipe}: not a recipe that `slanted train` wrote ({error}); give its recipe.json") from None


def _train(options: argparse.Namespace) -> None:
    options.found = _run_in(Path(options.out))
    from slanted.cli.options import progress_of
    from slanted.text.runs.checkpoints import Pace
    from slanted.text.training.train_run import train

    pace = Pace(options.checkpoint_steps, options.checkpoint_seconds)
    out, settings = Path(options.out), settings_of(options)
    progress = progress_of(options)
    train(files_of(options), out, settings, options.overwrite, progress, resume=options.resume, pace=pace)


def files_of(options: argparse.Namespace) -> Any:
    """Return the data files that the options name."""
    from slanted.text.runs.run_data import DataFiles

    names = [f.name for f in fields(DataFiles) if f.name not in ("train", "label")]
    given = {name: getattr(options, name) for name in names}
    train = options.train[0] if len(options.train) == 1 else tuple(options.train)
    return DataFiles(train, label=tuple(options.label), **given)


def _add_plan(commands: Any) -> None:
    text = "print what `train` would do with the same options: groups, rates, steps; train nothing"
    command = add_command(commands, "plan", _plan, text)
    _add_looking_options(command, "the plan")
    add_data_options(command)
    add_setting_options(command)


def _add_find(commands: Any) -> None:
    text = "find a peak learning rate for `train` with the same options, verified by short runs"
    command = add_command(commands, "find-lr", _find, text)
    _add_looking_options(command, "what was found")
    search = command.add_argument_group("search")
    search.add_argument("--lr-start", type=number, metavar="X", help="first rate of the range test (default: 1e-6)")
    search.add_argument("--lr-end", type=number, metavar="X", help="last rate (default: 1e-2)")
    search.add_argument("--steps", type=whole, metavar="N", help="batches of the range test (default: 100)")
    search.add_argument("--method", help="valley, steep, minimum or slide (default: valley)")
    search.add_argument("--verify-steps", type=whole, metavar="N", help="batches of each short run (default: 50)")
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
    from slanted.preview.range_test import SearchOptions

    given = {f.name: getattr(options, f.name) for f in fields(SearchOptions) if getattr(options, f.name) is not None}
    show_search(files_of(options), settings_of(options), SearchOptions(**given), options.picture, as_json=options.json)


def _add_evaluate(commands: Any) -> None:
    command = add_command(commands, "evaluate", _evaluate, "score the model in DIR on the rows of FILE")
    command.add_argument("folder", metavar="DIR", help="what `slanted train` left")
    command.add_argument("file", metavar="FILE", help="rows with the columns the model was trained on")
    command.add_argument("--json", action="store_true", help="print the scores as JSON")
    _add_use_options(command)


def _add_predict(commands: Any) -> None:
    command = add_command(commands, "predict", _predict, "predict the rows of FILE with the model in DIR")
    command.add_argument("folder", metavar="DIR", help="what `slanted train` left")
    command.add_argument("file", metavar="FILE", help="rows with the text column; labels are not needed")
    command.add_argument("--out", metavar="FILE", required=True, help="the CSV file to write")
    _add_use_options(command)


def _add_report(commands: Any) -> None:
    command = add_command(commands, "report", _report, "write the page report.html of the run in DIR again")
    command.add_argument("folder", metavar="DIR", help="what `slanted train` left")


def _add_use_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("--text", metavar="COL", help="the column of the texts (default: as in training)")
    command.add_argument("--text-b", metavar="COL", help="the column of the second texts (default: as in training)")
    command.add_argument("--encoding", default="utf-8", help="of the file (default: utf-8)")
    command.add_argument("--backend", default="auto", help=f"one of {', '.join(BACKENDS)} (default: auto, measured)")


def _evaluate(options: argparse.Namespace) -> None:
    from slanted.commands.evaluate_and_predict import UseOptions, evaluate

    evaluate(Path(options.folder), options.file, UseOptions.of(options), as_json=options.json)


def _predict(options: argparse.Namespace) -> None:
    from slanted.commands.evaluate_and_predict import UseOptions, predict

    predict(Path(options.folder), options.file, Path(options.out), UseOptions.of(options))


def _report(options: argparse.Namespace) -> None:
    from slanted.report.write_report import write_page

    print(f"report: {write_page(Path(options.folder))}")
