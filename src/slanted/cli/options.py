"""Options that several commands share: which data, which settings, what is shown; and what they make."""

import argparse
import os
import sys
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from slanted.common.messages import option_of
from slanted.common.strict_json import decoded
from slanted.errors import InputError
from slanted.recipe.named import recipe_named, recipes
from slanted.recipe.own_curve import is_own
from slanted.recipe.recipe import Recipe
from slanted.text.settings import BACKENDS, BEST_BY, CLASS_WEIGHTS, LONG, PRECISIONS, TASKS, Settings

RECIPE_OPTIONS = {f.name: f for f in fields(Recipe) if f.metadata.get("help")}
SETTING_OPTIONS = ("model", "task", "batch_size", "gradient_accumulation", "max_tokens", "precision", "backend")
SETTING_OPTIONS += ("valid_share", "best_by", "positive", "seed", "long", "class_weight", "folds")
TRAIN_HELP = "CSV, TSV, JSON Lines or Parquet, also in gzip or zstd; several, 'a pattern*', or - for standard input"


def add_command(commands: Any, name: str, run: Callable[[Any], None], text: str) -> argparse.ArgumentParser:
    """Add a command that calls `run` with its options."""
    command = commands.add_parser(name, help=text, description=text, allow_abbrev=False)
    command.set_defaults(run=run, command=command.prog)
    return command


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
    add("--backend", help=f"one of {', '.join(BACKENDS)} (default: auto, measured; measure: again; KERAS_BACKEND wins)")
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
        except ValueError:
            raise argparse.ArgumentTypeError(f"must be a number, not {text!r}") from None

    return kind


def number(text: str) -> float:
    """Return an option's number."""
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"must be a number, not {text!r}") from None


def settings_of(options: argparse.Namespace) -> Settings:
    """Return the settings that the options make, whose curve can be made.

    Raises:
        InputError: The recipe is a file that names a curve of the user's own, and no option does.
    """
    settings = settings_given(options)
    check_curve(settings.recipe, f"--recipe {options.recipe}")
    return settings


def check_curve(recipe: Recipe, option: str) -> None:
    """Raise where a file alone, and no option, names the curve of the user's own that a recipe has.

    Raises:
        InputError: It does.
    """
    if isinstance(recipe.curve, str) and is_own(recipe.curve):
        found = f"{option}: its curve {recipe.curve} is code that is not imported because a file names it"
        raise InputError(f"{found}; add --curve with the curve's MODULE:CLASS")


def settings_given(options: argparse.Namespace) -> Settings:
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


def files_of(options: argparse.Namespace) -> Any:
    """Return the data files that the options name."""
    from slanted.text.runs.run_data import DataFiles

    names = [f.name for f in fields(DataFiles) if f.name not in ("train", "label")]
    given = {name: getattr(options, name) for name in names}
    train = options.train[0] if len(options.train) == 1 else tuple(options.train)
    return DataFiles(train, label=tuple(options.label), **given)


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
    """Return the progress display that the options ask for."""
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
