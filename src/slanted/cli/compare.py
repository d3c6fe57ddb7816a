"""The options of the command `compare`."""

import argparse
from functools import partial
from pathlib import Path
from typing import Any

from slanted.cli.arguments import add_command, whole
from slanted.cli.options import (
    TRAIN_HELP,
    add_data_options,
    add_live_options,
    add_setting_options,
    check_curve,
    files_of,
    progress_of,
    settings_of,
    settings_without_check,
)
from slanted.common.messages import plural
from slanted.errors import InputError
from slanted.recipe.named import recipes
from slanted.recipe.recipe import Recipe
from slanted.text.settings import BEST_BY

RECIPES_HELP = (
    f"two or more of {', '.join(recipes())}, or recipe.json files, separated by commas; each may be followed by "
    "settings after colons, as in stlr:layer_decay=0.95; the others are compared with the first"
)


def add_compare(commands: Any) -> None:
    """Add the command `compare`."""
    text = "train several recipes on the same rows with the same seeds, and compare their scores"
    command = add_command(commands, "compare", _compare, text, "TRAIN [TRAIN ...] --recipes A,B --out DIR")
    command.add_argument("train", metavar="TRAIN", nargs="+", help=TRAIN_HELP)
    command.add_argument("--recipes", metavar="NAME,NAME", required=True, help=RECIPES_HELP)
    command.add_argument("--out", metavar="DIR", required=True, help="output folder; finished runs are reused")
    command.add_argument("--overwrite", action="store_true", help="delete the comparison in DIR")
    command.add_argument("--json", action="store_true", help="print the result as JSON, and nothing else")
    group = command.add_argument_group("comparison")
    group.add_argument("--seeds", type=whole, default=3, metavar="N", help="runs of each recipe (default: 3)")
    group.add_argument(
        "--lr",
        metavar="X,Y",
        help="peak rates to try for each recipe, or multiples of its own such as x1,x3; the validation score chooses",
    )
    text = f"the score to compare; one of {', '.join(BEST_BY)} (default: depends on the task)"
    group.add_argument("--score", metavar="METRIC", help=text)
    add_data_options(command)
    add_setting_options(command, one_run=False)
    add_live_options(command, tensorboard=False)


def what_survives(out: str) -> str:
    """Return the message that says what survives of a comparison after SIGINT or SIGTERM."""
    finished = len(list(Path(out).glob("runs/*/metrics.json")))
    saved = f"{plural(finished, 'finished run')} saved; to continue, run the command again"
    return saved if finished else "nothing was saved"


def _compare(options: argparse.Namespace) -> None:
    from slanted.commands.compare import CompareOptions, compare
    from slanted.compare.recipe_variants import read_rates, read_variants

    options.what_survives = partial(what_survives, options.out)
    rates = read_rates(options.lr) if options.lr else ()
    options.lr = options.recipe = None

    def recipe_of(name: str) -> Recipe:
        if name not in recipes() and not Path(name).is_file():
            known = ", ".join(recipes())
            raise InputError(f"--recipes {name}: there is no such recipe or file. Recipes are: {known}")
        return settings_without_check(argparse.Namespace(**{**vars(options), "recipe": name})).recipe

    variants = read_variants(options.recipes, recipe_of)
    for variant in variants:
        check_curve(variant.recipe, f"--recipes {variant.name}")
    chosen = CompareOptions(variants, rates, options.seeds, options.score, options.overwrite, options.json)
    progress = None if options.json and not options.json_lines else progress_of(options)
    compare(files_of(options), settings_of(options), chosen, Path(options.out), progress)
