"""What a run says while it goes on, to whoever looks: a terminal, a notebook, a program, TensorBoard."""

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, TextIO

from slanted.text.progress.view import FoldView, GroupRates, RunStart, Step, StepsOnly, View, duration

__all__ = ["Progress", "duration"]


class Progress:
    """Hands a run's messages, steps and epochs to views.

    Args:
        stream: Where to; None: standard output. A terminal gets lines that are drawn again, a notebook a cell that is,
            all else plain lines, a terminal that cannot move its cursor too.
        quiet: Show nothing.
        views: Shown to in place of `stream`.
    """

    def __init__(self, stream: TextIO | None = None, quiet: bool = False, views: Sequence[View] | None = None) -> None:
        if views is None:
            views = [] if quiet else [_view_of(sys.stdout if stream is None else stream)]
        self.views = list(views)

    @contextmanager
    def shown_to(self, view: View) -> Iterator[None]:
        """Show to `view` too, for a while."""
        self.views.append(view)
        try:
            yield
        finally:
            self.views.remove(view)
            view.end()

    def steps_only(self, title: str) -> "Progress":
        """Return what shows the same views the steps of one run among many, without its messages."""
        return Progress(views=[StepsOnly(view, title) for view in self.views])

    def say(self, text: str) -> None:
        """Print a line of its own."""
        for view in self.views:
            view.say(text)

    def begin(self, total_steps: int, batch_size: int, first_step: int = 0, groups: GroupRates | None = None) -> None:
        """Say that steps `first_step` to `total_steps` of batches of `batch_size` texts follow."""
        for view in self.views:
            view.begin(RunStart(total_steps, batch_size, first_step, groups))

    def groups(self, groups: GroupRates | None) -> None:
        """Show these rates of the layer groups from now on."""
        for view in self.views:
            view.shape = replace(view.shape, groups=groups)

    def step(
        self,
        done: int,
        epoch: int,
        loss: float,
        rate: float,
        seconds: float | None = None,
        is_shown: bool | None = None,
    ) -> None:
        """Show that `done` steps are done; the last one had this loss and learning rate. The others: as of `Step`."""
        for view in self.views:
            view.step(Step(done, epoch, loss, rate, seconds, is_shown))

    def epoch(self, number: int, scores: Mapping[str, Any], text: str) -> None:
        """Show the validation scores of an epoch, from 1, and the line that says them."""
        for view in self.views:
            view.epoch(number, scores, text)

    def result(self, metrics: Mapping[str, Any]) -> None:
        """Show what metrics.json will hold."""
        for view in self.views:
            view.result(metrics)

    def end(self) -> None:
        """Erase what moves: what comes next, an error's line too, starts a line of its own."""
        for view in self.views:
            view.end()


def _view_of(stream: TextIO) -> View:
    """Return what suits a stream."""
    from slanted.text.progress.notebook import NotebookView, in_notebook
    from slanted.text.progress.plain import PlainView

    if stream.isatty() and os.environ.get("TERM", "dumb") not in ("dumb", "unknown"):
        from slanted.text.progress.terminal import TerminalView

        return TerminalView(stream)
    return NotebookView() if stream is sys.stdout and in_notebook() else PlainView(stream)


def fold_title(number: int, count: int) -> str:
    """Return the title of a fold; `number` counts from 0, the title from 1.

    >>> fold_title(0, 5)
    'fold 1 of 5'
    """
    return f"fold {number + 1} of {count}"


def shown_as_fold(progress: Progress, number: int, count: int) -> Progress:
    """Return where the run of one fold, its number counting from 0, tells of itself."""
    return Progress(views=[FoldView(view, fold_title(number, count), number == 0) for view in progress.views])
