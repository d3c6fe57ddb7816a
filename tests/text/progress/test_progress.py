"""How a run's messages and steps reach its views, all of them or none."""

import io

import pytest
import recorded_run
from shown_runs import run

from slanted.cli import main
from slanted.text.progress.progress import Progress

pytestmark = pytest.mark.once

place, words = recorded_run.place, recorded_run.words


def test_quiet_shows_nothing(clock):
    stream = io.StringIO()
    shown = Progress(stream, quiet=True)
    shown.begin(1, 1)
    clock[0] += 60.0
    shown.step(1, 1, 0.0, 0.0)
    shown.say("words")
    assert stream.getvalue() == "" and not shown.views


def test_of_one_run_among_many_the_steps_are_shown_under_its_title(clock):
    stream = io.StringIO()
    shown = Progress(stream)
    one = shown.steps_only("stlr seed 1")
    one.say("not this")
    run(one, clock, [50, 100], seconds=11.0)
    one.epoch(1, {}, "nor this")
    one.end()
    shown.say("this")
    assert stream.getvalue().splitlines() == [
        "stlr seed 1: step 50/100  epoch 2  loss 0.0200  rate 5.62e-04  36 examples/s  11 s left",
        "stlr seed 1: step 100/100  epoch 3  loss 0.0100  rate 0.00e+00  36 examples/s  0 s left",
        "this",
    ]


def test_quiet_prints_nothing(words, place, capfd):
    capfd.readouterr()
    assert main([*words, "--out", str(place / "quiet"), "--quiet"]) == 0
    assert capfd.readouterr() == ("", "")
