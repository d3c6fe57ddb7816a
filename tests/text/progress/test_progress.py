"""How a run's messages and steps reach its views, all of them or none."""

import errno
import io
import os
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
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        UnicodeEncodeError("ascii", "é", 0, 1, "no"),
        BrokenPipeError(errno.EPIPE, "Broken pipe"),
    ],
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


def test_a_closed_standard_output_shows_nothing(monkeypatch):
    monkeypatch.setattr(sys, "stdout", None)
    assert Progress().views == []


def to_a_full_disk():
    return open("/dev/full", "w")


def to_a_reader_that_went_away():
    read, write = os.pipe()
    os.close(read)
    return os.fdopen(write, "w")


@pytest.mark.parametrize(
    ("opened", "option", "reason"),
    [
        (to_a_full_disk, [], "No space left on device"),
        (to_a_full_disk, ["--json-lines"], "No space left on device"),
        (to_a_reader_that_went_away, [], "Broken pipe"),
    ],
)
def test_an_output_that_fails_does_not_end_a_training(words, place, monkeypatch, capsys, opened, option, reason):
    out = place / f"{opened.__name__}{len(option)}"
    with opened() as output:
        monkeypatch.setattr(sys, "stdout", output)
        assert main([*words, "--out", str(out), *option]) == 0
        monkeypatch.undo()
    assert (out / "metrics.json").is_file() and (out / "report.html").is_file()
    note = f"note: standard output cannot be written ({reason}); see --out\n"
    assert capsys.readouterr().err == note
