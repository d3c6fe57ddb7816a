"""The view of a run as plain lines, for files, pipes and logs."""

from typing import TextIO

from slanted.errors import printable
from slanted.text.progress.view import RunStart, Step, Throttle, Throughput, View, left

SECONDS_BETWEEN_LINES = 10.0


class PlainView(View):
    """Prints messages, and a line of progress every ten seconds.

    Args:
        stream: The output stream.
    """

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def say(self, text: str) -> None:
        """Print a line."""
        print(printable(text), file=self.stream, flush=True)

    def begin(self, shape: RunStart) -> None:
        """Start the clock."""
        super().begin(shape)
        self._throttle, self._throughput = Throttle(SECONDS_BETWEEN_LINES), Throughput(shape.first_step)

    def step(self, step: Step) -> None:
        """Print the step if ten seconds have passed, or if it is the last and the run is not one of several."""
        if self._throttle.due(step.done == self.shape.total_steps and not self.title, step.is_shown):
            self.say(line_of(self.shape, step, self._throughput.at(step), self.title))


def line_of(shape: RunStart, step: Step, steps_a_second: float, title: str = "") -> str:
    """Return a step as a line of text."""
    return (
        f"{title + ': ' if title else ''}step {step.done}/{shape.total_steps}  epoch {step.epoch}  "
        f"loss {step.loss:.4f}  rate {step.rate:.2e}  {steps_a_second * shape.batch_size:.0f} examples/s  "
        f"{left(shape, step.done, steps_a_second)} left"
    )
