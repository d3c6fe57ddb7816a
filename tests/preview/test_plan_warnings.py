"""Warnings about a run before it starts."""

import pytest
from dense_network import dense_network

import slanted
from slanted.preview.plan import DatasetSize, Plan, PlannedGroup
from slanted.preview.plan_warnings import warnings_of
from slanted.recipe.named import recipes
from slanted.recipe.recipe import Recipe

once = pytest.mark.once


def warnings(recipe, total_steps, **arguments):
    recipe = recipe if isinstance(recipe, Recipe) else recipes()[recipe].with_settings(lr_max=0.5)
    return slanted.plan(dense_network(), recipe, total_steps, **arguments).warnings


@once
def test_nothing_is_known_of_the_warm_up_of_a_curve_of_one_s_own():
    assert any("warm-up" in said for said in warnings("linear", 9))
    found = warnings(Recipe(curve=slanted.LinearWarmup(0.5, warmup=0.0)), 9)
    assert found and not any("warm-up" in said for said in found)


@once
def test_a_run_without_fault_has_no_warning():
    assert warnings("stlr", 300, examples=800, batch_size=8) == ()


@once
@pytest.mark.parametrize(
    ("recipe", "total_steps", "arguments", "beginnings"),
    [
        (
            "stlr",
            9,
            {},
            [
                "the run has 9 steps, fewer than 10",
                "the warm-up of 0.1 of 9 steps is shorter than a step",
                "the peak of 0.5 is never reached: it lies between two steps, and the highest rate is",
            ],
        ),
        (
            "linear",
            6,
            {},
            ["the run has 6 steps", "the warm-up of 0.1 of 6 steps is shorter than a step: it is rounded"],
        ),
        (
            "one-cycle",
            3,
            {},
            ["the run has 3 steps", "the warm-up of 0.25 of 3 steps is shorter", "the peak of 0.5 is never reached"],
        ),
        ("stlr", 15, {}, ["the peak of 0.5 is never reached"]),
        ("mosbach2021", 90, {}, ["90 steps are not 20 epochs of 5"]),
        ("constant", 100, {}, []),  # whose epochs the rows decide
        (
            "stlr",
            300,
            {"examples": 799, "batch_size": 8},
            ["799 examples do not divide into batches of 8: one batch per epoch has 7, each with 1.14 times the"],
        ),
        (
            "stlr",
            300,
            {"examples": 5, "batch_size": 8},
            ["all 5 examples are fewer than a batch of 8", "5 examples in batches of 8 are not 100 steps per epoch"],
        ),
        ("stlr", 300, {"gradient_accumulation": 7}, ["300 steps do not divide into accumulations of 7: the last 6"]),
        (
            Recipe(lr_max=0.5, unfreezing="top-down", epochs=2),
            30,
            {},
            ["the unfreezing is longer than the run of 30 steps (2 epochs): dense_6 never opens"],
        ),
        (
            Recipe(lr_max=0.5, unfreezing="top-down", unfreeze_at=(0, 9), epochs=10),
            100,
            {},
            ["dense_6 opens at step 90, when", "dense_5 opens at step 90, when"],
        ),
        (
            Recipe(lr_max=1e-4, layer_decay=0.01),
            300,
            {},
            ["dense_6: the highest rate is below 1e-07, practically frozen"],
        ),
    ],
)
def test_what_is_amiss_is_said(recipe, total_steps, arguments, beginnings):
    found = warnings(recipe, total_steps, **arguments)
    assert len(found) == len(beginnings)
    for warning, beginning in zip(found, beginnings, strict=True):
        assert warning.startswith(beginning)


@once
def test_how_far_below_the_peak_is_said_in_full():
    (warning,) = warnings(Recipe(lr_max=0.5, epochs=1), 15)
    highest = slanted.SlantedTriangular(0.5).simulate(15).max()
    assert f"the highest rate is {highest:.3g}, {1 - highest / 0.5:.1%} below it" in warning


def group(name, opens_at=0, peak_rate=0.5):
    return PlannedGroup(name, 0, 2, 10, 1.0, peak_rate, 1, opens_at)


def planned(recipe, groups):
    return Plan(recipe, 0.5, 30, 10, tuple(groups), (), (), slanted.ConstantWarmup(0.5, 30))


@once
@pytest.mark.parametrize(
    ("freeze", "said"),
    [
        ((), []),
        (("embeddings",), []),
        (("block_0",), []),
        (
            ("block_0", "block_1"),
            ["freezing block_0, block_1 leaves no block to train; freeze fewer groups (--freeze embeddings)"],
        ),
    ],
)
def test_a_recipe_that_freezes_every_block_is_told(freeze, said):
    names = ("embeddings", "block_0", "block_1", "head")
    groups = [group(name, None if name in freeze else 0, 0.0 if name in freeze else 0.5) for name in names]
    recipe = Recipe(lr_max=0.5, freeze=freeze)
    assert warnings_of(planned(recipe, groups), DatasetSize()) == said


@once
@pytest.mark.parametrize(("peak_rate", "slow"), [(1e-7, False), (0.99e-7, True)])
def test_a_group_counts_as_frozen_below_a_rate_of_a_ten_millionth(peak_rate, slow):
    groups = [group("low", peak_rate=peak_rate), group("top")]
    found = warnings_of(planned(Recipe(lr_max=0.5), groups), DatasetSize())
    assert [warning.partition(":")[0] for warning in found] == (["low"] if slow else [])
