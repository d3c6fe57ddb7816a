"""What a notebook shows of a run: one cell that is drawn again."""

import io
import sys
import types

import pytest
from shown_runs import Terminal, run

from slanted.text.progress import notebook as notebook_module
from slanted.text.progress.notebook import NotebookView
from slanted.text.progress.plain import PlainView
from slanted.text.progress.progress import Progress
from slanted.text.progress.terminal import TerminalView

pytestmark = pytest.mark.once


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
    monkeypatch.setenv("TERM", "xterm")
    assert [type(view) for view in Progress(Terminal()).views] == [TerminalView]
