"""Options that several commands share: which data, which settings, what is shown; and what they make."""

import argparse
import os
import sys
from collections.abc import Callable
from dataclasses import MISSING, Field, replace
from pathlib import Path
from typing import Any

from slanted.common.messages import option_of
from slanted.common.setting_fields import argument_of, setting_fields
from slanted.errors import InputError
from slanted.recipe.named import recipe_named, recipes, saved_recipe
from slanted.recipe.own_curve import is_own
from slanted.recipe.recipe import Recipe
from slanted.text.settings import DataFiles, Settings

TRAIN_HELP = "CSV, TSV, JSON Lines or Parquet, also in gzip or zstd; several, 'a pattern*', or - for standard input"


def add_command(commands: Any, name: str, run: Callable[[Any], None], text: str) -> argparse.ArgumentParser:
    """Add a command that calls `run` with its options."""
    command = commands.add_parser(name, help=text, description=text, allow_abbrev=False)
    command.set_defaults(run=run, command=command.prog)
    return command


def add_option(group: Any, setting: Field[Any], **more: Any) -> None:
    """Add the option of a setting; `more` goes to argparse in place of what the setting says."""
    parse, default, text = setting.metadata["parse"], setting.default, setting.metadata["help"]
    if default not in (None, (), MISSING) and "(default" not in text:
        text += f" (default: {default:g})" if isinstance(default, float) else f" (default: {default})"
    own = {name: setting.metadata[name] for name in ("metavar", "nargs") if name in setting.metadata}
    own = {"metavar": {int: "N", float: "X"}.get(parse), "type": _spelt(parse), "default": default, **own, **more}
    group.add_argument(option_of(argument_of(setting)), **{"help": text.replace("%", "%%"), **own})


def given_of(options: argparse.Namespace, cls: Any) -> dict[str, Any]:
    """Return the settings of a dataclass to which the options give a value."""
    names = {f.name: option_of(argument_of(f)).strip("-").replace("-", "_") for f in setting_fields(cls)}
    values = {name: getattr(options, option, None) for name, option in names.items()}
    return {name: value for name, value in values.items() if value is not None}


def add_data_options(command: argparse.ArgumentParser) -> None:
    """Add the options that say which files are read, and how."""
    data = command.add_argument_group("data")
    for setting in setting_fields(DataFiles):
        add_option(data, setting)


def add_setting_options(command: argparse.ArgumentParser, one_run: bool = True) -> None:
    """Add the options of a run's settings; those of its recipe and peak rate if `one_run`.

    None has a default: what is not given is the recipe's, or that of the run whose recipe.json is given.
    """
    left_out = () if one_run else ("recipe", "lr_max")
    group = command.add_argument_group("run")
    for setting in setting_fields(Settings):
        if setting.name not in left_out:
            add_option(group, setting, default=None)
    group = command.add_argument_group("recipe (each overrides the recipe's own)")
    for setting in setting_fields(Recipe):
        if setting.name not in left_out:
            add_option(group, setting, default=None, metavar="X", help=setting.metadata["help"])


def _spelt(parse: Callable[[str], Any]) -> Callable[[str], Any]:
    """Return a function that parses an option, for argparse, which wants errors of its own."""
    rule = "a whole number" if parse is int else "a number"

    def kind(text: str) -> Any:
        try:
            return parse(text)
        except InputError as error:
            raise argparse.ArgumentTypeError(str(error)) from None
        except ValueError:
            raise argparse.ArgumentTypeError(f"must be {rule}, not {text!r}") from None

    return kind


whole, number = _spelt(int), _spelt(float)


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
    name, given = options.recipe or "stlr", given_of(options, Settings)
    if name in recipes() or not Path(name).is_file():
        base = Settings(recipe=recipe_named(name))
    else:
        base = saved_recipe(name, Settings.from_dict)
    return replace(base, **{**given, "recipe": base.recipe.with_settings(**given_of(options, Recipe))})


def files_of(options: argparse.Namespace) -> DataFiles:
    """Return the data files that the options name."""
    train = options.train[0] if len(options.train) == 1 else tuple(options.train)
    return DataFiles(train, **given_of(options, DataFiles))


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
