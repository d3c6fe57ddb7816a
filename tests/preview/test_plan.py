"""A plan: its table, its learning rates, its plot."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
from dense_network import dense_network

import slanted
from slanted.errors import InputError
from slanted.preview.plan import Plan, PlannedGroup, PlannedStage
from slanted.recipe.recipe import Recipe

once = pytest.mark.once


def test_the_table_says_everything():
    recipe = Recipe(name="mine", lr_max=0.5, layer_decay=0.5, unfreezing="top-down", unfreeze_at=(0, 1, 2), epochs=4)
    planned = slanted.plan(dense_network(), recipe, 40, batch=np.zeros((8, 4), "float32"), examples=77, batch_size=8)
    assert str(planned) == (
        "plan: mine: 40 steps in epochs of 10; slanted-triangular to 0.5, highest 0.5 at step 4, last 0.0291\n"
        "optimizer: adamw, weight decay 0.01, gradients clipped to a norm of 1\n"
        "group    depth  variables  parameters  multiplier  peak rate  weight decay  opens at\n"
        "dense_6      0          2          30        0.25     0.0712   1 yes, 1 no  step 20, epoch 3\n"
        "dense_5      1          2          35         0.5       0.21   1 yes, 1 no  step 10, epoch 2\n"
        "dense_2      2          2          12           1        0.5   1 yes, 1 no  step 0, epoch 1\n"
        "stage            begins  steps  a step costs  of a full step  open groups\n"
        "    1   step 0, epoch 1     10    1.34 kFLOP             44%  dense_2\n"
        "    2  step 10, epoch 2     10     2.3 kFLOP             75%  dense_5, dense_2\n"
        "    3  step 20, epoch 3     20    3.07 kFLOP            100%  all\n"
        "the run computes 80% of what it would with all groups open\n"
        "warning: 77 examples do not divide into batches of 8: one batch per epoch has 5, each with 1.6 times the "
        "weight of the others"
    )


@once
def test_unknown_groups_are_refused():
    planned = slanted.plan(dense_network(), Recipe(lr_max=0.5), 30)
    with pytest.raises(InputError, match=r"There is no layer group 'top'. Groups are: dense_6, dense_5, dense_2"):
        planned.rates("top")


@once
def test_the_picture_has_a_line_a_group():
    planned = slanted.plan(dense_network(), Recipe(lr_max=0.5, layer_decay=0.5, unfreezing="top-down"), 30)
    lines = planned.plot().get_lines()
    assert [line.get_label() for line in lines] == ["dense_6", "dense_5", "dense_2"]
    for line in lines:
        np.testing.assert_array_equal(line.get_ydata(), planned.rates(line.get_label()))


@once
def test_the_package_and_the_plan_s_module_come_without_keras():
    code = "import sys, slanted, slanted.preview.plan; assert 'keras' not in sys.modules; assert callable(slanted.plan)"
    subprocess.run([sys.executable, "-c", code], check=True, env={**os.environ})


def planned(*shares):
    """Return a plan of stages of ten steps, each of which costs so much of a full one."""
    names = ("low", "top")
    groups = [PlannedGroup(name, depth, 2, 1200, 1.0, 0.5, 1, 10 * (1 - depth)) for depth, name in enumerate(names)]
    costs = [None if share is None else 1e9 * share for share in shares]
    stages = [
        PlannedStage(10 * number, 10, names[-1 - number :], cost, share)
        for number, (cost, share) in enumerate(zip(costs, shares, strict=True))
    ]
    curve = slanted.ConstantWarmup(0.5)
    return Plan(Recipe(clip_norm=None), 0.5, 10 * len(shares), 10, tuple(groups), tuple(stages), ("too hot",), curve)


@once
@pytest.mark.parametrize(("shares", "share"), [((0.25, 1.0), 0.625), ((1.0,), 1.0), ((0.25, None), None)])
def test_a_run_s_cost_is_the_mean_of_its_steps(shares, share):
    assert planned(*shares).share_of_full_run == share


@once
def test_a_group_has_no_rate_while_it_is_closed():
    assert planned(0.5, 1.0).rates("low").tolist() == [0.0] * 10 + [0.5] * 10
    assert planned(0.5, 1.0).rates("top").tolist() == [0.5] * 20


@once
def test_a_plan_is_written_as_json_holds_it():
    written = planned(0.5, None).to_dict()
    assert json.loads(json.dumps(written)) == written
    assert written["groups"][0]["name"] == "low" and written["stages"][0]["open_groups"] == ["top"]
    assert (written["lr_max"], written["total_steps"], written["warnings"]) == (0.5, 20, ["too hot"])
    assert Recipe.from_dict(written["recipe"]) == Recipe(clip_norm=None)


@once
def test_what_is_not_known_stands_as_a_question_mark_and_warnings_come_last():
    lines = str(planned(0.5, None)).splitlines()
    assert lines[1].endswith("gradients not clipped")
    assert lines[-1] == "warning: too hot"
    assert [line.split() for line in lines[-3:-1]] == [
        ["1", "step", "0,", "epoch", "1", "10", "500", "MFLOP", "50%", "top"],
        ["2", "step", "10,", "epoch", "2", "10", "?", "?", "all"],
    ]
