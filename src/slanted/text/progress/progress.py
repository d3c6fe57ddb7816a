"""Passes the messages and events of a run to its views: terminal, notebook, JSON lines, TensorBoard."""

import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, TextIO

from slanted.text.progress.view import FoldView, GroupRates, RunStart, Step, StepsOnly, View, duration

__all__ = ["Progress", "duration"]


class Progress:
    """Passes the messages, steps and epochs of a run to views; a view that cannot be written to is dropped.

    Args:
        stream: The output stream; None: standard output. A terminal and a notebook show progress in place; a file, a
            pipe and a terminal that cannot move its cursor show plain lines.
        quiet: Whether to show nothing.
        views: The views, in place of `stream`.
        wording: Changes each message before it is shown.
    """

    def __init__(
        self,
        stream: TextIO | None = None,
        quiet: bool = False,
        views: Sequence[View] | None = None,
        wording: Callable[[str], str] = str,
    ) -> None:
        if views is None:
            stream = stream or sys.stdout
            views = [] if quiet or stream is None else [_view_of(stream)]
        self.views, self.wording = list(views), wording

    @contextmanager
    def shown_to(self, view: View) -> Iterator[None]:
        """Add `view` to the views in this context."""
        self.views.append(view)
        try:
            yield
        finally:
            if view in self.views:
                self.views.remove(view)
            view.end()

    def steps_only(self, title: str) -> "Progress":
        """Return a Progress that shows the steps of one run of several in the same views, without its messages."""
        return Progress(views=[StepsOnly(view, title) for view in self.views], wording=self.wording)

    def say(self, text: str) -> None:
        """Show a message on a line of its own."""
        self._send(lambda view: view.say(self.wording(text)))

    def begin(self, total_steps: int, batch_size: int, first_step: int = 0, groups: GroupRates | None = None) -> None:
        """Start a run of `total_steps` batches of `batch_size` texts, of which `first_step` are done."""
        self._send(lambda view: view.begin(RunStart(total_steps, batch_size, first_step, groups)))

    def groups(self, groups: GroupRates | None) -> None:
        """Set the learning rates of the layer groups to show from now on."""
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
        """Show the progress after a step; the arguments are the attributes of `Step`."""
        self._send(lambda view: view.step(Step(done, epoch, loss, rate, seconds, is_shown)))

    def epoch(self, number: int, scores: Mapping[str, Any], text: str) -> None:
        """Show the validation scores of an epoch, from 1; `text` is the same as one line."""
        self._send(lambda view: view.epoch(number, scores, text))

    def result(self, metrics: Mapping[str, Any]) -> None:
        """Show the content of metrics.json."""
        self._send(lambda view: view.result(metrics))

    def end(self) -> None:
        """Erase the progress display, so that any further output, such as an error, starts on a new line."""
        self._send(lambda view: view.end())

    def _send(self, event: Callable[[View], None]) -> None:
        """Pass an event to all views. One that cannot be written to, on a full disk say, is dropped."""
        for view in list(self.views):
            try:
                event(view)
            except (OSError, UnicodeError) as error:
                self.views.remove(view)
                self.say(f"note: {view.name} cannot be written ({error}); the run goes on without it")


def _view_of(stream: TextIO) -> View:
    """Return the view for a stream."""
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
    """Return a Progress that shows the run of fold `number`, from 0, of `count` folds in the views of `progress`."""
    views = [FoldView(view, fold_title(number, count), number == 0) for view in progress.views]
    return Progress(views=views, wording=progress.wording)
