import io

import pytest

from slanted.text import progress
from slanted.text.progress import Progress

pytestmark = pytest.mark.once


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def clock(monkeypatch):
    """A clock that stands still until it is moved."""
    now = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


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


def test_one_line_drawn_again_on_a_terminal_and_gone_at_the_end(clock):
    stream = Terminal()
    shown = Progress(stream)
    shown.begin(2, 8)
    for done in (1, 2):
        clock[0] += 1.0
        shown.step(done, 1, 0.25, 1e-3)
    shown.end()
    lines = [f"step {done}/2  epoch 1  loss 0.2500  rate 1.00e-03  8 examples/s  {2 - done} s left" for done in (1, 2)]
    blank = "\r" + " " * len(lines[0]) + "\r"
    assert stream.getvalue() == lines[0] + blank + lines[1] + blank


def test_a_message_takes_the_place_of_the_moving_line(clock):
    stream = Terminal()
    shown = Progress(stream)
    shown.begin(2, 8)
    clock[0] += 1.0
    shown.step(1, 1, 0.25, 1e-3)
    shown.say("epoch 1: validation loss 0.2")
    assert stream.getvalue().endswith("\repoch 1: validation loss 0.2\n")


def test_quiet_prints_nothing(clock):
    stream = io.StringIO()
    shown = Progress(stream, quiet=True)
    shown.begin(1, 1)
    clock[0] += 60.0
    shown.step(1, 1, 0.0, 0.0)
    shown.say("words")
    assert stream.getvalue() == ""
