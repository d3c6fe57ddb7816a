"""The batch size and the epochs that `auto` decides: enough optimizer steps, within the minutes that are allowed."""

import json

import pytest
from resumable import PLAIN, Place, assert_same, resumed_from

from slanted.recipe.named import recipes
from slanted.recipe.recipe import Recipe
from slanted.text.settings import Settings
from slanted.text.training import fine_tuning, run_length
from slanted.text.training.run_length import decide_epochs, with_batch_size

once = pytest.mark.once


@pytest.fixture(scope="module")
def place(tmp_path_factory, tiny_model):
    """Where to train."""
    return Place(tmp_path_factory.mktemp("lengths"), tiny_model)


def never():
    raise AssertionError("measured")


def decided(steps_per_epoch, *, seconds=0.1, **settings):
    length = decide_epochs(Settings(**settings), steps_per_epoch, lambda: seconds)
    return length.settings.recipe.epochs, length.reason


@once
@pytest.mark.parametrize(("rows", "size"), [(1, 16), (3999, 16), (4000, 32), (10**6, 32)])
def test_small_sets_have_small_batches(rows, size):
    assert with_batch_size(Settings(), rows).batch_size == size
    assert with_batch_size(Settings(batch_size=8), rows).batch_size == 8


@once
def test_few_rows_have_as_many_epochs_as_give_enough_steps():
    assert decided(3) == (100, "length: 100 epochs (for at least 300 optimizer steps; --epochs overrides)")
    assert decided(24)[0] == 13
    assert decided(24, gradient_accumulation=2)[0] == 25
    assert decided(24, pooling="mean") == (7, "length: 7 epochs (for at least 150 optimizer steps; --epochs overrides)")
    assert decided(24, pooling="mean", recipe=Recipe(head_start="random"))[0] == 13


@once
def test_many_rows_have_the_recipe_s_own_number_and_nothing_is_measured():
    length = decide_epochs(Settings(), 100, never)
    assert (length.settings.recipe.epochs, length.reason) == (
        3,
        "length: 3 epochs (the recipe's own number; --epochs overrides)",
    )


@once
def test_a_given_number_is_not_changed():
    length = decide_epochs(Settings(recipe=recipes()["ulmfit"]), 3, never)
    assert (length.settings.recipe.epochs, length.reason) == (8, None)


@once
def test_the_minutes_limit_only_the_epochs_beyond_the_recipe_s_own():
    # 30 steps an epoch of 2 seconds: 10 epochs take 10 minutes, 5 epochs 5
    assert decided(30, seconds=2.0)[0] == 10
    epochs, reason = decided(30, seconds=2.0, max_minutes=5.0)
    assert epochs == 5
    assert reason == (
        "length: 5 epochs (10 would be needed for 300 optimizer steps, but --max-minutes is 5; --epochs overrides)"
    )
    assert decided(30, seconds=60.0)[0] == 3


@once
def test_every_recipe_without_a_number_of_its_own_is_auto():
    own = {name: recipe.epochs for name, recipe in recipes().items() if recipe.epochs != "auto"}
    assert own == {"quick": 2, "ulmfit": 8, "sun2019": 4, "mosbach2021": 20}
    assert Recipe().epochs == "auto" and Recipe().least_epochs == 3


def test_the_epochs_that_were_decided_are_those_of_the_resumed_run_whatever_it_would_decide(place, monkeypatch):
    monkeypatch.setattr(run_length, "STEPS", 40)
    monkeypatch.setattr(fine_tuning, "seconds_a_step", lambda *given: 1.0)
    automatic = PLAIN.replace("--epochs 3", "--epochs auto --batch-size auto --valid-share auto --max-minutes 0.5")
    assert place.run("decided", automatic) == 0
    place.killed("automatic", automatic, 9)  # 6 steps an epoch, of which 30 seconds allow 5
    monkeypatch.setattr(fine_tuning, "seconds_a_step", lambda *given: 0.01)
    assert place.run("automatic", f"{automatic} --resume") == 0
    folder, fixed = place.folder / "automatic", automatic.replace("--epochs auto", "--epochs 5")
    recipe = json.loads((folder / "recipe.json").read_text())
    assert (recipe["recipe"]["epochs"], recipe["batch_size"], recipe["valid_share"]) == (5, 16, 0.0)
    assert recipe["decided"] == ["batch_size", "valid_share", "pooling", "epochs"]
    assert resumed_from(folder) == 5
    assert_same(folder, place.folder / "decided")  # on JAX, whose batches depend on the epochs, too
    assert place.run("automatic", f"{automatic} --resume") == 0  # it is finished, with numbers for what is asked
    place.killed("given", fixed.replace("--valid-share auto", "--valid-share 0"), 9)
    assert place.run("given", f"{automatic} --resume") == 2
