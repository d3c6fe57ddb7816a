"""The view of a run on a terminal: two lines, updated in place by rich, with the position in the curve and the loss."""

from collections.abc import Mapping
from typing import Any, TextIO

import numpy as np
from rich.console import Console
from rich.constrain import Constrain
from rich.live import Live
from rich.text import Text

from slanted.errors import printable
from slanted.text.progress.plain import line_of
from slanted.text.progress.sparkline import sparkline
from slanted.text.progress.view import RunStart, Step, Throttle, Throughput, View, left

SECONDS_BETWEEN_REDRAWS = 0.1
SMOOTHING = 0.98  # of the displayed loss: that of single batches is noisy
CURVE_WIDTH, LOSS_WIDTH, MOST_LOSSES = 24, 16, 512
NARROW = 50


class TerminalView(View):
    """Updates two lines in place; one line if the terminal is narrow, or its encoding does not have the bars.

    Args:
        stream: A terminal.
        columns: Its width; None: read at every update, because it may change.
    """

    def __init__(self, stream: TextIO, columns: int | None = None) -> None:
        self.stream = stream
        self._console = Console(file=stream, width=columns, force_terminal=True)
        self._curve, self._bars = np.zeros(0), ""
        self._live = Live(
            console=self._console, auto_refresh=False, transient=True, redirect_stdout=False, redirect_stderr=False
        )

    def say(self, text: str) -> None:
        """Print a line above the progress display, which the next step draws again."""
        self.end()
        print(printable(text), file=self.stream, flush=True)

    def begin(self, shape: RunStart) -> None:
        """Start the clock."""
        super().begin(shape)
        self._throttle, self._throughput = Throttle(SECONDS_BETWEEN_REDRAWS), Throughput(shape.first_step)
        self._smooth: float | None = None
        self._losses: list[float] = []

    def step(self, step: Step) -> None:
        """Draw the step if a tenth of a second has passed or it is the last."""
        self._smooth = step.loss if self._smooth is None else SMOOTHING * self._smooth + (1 - SMOOTHING) * step.loss
        is_due = self._throttle.due(step.done == self.shape.total_steps, step.is_shown)
        if is_due or step.seconds is not None:  # a watched run has few steps, all seconds apart
            self._losses = [*self._losses[:: 2 if len(self._losses) == MOST_LOSSES else 1], self._smooth]
        if is_due:
            self._draw(step)

    def result(self, metrics: Mapping[str, Any]) -> None:
        """Erase the progress display, so that the result can be printed."""
        self.end()

    def end(self) -> None:
        """Erase the progress display."""
        self._live.update("")  # `stop` draws once more
        self._live.stop()

    def _draw(self, step: Step) -> None:
        if not self._live.is_started:
            self._live.start()
            self._console.show_cursor()  # if the process is killed, the cursor would stay hidden
        self._live.update(self._lines(step), refresh=True)

    def _lines(self, step: Step) -> Constrain:
        width = max(self._console.width - 1, 1)  # the last column would wrap the line on some terminals
        pace, has_bars = self._throughput.at(step), not self._console.options.ascii_only
        text = Text(no_wrap=True, overflow="ellipsis" if has_bars else "crop")
        if width < NARROW or not has_bars:
            return Constrain(text.append(printable(line_of(self.shape, step, pace, self.title))), width)
        words = [
            *([self.title] if self.title else []),
            f"step {step.done}/{self.shape.total_steps}",
            f"epoch {step.epoch}",
            f"loss {self._smooth or step.loss:.4f}",
            f"{left(self.shape, step.done, pace)} left",
            f"{pace * self.shape.batch_size:.0f} examples/s",
        ]
        return Constrain(text.append(printable("  ".join(words))).append_text(self._rates(step, width)), width)

    def _rates(self, step: Step, width: int) -> Text:
        """Return the second line: the curve, dimmed after this step, the highest and lowest rate, and the losses."""
        groups = self.shape.groups
        if groups is None:
            return Text()
        rates = list(groups.at(step.done - 1, step.rate).items())
        curve_width = min(CURVE_WIDTH, width // 3)
        if self._curve is not groups.curve or len(self._bars) != curve_width:
            self._curve, self._bars = groups.curve, sparkline(groups.curve, curve_width)
        bars, at = self._bars, round(step.done / self.shape.total_steps * len(self._bars))
        words = [
            f"{name} {rate:.2g}" if rate else f"{name} closed" for name, rate in dict((rates[-1], rates[0])).items()
        ]
        ahead = "" if self._console.no_color else "dim"
        text = Text.assemble(f"\nrate {bars[:at]}│", (bars[at:], ahead), f"  {printable('  '.join(words))}")
        return text.append(f"  loss {sparkline(self._losses, LOSS_WIDTH)}")
