"""How a run's messages and steps reach its views, all of them or none."""

import errno
import io
import sys

import pytest
import recorded_run
from shown_runs import run

from slanted.cli import main
from slanted.text.progress.plain import PlainView
from slanted.text.progress.progress import Progress
from slanted.text.progress.view import View

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


class Failing(View):
    """A view that cannot write its second message."""

    name = "the log"

    def __init__(self, error):
        self.error, self.texts = error, []

    def say(self, text):
        if self.texts:
            raise self.error
        self.texts.append(text)


@pytest.mark.parametrize(
    "error", [OSError(errno.ENOSPC, "No space left on device"), UnicodeEncodeError("ascii", "é", 0, 1, "no")]
)
def test_a_view_that_fails_is_dropped_and_the_others_say_so(error):
    stream = io.StringIO()
    shown = Progress(views=[view := Failing(error), PlainView(stream)])
    for text in ("one", "two", "three"):
        shown.say(text)
    assert view.texts == ["one"]
    assert stream.getvalue().splitlines() == [
        "one",
        f"note: the log cannot be written ({error}); the run goes on without it",
        "two",
        "three",
    ]


def test_a_reader_that_goes_away_ends_the_command():
    shown = Progress(views=[Failing(BrokenPipeError())])
    shown.say("one")
    with pytest.raises(BrokenPipeError):
        shown.say("two")


def test_a_closed_standard_output_shows_nothing(monkeypatch):
    monkeypatch.setattr(sys, "stdout", None)
    assert Progress().views == []


@pytest.mark.parametrize("option", [[], ["--json-lines"]])
def test_a_full_disk_under_standard_output_does_not_end_a_training(words, place, monkeypatch, capsys, option):
    out = place / f"full{len(option)}"
    with open("/dev/full", "w") as full:
        monkeypatch.setattr(sys, "stdout", full)
        assert main([*words, "--out", str(out), *option]) == 0
        monkeypatch.undo()
    assert (out / "metrics.json").is_file() and (out / "report.html").is_file()
    note = "note: standard output cannot be written (No space left on device); see --out\n"
    assert capsys.readouterr().err == note
