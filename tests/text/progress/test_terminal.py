"""What a terminal shows of a run: two lines that are drawn again, or one."""

import os
import subprocess
import sys

import pytest
from shown_runs import CURVE, GROUPS, Terminal, run

from slanted.text.progress.progress import Progress
from slanted.text.progress.terminal import TerminalView
from slanted.text.progress.view import GroupRates

pytestmark = pytest.mark.once


def screen(stream, columns=80, lines=12):
    """Return the lines that a terminal shows of what was written to it, and where its cursor is."""
    import pyte

    shown = pyte.Screen(columns, lines)
    pyte.Stream(shown).feed(stream.getvalue().replace("\n", "\r\n"))
    return [line.rstrip() for line in shown.display], (shown.cursor.y, shown.cursor.x)


@pytest.fixture
def terminal(monkeypatch, clock):
    """Give a terminal, and what is drawn on it."""
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)

    def made(columns=80, stream=None):
        stream = stream or Terminal()
        return stream, Progress(views=[TerminalView(stream, columns)])

    return made


def test_two_lines_drawn_again_on_a_terminal(terminal, clock):
    stream, shown = terminal()
    shown.say("data: 100 rows")
    run(shown, clock, [1, 25])
    assert screen(stream)[0][:4] == [
        "data: 100 rows",
        "step 25/100  epoch 1  loss 0.9808  6 s left  100 examples/s",
        "rate ▂▇██▇▇│▇▆▆▆▅▅▅▄▄▄▃▃▃▂▂▂▁▁  head 0.00084  low closed  loss █▁",
        "",
    ]
    clock[0] += 1.0
    shown.step(60, 2, 0.5, float(CURVE[59]))
    drawn, cursor = screen(stream)
    assert drawn[0] == "data: 100 rows" and drawn[1].startswith("step 60/100  epoch 2  loss 0.97") and drawn[3] == ""
    assert "head 0.00045  low 0.00011" in drawn[2] and cursor[0] == 2


def test_messages_stand_above_the_drawing_and_nothing_of_it_stays_at_the_end(terminal, clock):
    stream, shown = terminal()
    run(shown, clock, [25])
    shown.epoch(1, {"loss": 0.2}, "epoch 1: validation loss 0.2")
    assert screen(stream)[0][:2] == ["epoch 1: validation loss 0.2", ""]
    clock[0] += 1.0
    shown.step(50, 2, 0.25, float(CURVE[49]))
    drawn, _ = screen(stream)
    assert drawn[0] == "epoch 1: validation loss 0.2" and drawn[1].startswith("step 50/100")
    shown.end()
    assert screen(stream) == (["epoch 1: validation loss 0.2", *[""] * 11], (1, 0))


@pytest.mark.parametrize("columns", [20, 40, 50, 60, 79, 80, 200])
def test_no_line_is_wider_than_the_terminal(terminal, clock, columns):
    stream, shown = terminal(columns)
    run(shown, clock, range(1, 101))
    drawn, cursor = screen(stream, columns)
    lines = 1 if columns < 51 else 2
    assert [bool(line) for line in drawn] == [True] * lines + [False] * (12 - lines)
    assert drawn[0].startswith("step 100/100") and cursor[0] == lines - 1
    assert max(map(len, drawn)) < columns
    shown.end()
    assert not any(screen(stream, columns)[0])


def test_a_dumb_terminal_gets_plain_lines_without_escape_sequences(clock, monkeypatch):
    for name in ("dumb", "unknown", None):
        if name is None:
            monkeypatch.delenv("TERM")
        else:
            monkeypatch.setenv("TERM", name)
        stream = Terminal()
        shown = Progress(stream)
        run(shown, clock, [25, 50], seconds=11.0)
        shown.say("epoch 1")
        shown.end()
        assert stream.getvalue().splitlines() == [
            "step 25/100  epoch 1  loss 0.0400  rate 8.43e-04  18 examples/s  33 s left",
            "step 50/100  epoch 2  loss 0.0200  rate 5.62e-04  18 examples/s  22 s left",
            "epoch 1",
        ]


def test_a_terminal_that_becomes_narrower_and_wider_is_drawn_at_its_width(terminal, clock, monkeypatch):
    sizes = [100, 30, 70]
    monkeypatch.delenv("COLUMNS", raising=False)
    stream, shown = terminal(None)
    shown.begin(100, 8, groups=GROUPS)
    for done, columns in enumerate(sizes, start=1):
        monkeypatch.setattr("os.get_terminal_size", lambda *descriptor, now=columns: os.terminal_size((now, 24)))
        clock[0] += 1.0
        shown.step(done, 1, 0.5, 1e-3)
        drawn = [line for line in screen(stream, 100)[0] if line]
        assert [len(line) < columns for line in drawn] == [True] * (1 if columns < 51 else 2)
        shown.say(""), stream.truncate(0), stream.seek(0)


def test_the_cursor_stays_in_sight_as_a_killed_process_could_not_show_it_again(terminal, clock):
    stream, shown = terminal()
    run(shown, clock, [25])
    assert stream.getvalue().rindex("\x1b[?25h") > stream.getvalue().rindex("\x1b[?25l")


def test_what_others_print_is_not_redirected(terminal, clock):
    before = sys.stdout, sys.stderr
    _, shown = terminal()
    run(shown, clock, [25])
    assert (sys.stdout, sys.stderr) == before
    shown.end()


def test_rich_is_imported_for_a_terminal_alone():
    code = """
import io, os, sys
os.environ["TERM"] = "xterm"
import slanted
from slanted.text.progress.progress import Progress
Progress(quiet=True), Progress(io.StringIO())
assert "rich" not in sys.modules
terminal = io.StringIO()
terminal.isatty = lambda: True
Progress(terminal)
assert "rich" in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_terminal_that_has_no_bars_gets_one_line(terminal, clock):
    stream = Terminal()
    stream.encoding = "ascii"
    _, shown = terminal(stream=stream)
    run(shown, clock, [25])
    stream.getvalue().encode("ascii")
    assert screen(stream)[0][0].startswith("step 25/100")


@pytest.mark.parametrize(("no_color", "dimmed"), [("", True), ("1", False)])
def test_no_color(terminal, clock, monkeypatch, no_color, dimmed):
    monkeypatch.setenv("NO_COLOR", no_color)
    stream, shown = terminal()
    run(shown, clock, [25])
    assert ("\x1b[2m" in stream.getvalue()) is dimmed
    assert "▇│▇" in screen(stream)[0][1]


def test_a_run_of_a_hundred_thousand_steps_is_drawn_ten_times_a_second(terminal, clock):
    stream, shown = terminal(80)
    shown.begin(100_000, 8)
    for done in range(1, 100_001):
        clock[0] += 1e-4
        shown.step(done, 1, 0.5, 1e-4)
    assert 95 <= stream.getvalue().count("step ") <= 105


@pytest.mark.parametrize("columns", [40, 200])
def test_control_characters_of_files_are_escaped(terminal, clock, columns):
    stream, shown = terminal(columns)
    shown.views[0].title = "a title \x1b]0;title\x07"
    rates = GroupRates(CURVE, {"\x1b]0;group\x07": 1.0}, [(0, ("\x1b]0;group\x07",))])
    shown.say("a label \x1b]0;label\x07")
    shown.begin(100, 8, 0, rates)
    clock[0] += 1.0
    shown.step(25, 1, 0.5, float(CURVE[24]))
    assert "\x1b]0;" not in stream.getvalue() and "\x07" not in stream.getvalue()
    assert screen(stream, columns)[0][0] == "a label \\x1b]0;label\\x07"
