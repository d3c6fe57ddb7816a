"""What a file or a pipe gets of a run: plain lines now and then."""

import io

import pytest

from slanted.text.progress.plain import PlainView, line_of
from slanted.text.progress.progress import Progress
from slanted.text.progress.view import RunStart, Step

pytestmark = pytest.mark.once


def test_plain_lines_now_and_then_where_there_is_no_terminal(clock):
    stream = io.StringIO()
    shown = Progress(stream)
    shown.begin(4, 8)
    for done in range(1, 5):
        clock[0] += 6.0
        shown.step(done, 1, 0.5, 1e-4)
    shown.say("done")
    assert stream.getvalue().splitlines() == [
        "step 2/4  epoch 1  loss 0.5000  rate 1.00e-04  1 examples/s  12 s left",
        "step 4/4  epoch 1  loss 0.5000  rate 1.00e-04  1 examples/s  0 s left",
        "done",
    ]


def step_of_ten(done, loss=0.5, rate=1e-4):
    return Step(done, 1, loss, rate)


def test_a_line_has_the_step_the_loss_the_rate_and_the_time_left():
    line = line_of(RunStart(10, 8), step_of_ten(4, 12.34567, 0.0), 0.05)
    assert line == "step 4/10  epoch 1  loss 12.3457  rate 0.00e+00  0 examples/s  2 min 00 s left"
    assert line_of(RunStart(10, 8), step_of_ten(10), 2.0, "fold 1 of 2").startswith(
        "fold 1 of 2: step 10/10  epoch 1  "
    )
    assert line_of(RunStart(10, 8), step_of_ten(10), 2.0).endswith("  16 examples/s  0 s left")


@pytest.mark.parametrize(("title", "last"), [("", "step 10/10"), ("fold 1 of 2", None)])
def test_the_last_step_is_printed_at_once_unless_others_follow_the_run(clock, title, last):
    stream = io.StringIO()
    view = PlainView(stream)
    view.title = title
    view.begin(RunStart(10, 8))
    for done in (9, 10):
        clock[0] += 1.0
        view.step(step_of_ten(done))
    assert [line.split("  ")[0] for line in stream.getvalue().splitlines()] == ([last] if last else [])


def test_a_step_that_is_to_be_shown_or_not_does_not_wait_for_its_time(clock):
    stream = io.StringIO()
    view = PlainView(stream)
    view.begin(RunStart(10, 8))
    view.step(Step(1, 1, 0.5, 1e-4, seconds=1.0, is_shown=True))
    clock[0] += 60.0
    view.step(Step(2, 1, 0.5, 1e-4, seconds=2.0, is_shown=False))
    assert [line.split("  ")[0] for line in stream.getvalue().splitlines()] == ["step 1/10"]


def test_control_characters_of_files_are_escaped():
    stream = io.StringIO()
    PlainView(stream).say("a label \x1b]0;owned\x07\r\x9b2J\nthe next line")
    assert stream.getvalue() == "a label \\x1b]0;owned\\x07\\r\\x9b2J\nthe next line\n"
