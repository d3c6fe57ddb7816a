"""What a run says while it goes on: a line that moves on a terminal, plain lines now and then elsewhere."""

import sys
import time
from typing import TextIO

SECONDS_BETWEEN_PLAIN_LINES = 10.0
SECONDS_BETWEEN_REDRAWS = 0.1


class Progress:
    """Prints a run's messages, steps and epochs to a stream.

    Args:
        stream: Where to; None: standard output. A terminal gets one line that is drawn again, all else plain lines.
        quiet: Print nothing.
    """

    def __init__(self, stream: TextIO | None = None, quiet: bool = False) -> None:
        self.stream = sys.stdout if stream is None else stream
        self.quiet = quiet
        self.redraws = self.stream.isatty()
        self._drawn = ""
        self._total = self._first = 0
        self._started = self._shown = 0.0

    def say(self, text: str) -> None:
        """Print a line of its own."""
        if not self.quiet:
            self._erase()
            print(text, file=self.stream, flush=True)

    def begin(self, total_steps: int, batch_size: int, first_step: int = 0) -> None:
        """Say that steps `first_step` to `total_steps` of batches of `batch_size` texts follow."""
        self._total, self._first, self._batch_size = total_steps, first_step, batch_size
        self._started = self._shown = time.monotonic()

    def step(self, done: int, epoch: int, loss: float, rate: float) -> None:
        """Show that `done` steps are done; the last one had this loss and learning rate."""
        now = time.monotonic()
        pause = SECONDS_BETWEEN_REDRAWS if self.redraws else SECONDS_BETWEEN_PLAIN_LINES
        if self.quiet or (now - self._shown < pause and done < self._total):
            return
        self._shown = now
        line = self._line(done, epoch, loss, rate, now - self._started)
        if self.redraws:
            self._erase()
            self.stream.write(line)
            self.stream.flush()
            self._drawn = line
        else:
            print(line, file=self.stream, flush=True)

    def end(self) -> None:
        """Erase the line that moves: what comes next, an error's line too, starts a line of its own."""
        self._erase()

    def _line(self, done: int, epoch: int, loss: float, rate: float, seconds: float) -> str:
        steps_a_second = (done - self._first) / max(seconds, 1e-9)
        left = (self._total - done) / max(steps_a_second, 1e-9)
        return (
            f"step {done}/{self._total}  epoch {epoch}  loss {loss:.4f}  rate {rate:.2e}  "
            f"{steps_a_second * self._batch_size:.0f} examples/s  {duration(left)} left"
        )

    def _erase(self) -> None:
        if self._drawn:
            self.stream.write("\r" + " " * len(self._drawn) + "\r")
            self.stream.flush()
            self._drawn = ""


def duration(seconds: float) -> str:
    """Return a length of time for people.

    >>> duration(75), duration(3700)
    ('1 min 15 s', '1 h 01 min')
    """
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
