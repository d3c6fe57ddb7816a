"""Options that several commands share, for data, settings and output, and the objects that they describe."""

import argparse
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from slanted.cli.arguments import Once, add_option
from slanted.commands.use_options import UseOptions
from slanted.common.messages import option_of
from slanted.common.setting_fields import argument_of, setting_fields
from slanted.errors import InputError
from slanted.recipe.named import recipe_named, recipes, saved_recipe
from slanted.recipe.own_curve import is_own
from slanted.recipe.recipe import Recipe
from slanted.text.settings import FORM, DataFiles, Settings

OTHERS = "training"
USE = (*FORM, "encoding", "bad_rows")  # how a file is read for a trained model
GROUPS = {
    **dict.fromkeys(("recipe", "model", "task", "max_tokens", "long", "pooling", "positive"), "model and task"),
    **dict.fromkeys(("valid_share", "folds", "best_by"), "validation"),
    **dict.fromkeys(("precision", "backend", "threads"), "machine"),
}
TRAIN_HELP = "CSV, TSV, JSON Lines or Parquet, also gzip or zstd; several files, 'a pattern*', or - for standard input"


def values_of(options: argparse.Namespace, cls: Any) -> dict[str, Any]:
    """Return the settings of a dataclass for which the options have a value."""
    names = {f.name: option_of(argument_of(f)).strip("-").replace("-", "_") for f in setting_fields(cls)}
    values = {name: getattr(options, option, None) for name, option in names.items()}
    return {name: value for name, value in values.items() if value is not None}


def add_data_options(command: argparse.ArgumentParser) -> None:
    """Add the options for the data files and for reading them."""
    data = command.add_argument_group("data")
    for setting in setting_fields(DataFiles):
        add_option(data, setting, **({} if "nargs" in setting.metadata else {"action": Once}))


def add_reading_options(command: argparse.ArgumentParser, names: Sequence[str]) -> None:
    """Add options of `UseOptions` for reading a file with a trained model."""
    group = command.add_argument_group("reading (by default as in training)")
    fields = {setting.name: setting for setting in setting_fields(UseOptions)}
    for name in names:
        more: dict[str, Any] = {} if "nargs" in fields[name].metadata else {"action": Once}
        if name == "bad_rows":
            more["help"] = "rows that cannot be read; fail: stop at the first; skip: leave them out"
        else:
            more |= {"help": fields[name].metadata["help"].partition(" (default")[0], "shown_default": None}
        add_option(group, fields[name], **more)


def add_setting_options(command: argparse.ArgumentParser, one_run: bool = True) -> None:
    """Add the options for the settings of a run; `--recipe` and `--lr` only if `one_run`.

    Their defaults are None: a setting without an option has the value of the recipe, or of the recipe.json file.
    """
    omitted = () if one_run else ("recipe", "lr_max")
    groups = {title: command.add_argument_group(title) for title in ("model and task", OTHERS, "validation", "machine")}
    for setting in setting_fields(Settings):
        if setting.name not in omitted:
            add_option(groups[GROUPS.get(setting.name, OTHERS)], setting, default=None)
    group = command.add_argument_group("recipe", "each overrides the recipe; the defaults are those of stlr")
    for setting in setting_fields(Recipe):
        if setting.name not in omitted:
            default = getattr(recipes()["stlr"], setting.name)
            add_option(group, setting, default=None, shown_default=default)


def settings_of(options: argparse.Namespace) -> Settings:
    """Return the settings from the options, with a recipe whose curve may be imported.

    Raises:
        InputError: The recipe is a file that names a user's own curve, and no option names it.
    """
    settings = settings_without_check(options)
    check_curve(settings.recipe, f"--recipe {options.recipe}")
    return settings


def check_curve(recipe: Recipe, option: str) -> None:
    """Check that a user's own curve in a recipe is named by an option, not only by a file.

    Raises:
        InputError: Only a file names it.
    """
    if isinstance(recipe.curve, str) and is_own(recipe.curve):
        rule = f"code that only a file names, here the curve {recipe.curve}, is not imported"
        raise InputError(f"{option}: {rule}; add --curve with the curve's MODULE:CLASS")


def settings_without_check(options: argparse.Namespace) -> Settings:
    """Return the settings of the named recipe or of the recipe.json file, overridden by the options."""
    name, values = options.recipe or "stlr", values_of(options, Settings)
    if name in recipes() or not Path(name).is_file():
        base = Settings(recipe=recipe_named(name))
    else:
        base = saved_recipe(name, Settings.from_dict)
    return replace(base, **{**values, "recipe": base.recipe.with_settings(**values_of(options, Recipe))})


def files_of(options: argparse.Namespace) -> DataFiles:
    """Return the data files from the options."""
    train = options.train[0] if len(options.train) == 1 else tuple(options.train)
    return DataFiles(train, **values_of(options, DataFiles))


def add_live_options(command: argparse.ArgumentParser, tensorboard: bool = True) -> None:
    """Add the options for live output, with `--tensorboard` if `tensorboard`."""
    group = command.add_argument_group("output")
    either = group.add_mutually_exclusive_group()
    either.add_argument("--quiet", action="store_true", help="print only errors")
    either.add_argument("--json-lines", action="store_true", help="print events as JSON, one object per line")
    if tensorboard:
        text = "write losses, rates and scores for TensorBoard to LOGS (default: tensorboard/NAME next to DIR)"
        group.add_argument("--tensorboard", metavar="LOGS", nargs="?", const="", help=text)


def progress_of(options: argparse.Namespace) -> Any:
    """Return the progress display from the options."""
    from slanted.text.progress.jsonl import JsonLinesView
    from slanted.text.progress.progress import Progress

    progress = Progress(quiet=options.quiet)
    if options.json_lines:
        if getattr(options, "json", False):
            raise InputError("--json-lines: cannot be combined with --json; give one of them")
        progress = Progress(views=[JsonLinesView(sys.stdout)])
    logs = getattr(options, "tensorboard", None)
    if logs is not None:
        from slanted.text.progress.tensorboard import TensorBoardView

        out = Path(options.out)
        folder = Path(logs) if logs else out.parent / "tensorboard" / os.path.basename(os.path.realpath(out))
        progress.views.append(TensorBoardView(folder))
        progress.say(f"tensorboard: {folder}")
    return progress
