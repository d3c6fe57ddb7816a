"""A run on a terminal: two lines that are drawn again, the curve with the position in it, the loss so far."""

import os
import shutil
from collections.abc import Mapping
from typing import Any, TextIO

import numpy as np

from slanted.text.progress.plain import line_of
from slanted.text.progress.sparkline import BARS, sparkline
from slanted.text.progress.view import Every, Pace, Shape, Step, View, left

SECONDS_BETWEEN_REDRAWS = 0.1
SMOOTHING = 0.98  # of the loss shown: of a batch alone it jumps
CURVE_WIDTH, LOSS_WIDTH, MOST_LOSSES = 24, 16, 512
NARROW = 50
DIM, PLAIN, UP, CLEAR = "\x1b[2m", "\x1b[0m", "\x1b[1A", "\r\x1b[2K"


class TerminalView(View):
    """Draws two lines again and again; one on a terminal that is narrow, or cannot move its cursor up.

    Args:
        stream: A terminal.
        columns: Its width; None: asked at every drawing, as it may change.
    """

    def __init__(self, stream: TextIO, columns: int | None = None) -> None:
        self.stream, self._columns = stream, columns
        self._moves = os.environ.get("TERM", "dumb") not in ("dumb", "unknown")
        self._colours = self._moves and not os.environ.get("NO_COLOR")
        self._draws_bars = _can_encode(stream, BARS + "│")
        self._drawn: list[str] = []

    def say(self, text: str) -> None:
        """Print a line above the drawing, which the next step draws again."""
        self._erase()
        print(text, file=self.stream, flush=True)

    def begin(self, shape: Shape) -> None:
        """Start the clock."""
        super().begin(shape)
        self._every, self._pace = Every(SECONDS_BETWEEN_REDRAWS), Pace(shape.first_step)
        self._smooth: float | None = None
        self._losses: list[float] = []

    def step(self, step: Step) -> None:
        """Draw the step if it is time, and the last."""
        self._smooth = step.loss if self._smooth is None else SMOOTHING * self._smooth + (1 - SMOOTHING) * step.loss
        is_due = self._every.due(step.done == self.shape.total_steps, step.is_shown)
        if is_due or step.seconds is not None:  # of a run that is watched few steps come, all of them seconds apart
            self._losses = [*self._losses[:: 2 if len(self._losses) == MOST_LOSSES else 1], self._smooth]
        if is_due:
            self._draw(self._lines(step))

    def result(self, metrics: Mapping[str, Any]) -> None:
        """Make place for what is said of it."""
        self._erase()

    def end(self) -> None:
        """Erase what is drawn."""
        self._erase()

    @property
    def _width(self) -> int:
        columns = self._columns or shutil.get_terminal_size().columns
        return max(columns - 1, 1)  # the last column would wrap the line on some terminals

    def _lines(self, step: Step) -> list[str]:
        pace = self._pace.at(step)
        if not self._moves or self._width < NARROW or not self._draws_bars:
            return [line_of(self.shape, step, pace, self.title)[: self._width]]
        shown = Step(step.done, step.epoch, self._smooth or step.loss, step.rate)
        words = [
            *([self.title] if self.title else []),
            f"step {step.done}/{self.shape.total_steps}",
            f"epoch {step.epoch}",
            f"loss {shown.loss:.4f}",
            f"{left(self.shape, step.done, pace)} left",
            f"{pace * self.shape.batch_size:.0f} examples/s",
        ]
        return [_fitting(words, self._width), *self._second(step)]

    def _second(self, step: Step) -> list[str]:
        groups = self.shape.groups
        if groups is None:
            return []
        rates = list(groups.at(step.done - 1, step.rate).items())
        width = min(CURVE_WIDTH, self._width // 3)
        curve = with_position(sparkline(groups.curve, width), step.done / self.shape.total_steps, self._colours)
        words = [
            f"{name} {rate:.2g}" if rate else f"{name} closed" for name, rate in dict((rates[-1], rates[0])).items()
        ]
        used = width + 1 + len("rate ") + 2
        text = _fitting([*words, f"loss {sparkline(self._losses, LOSS_WIDTH)}"], self._width - used)
        return [f"rate {curve}  {text}"]

    def _draw(self, lines: list[str]) -> None:
        if not self._moves:
            self._erase()
            self.stream.write(lines[0])
        else:
            self.stream.write(self._back() + f"\n{CLEAR}".join(lines))
        self._drawn = lines
        self.stream.flush()

    def _back(self) -> str:
        """Return what clears the lines drawn and goes to the first."""
        return CLEAR + (UP + CLEAR) * (len(self._drawn) - 1)

    def _erase(self) -> None:
        if not self._drawn:
            return
        blank = "\r" + " " * len(self._drawn[0]) + "\r"
        self.stream.write(self._back() if self._moves else blank)
        self.stream.flush()
        self._drawn = []


def with_position(bars: str, share: float, colours: bool = False) -> str:
    """Return a curve's bars with a stroke where the run stands; what is to come dimmed.

    >>> with_position("▂▅█▇▅▄▂▁", 0.25)
    '▂▅│█▇▅▄▂▁'
    """
    at = int(np.clip(round(share * len(bars)), 0, len(bars)))
    ahead = bars[at:]
    return f"{bars[:at]}│" + (f"{DIM}{ahead}{PLAIN}" if colours and ahead else ahead)


def _fitting(words: list[str], width: int) -> str:
    """Return as many of the words, the first first, as the width holds."""
    text = words[0][:width]
    for word in words[1:]:
        if len(text) + 2 + len(word) > width:
            break
        text += f"  {word}"
    return text


def _can_encode(stream: TextIO, text: str) -> bool:
    try:
        text.encode(getattr(stream, "encoding", None) or "utf-8")
    except UnicodeEncodeError:
        return False
    return True
