"""The command line's `compare`: options to calls."""

import argparse
from pathlib import Path
from typing import Any

from slanted.cli import entry
from slanted.cli.options import add_live_options, progress_of
from slanted.common.messages import plural
from slanted.errors import InputError
from slanted.recipe.recipe import Recipe, recipes
from slanted.text.settings import BEST_BY

RECIPES_HELP = (
    f"two or more of {', '.join(recipes())}, or recipe.json files, between commas; each may have settings of its own "
    "behind colons, as in stlr:layer_decay=0.95; the others are compared to the first"
)


def add_compare(commands: Any) -> None:
    """Add the command."""
    text = "train several recipes on the same rows with the same seeds, and say whether their scores differ"
    command = entry.add_command(commands, "compare", _compare, text)
    command.set_defaults(kept=_kept)
    command.add_argument("train", metavar="TRAIN", nargs="+", help=entry.TRAIN_HELP)
    command.add_argument("--recipes", metavar="A,B", required=True, help=RECIPES_HELP)
    command.add_argument("--out", metavar="DIR", required=True, help="the folder of all runs; finished ones are kept")
    command.add_argument("--overwrite", action="store_true", help="delete the comparison that DIR holds")
    command.add_argument("--json", action="store_true", help="print the result as JSON, and nothing else")
    group = command.add_argument_group("comparison")
    group.add_argument("--seeds", type=entry.whole, default=3, metavar="N", help="runs of each recipe (default: 3)")
    group.add_argument(
        "--lr",
        metavar="X,Y",
        help="peak rates to try for each recipe, or x1,x3: multiples of its own; validation chooses",
    )
    group.add_argument("--score", help=f"one of {', '.join(BEST_BY)} (default: by the task: accuracy, say)")
    entry.add_data_options(command)
    entry.add_setting_options(command, one_run=False)
    add_live_options(command, tensorboard=False)


def _kept(options: argparse.Namespace) -> str:
    """Return what is left of a comparison that a signal ended."""
    finished = len(list(Path(options.out).glob("runs/*/metrics.json")))
    return (
        f"{plural(finished, 'finished run')} kept; to go on, give the command again" if finished else "nothing was kept"
    )


def _compare(options: argparse.Namespace) -> None:
    from slanted.commands.compare import CompareOptions, compare
    from slanted.compare.rates import read_rates
    from slanted.compare.recipe_variants import read_variants

    rates = read_rates(options.lr) if options.lr else ()
    options.lr = options.recipe = None

    def recipe_of(name: str) -> Recipe:
        if name not in recipes() and not Path(name).is_file():
            known = ", ".join(recipes())
            raise InputError(f"--recipes {name}: there is no such recipe or file. Recipes are: {known}")
        return entry.settings_of(argparse.Namespace(**{**vars(options), "recipe": name})).recipe

    variants = read_variants(options.recipes, recipe_of)
    chosen = CompareOptions(variants, rates, options.seeds, options.score, options.overwrite, options.json)
    progress = None if options.json and not options.json_lines else progress_of(options)
    compare(entry.files_of(options), entry.settings_of(options), chosen, Path(options.out), progress)
