"""What the recipe.json of an earlier commit means: the settings that it lacks say what was done before they existed.

The files of `earlier_runs` are what `slanted train` wrote at the commits they are named for.
"""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from slanted.cli.options import settings_of
from slanted.cli.parsers import parser
from slanted.errors import InputError
from slanted.recipe.named import recipe_named, recipes
from slanted.text.runs.resume_check import StartedWith
from slanted.text.settings import Settings, with_missing

pytestmark = pytest.mark.once

RUNS = Path(__file__).parents[1] / "support" / "earlier_runs"
FIRST, WITHOUT_DROPOUT = RUNS / "b3c13c0.json", RUNS / "f4e7b60.json"
LACKED = {"long": "truncate", "class_weight": "none", "folds": 0, "threads": 0, "pooling": "cls", "calibrate": "none"}
LACKED_BY_RECIPE = {"freeze": (), "dropout": None, "head_start": "random"}
GIVEN = {
    "batch_size": 32,
    "valid_share": 0.1,
    "model": "model",
    "max_tokens": 16,
    "backend": "torch",
    "precision": "float32",
}
CHANGED = {"epochs": 1, "weight_decay": 0.0, "curve": "one-cycle", "warmup": 0.1}  # the warm-up of all curves then


def then(**recipe):
    """Return the settings with which those runs were started."""
    settings = {**CHANGED, **LACKED_BY_RECIPE, **recipe}
    return Settings(recipe=replace(recipes()["stlr"], **settings), **GIVEN, **LACKED)


def read(path):
    return json.loads(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", [FIRST, WITHOUT_DROPOUT], ids=lambda path: path.stem)
def test_a_file_of_an_earlier_commit_gives_the_settings_of_its_run(path):
    lacked = {*LACKED, *LACKED_BY_RECIPE} if path == FIRST else {*LACKED_BY_RECIPE}
    assert not lacked & {*read(path), *read(path)["recipe"]}
    settings = Settings.from_dict(read(path))
    assert settings == then()
    assert {name: getattr(settings.recipe, name) for name in LACKED_BY_RECIPE} == LACKED_BY_RECIPE
    assert recipe_named(str(path)) == then().recipe
    assert settings_of(parser().parse_args(["plan", "t.csv", "--recipe", str(path)])) == then()
    complete = with_missing(read(path))
    assert complete.items() >= {**json.loads(json.dumps(then().to_dict())), "peak_rate": 1e-4}.items()


@pytest.mark.parametrize(
    ("changed", "difference"),
    [({"dropout": 0.0}, "--dropout none, not 0.0"), ({"freeze": ("head",)}, "--freeze none, not head")],
)
def test_a_run_of_an_earlier_commit_is_the_same_run_unless_a_setting_differs(changed, difference, tmp_path):
    started = StartedWith.read(WITHOUT_DROPOUT)
    same, other = (json.loads(json.dumps(settings.to_dict())) for settings in (then(), then(**changed)))
    started.check_same(replace(started, settings=same), tmp_path)
    with pytest.raises(InputError) as refused:
        started.check_same(replace(started, settings=other), tmp_path)
    assert f"was started with {difference}; give the same again" in str(refused.value)
