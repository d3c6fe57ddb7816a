import io
import sys
import time
import types

import numpy as np
import pytest

from slanted.text.progress import notebook as notebook_module
from slanted.text.progress import view as view_module
from slanted.text.progress.notebook import NotebookView
from slanted.text.progress.plain import PlainView
from slanted.text.progress.progress import Progress
from slanted.text.progress.terminal import TerminalView
from slanted.text.progress.view import GroupRates, View

pytestmark = pytest.mark.once

CURVE = np.concatenate([np.linspace(0.0, 1e-3, 10), np.linspace(1e-3, 0.0, 90)])
GROUPS = GroupRates(CURVE, {"low": 0.25, "middle": 0.5, "head": 1.0}, [(0, ("head",)), (50, ("low", "middle", "head"))])


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self):
        return True


@pytest.fixture
def clock(monkeypatch):
    """A clock that stands still until it is moved."""
    now = [100.0]
    monkeypatch.setattr(view_module.time, "monotonic", lambda: now[0])
    return now


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


def run(shown, clock, steps, total=100, seconds=1.0, groups=GROUPS):
    shown.begin(total, 8, groups=groups)
    for done in steps:
        clock[0] += seconds
        shown.step(done, 1 + done // 50, 1.0 / done, float(CURVE[done - 1]))


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


def test_a_dumb_terminal_gets_one_line_without_escape_sequences(terminal, clock, monkeypatch):
    monkeypatch.setenv("TERM", "dumb")
    stream, shown = terminal()
    run(shown, clock, [25, 50])
    assert "\x1b" not in stream.getvalue()
    assert screen(stream)[0][:2] == [
        "step 50/100  epoch 2  loss 0.0200  rate 5.62e-04  200 examples/s  2 s left",
        "",
    ]
    shown.say("epoch 1")
    assert screen(stream)[0][:2] == ["epoch 1", ""]


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


def test_a_run_of_a_hundred_thousand_steps_is_drawn_ten_times_a_second_and_costs_next_to_nothing(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    stream = Terminal()
    shown = Progress(views=[TerminalView(stream, 80)])
    shown.begin(100_000, 8)
    began = time.process_time()
    for done in range(1, 100_001):
        shown.step(done, 1, 0.5, 1e-4)
    seconds = time.process_time() - began
    assert seconds / 100_000 < 20e-6
    assert stream.getvalue().count("step ") <= 2 + 10 * seconds * 4


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


def test_the_rates_of_groups_are_those_of_the_plan(tiny_model):
    import keras

    import slanted

    low, top = keras.layers.Dense(3, name="low"), keras.layers.Dense(2, name="top")
    model = keras.Sequential([keras.Input((4,)), low, top])
    recipe = slanted.Recipe(epochs=4, layer_decay=0.5, unfreezing="top-down")
    groups = GroupRates.of(model, recipe, 1.0, 20, 5)
    planned = slanted.plan(model, recipe, 20, lr_max=1.0, steps_per_epoch=5)
    for step in range(20):
        rates = groups.at(step, float(groups.curve[step]))
        assert rates == {name: planned.rates(name)[step] for name in ("low", "top")}
    assert groups.at(4, 1.0) == {"low": 0.0, "top": 1.0} and groups.at(5, 1.0) == {"low": 0.5, "top": 1.0}


class Handle:
    def __init__(self, bundle):
        self.shown = [bundle]

    def update(self, bundle, raw):
        assert raw
        self.shown.append(bundle)


@pytest.fixture
def notebook(monkeypatch, clock):
    """IPython's display, as far as it is used, with what it was given."""
    handles = []

    def display(bundle, raw, display_id):
        assert raw and display_id
        handles.append(Handle(bundle))
        return handles[-1]

    package, module = types.ModuleType("IPython"), types.ModuleType("IPython.display")
    package.get_ipython = lambda: types.SimpleNamespace(kernel=object())
    module.display = display
    monkeypatch.setitem(sys.modules, "IPython", package)
    monkeypatch.setitem(sys.modules, "IPython.display", module)
    return handles


def test_a_notebook_gets_one_cell_that_is_drawn_again(notebook, clock, monkeypatch, capsys):
    from xml.etree import ElementTree

    shown = Progress()
    assert [type(view) for view in shown.views] == [NotebookView]
    shown.say("data: 100 rows")
    run(shown, clock, [1, 50, 100])
    assert capsys.readouterr().out == "data: 100 rows\n"
    assert len(notebook) == 1 and len(notebook[0].shown) == 3
    last = notebook[0].shown[-1]
    assert last["text/plain"].startswith("step 100/100  epoch 3  loss 0.0100")
    root = ElementTree.fromstring(last["text/html"].replace("<br>", "<br/>"))
    assert root.find("code").text == last["text/plain"]
    loss, rate = (line.get("points").split() for line in root.iter("polyline"))
    assert len(loss) == 3 and len(rate) == 100 and rate[9].endswith(",0.0")  # the peak, at the top
    run(shown, clock, [1])
    assert len(notebook) == 2


def test_what_is_a_notebook(monkeypatch):
    package = types.ModuleType("IPython")
    monkeypatch.setitem(sys.modules, "IPython", package)
    assert not notebook_module.in_notebook()
    package.get_ipython = lambda: None
    assert not notebook_module.in_notebook()
    package.get_ipython = lambda: types.SimpleNamespace()  # IPython on a terminal
    assert not notebook_module.in_notebook()
    assert [type(view) for view in Progress(io.StringIO()).views] == [PlainView]
    assert [type(view) for view in Progress(Terminal()).views] == [TerminalView]


def test_a_view_that_overrides_nothing_takes_everything():
    shown = Progress(views=[View()])
    run(shown, [0.0], [1])
    shown.epoch(1, {}, "text")
    shown.result({})
    shown.end()
