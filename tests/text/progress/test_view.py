"""What all views share: the rates of layer groups, the pace of a run, and the views of one run among many."""

import io
import sys

import pytest
from shown_runs import run

from slanted.text.progress.plain import PlainView
from slanted.text.progress.progress import Progress
from slanted.text.progress.view import GroupRates, Step, Throttle, Throughput, View, duration

pytestmark = pytest.mark.once


def test_the_time_left_goes_by_the_last_half_minute(clock):
    stream = io.StringIO()
    shown = Progress(stream)
    shown.begin(1000, 8)
    clock[0] += 300.0  # the first step compiles
    shown.step(1, 1, 0.5, 1e-4)
    for done in range(2, 102):
        clock[0] += 1.0
        shown.step(done, 1, 0.5, 1e-4)
    assert stream.getvalue().splitlines()[-1].endswith("8 examples/s  14 min 59 s left")


def test_the_rates_of_groups_are_those_of_the_plan(tiny_model):
    import keras

    import slanted

    low, top = keras.layers.Dense(3, name="low"), keras.layers.Dense(2, name="top")
    model = keras.Sequential([keras.Input((4,)), low, top])
    recipe = slanted.Recipe(epochs=4, layer_decay=0.5, unfreezing="top-down")
    planned = slanted.plan(model, recipe, 20, lr_max=1.0, steps_per_epoch=5)
    groups = GroupRates.of(planned)
    for step in range(20):
        rates = groups.at(step, float(groups.curve[step]))
        assert rates == {name: planned.rates(name)[step] for name in ("low", "top")}
    assert groups.at(4, 1.0) == {"low": 0.0, "top": 1.0} and groups.at(5, 1.0) == {"low": 0.5, "top": 1.0}


def test_a_view_that_overrides_nothing_takes_everything():
    shown = Progress(views=[View()])
    run(shown, [0.0], [1])
    shown.epoch(1, {}, "text")
    shown.result({})
    shown.end()


def test_a_fold_that_was_trained_before_says_no_more_than_another(capsys):
    from slanted.text.progress.view import FoldView

    shown = Progress(views=[FoldView(PlainView(sys.stdout), "fold 1 of 2", first=True)])
    shown.say("model: tiny")
    shown.result({"test": {}})
    shown.say("next: slanted predict DIR FILE")
    assert capsys.readouterr().out == "model: tiny\n"


def test_one_looks_again_once_the_seconds_have_passed_or_when_told(clock):
    throttle = Throttle(10.0)
    assert not throttle.due() and throttle.due(at_once=True) and not throttle.due()
    clock[0] += 9.0
    assert throttle.due(is_shown=True) and not throttle.due()
    clock[0] += 10.0
    assert not throttle.due(at_once=True, is_shown=False) and throttle.due() and not throttle.due()


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.0, "0 s"), (59.4, "59 s"), (59.6, "1 min 00 s"), (3599.6, "1 h 00 min"), (100_000.0, "27 h 46 min")],
)
def test_a_length_of_time_is_rounded_before_it_is_split(seconds, text):
    assert duration(seconds) == text


def test_the_pace_of_a_resumed_run_counts_its_own_steps(clock):
    pace = Throughput(first_step=100)
    assert pace.at(Step(104, 1, 0.5, 1e-4, seconds=2.0)) == 2.0
    clock[0] += 4.0
    assert Throughput(first_step=100).at(Step(100, 1, 0.5, 1e-4)) == 0.0
    assert pace.at(Step(110, 1, 0.5, 1e-4)) == 2.5  # by the clock, where the step has no time of its own
