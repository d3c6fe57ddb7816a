"""What every view of a run shares: what it is told, when it looks, and how fast the run goes."""

import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

WINDOW_SECONDS = 30.0


@dataclass(frozen=True)
class GroupRates:
    """The rate of each layer group at each step.

    Attributes:
        curve: The curve's rate at each step, float64 (total_steps,).
        multipliers: Layer group -> multiplier, the input side first.
        stages: From which step on which groups are open, in order.
    """

    curve: np.ndarray
    multipliers: Mapping[str, float]
    stages: Sequence[tuple[int, tuple[str, ...]]]

    @classmethod
    def of(cls, plan: Any) -> Self:
        """Return the rates of a planned run."""
        multipliers = {group.name: group.multiplier for group in plan.groups}
        stages = [(stage.first_step, stage.open_groups) for stage in plan.stages]
        return cls(plan.curve.simulate(plan.total_steps), multipliers, stages)

    def at(self, step: int, rate: float) -> dict[str, float]:
        """Return the rate of each group at a step, from 0, where `rate` was applied; a closed group has 0."""
        open_groups = [names for start, names in self.stages if start <= step][-1]
        return {name: rate * factor * (name in open_groups) for name, factor in self.multipliers.items()}


@dataclass(frozen=True)
class RunStart:
    """What run begins.

    Attributes:
        total_steps: T, in batches.
        batch_size: Texts a batch.
        first_step: The first that is trained: above 0 in a run that goes on.
        groups: The rates of the layer groups, where they are known.
    """

    total_steps: int
    batch_size: int
    first_step: int = 0
    groups: GroupRates | None = None


@dataclass(frozen=True)
class Step:
    """A step that is done.

    Attributes:
        done: How many are done with it.
        epoch: Its epoch, from 1.
        loss: Of its batch.
        rate: The learning rate applied to the batch, before the multipliers of layer groups.
        seconds: From the run's beginning to it, of a step that is shown later; None: it was done now.
        is_shown: Whether it is shown; None: if it is time to.
    """

    done: int
    epoch: int
    loss: float
    rate: float
    seconds: float | None = None
    is_shown: bool | None = None


class View:
    """Something that a run is shown to; what it does not override it does not show.

    `step` is called at every step and must take no time: most views look at the clock and return.
    """

    shape = RunStart(0, 0)
    title = ""  # of the run, where it is one of several

    def say(self, text: str) -> None:
        """Show a message."""

    def begin(self, shape: RunStart) -> None:
        """Make ready for the steps."""
        self.shape = shape

    def step(self, step: Step) -> None:
        """Show a step."""

    def epoch(self, number: int, scores: Mapping[str, Any], text: str) -> None:
        """Show an epoch's validation scores; `text` says them in a line, or is empty."""
        if text:
            self.say(text)

    def result(self, metrics: Mapping[str, Any]) -> None:
        """Show what came of the run."""

    def end(self) -> None:
        """Leave nothing half-drawn."""


class Every:
    """Whether it is time to look again.

    Args:
        seconds: Between two looks.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds, self._last = seconds, time.monotonic()

    def due(self, at_once: bool = False, told: bool | None = None) -> bool:
        """Return whether `seconds` have passed since the last time this was true, or what one is told."""
        now = time.monotonic()
        if told is False or (now - self._last < self.seconds and not (at_once or told)):
            return False
        self._last = now
        return True


class Throughput:
    """Steps a second over the last half minute: the first steps compile, and say little of the others.

    Args:
        first_step: Where the run begins.
    """

    def __init__(self, first_step: int) -> None:
        self._began = time.monotonic()
        self._seen: deque[tuple[float, int]] = deque([(0.0, first_step)])

    def at(self, step: Step) -> float:
        """Return the steps a second as this one is done."""
        now, done = time.monotonic() - self._began if step.seconds is None else step.seconds, step.done
        while len(self._seen) > 1 and now - self._seen[1][0] >= WINDOW_SECONDS:
            self._seen.popleft()
        then, before = self._seen[0]
        if now - self._seen[-1][0] >= 1.0:
            self._seen.append((now, done))
        return (done - before) / max(now - then, 1e-9)


def left(shape: RunStart, done: int, steps_a_second: float) -> str:
    """Return how long the run still takes, for people."""
    return duration((shape.total_steps - done) / max(steps_a_second, 1e-9))


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


class StepsOnly(View):
    """Shows another view the steps of one run among many, under its title, and none of its messages.

    Args:
        view: Which.
        title: Of the run.
    """

    def __init__(self, view: View, title: str) -> None:
        self._view, self._title = view, title

    def begin(self, shape: RunStart) -> None:
        """Pass on."""
        super().begin(shape)
        self._view.title = self._title
        self._view.begin(shape)

    def step(self, step: Step) -> None:
        """Pass on."""
        self._view.step(step)

    def epoch(self, number: int, scores: Mapping[str, Any], text: str) -> None:
        """Pass on without the line."""
        self._view.epoch(number, scores, "")

    def result(self, metrics: Mapping[str, Any]) -> None:
        """Pass on, of a run too that had all its steps behind it."""
        self._view.title = self._title
        self._view.result(metrics)

    def end(self) -> None:
        """Pass on."""
        self._view.end()
        self._view.title = ""


class FoldView(StepsOnly):
    """Shows another view the steps and epochs of a fold, and what the first says before it begins: it goes for all.

    Args:
        view: Which.
        title: Of the fold.
        first: Whether it is the first.
    """

    def __init__(self, view: View, title: str, first: bool) -> None:
        super().__init__(view, title)
        self._before = first

    def say(self, text: str) -> None:
        """Pass on what is said before the steps of the first fold."""
        if self._before:
            self._view.say(text)

    def begin(self, shape: Any) -> None:
        """Pass on."""
        self._before = False
        super().begin(shape)

    def result(self, metrics: Mapping[str, Any]) -> None:
        """Pass on; a fold whose steps were all done before has not begun, and says no more either."""
        self._before = False
        super().result(metrics)

    def epoch(self, number: int, scores: Mapping[str, Any], text: str) -> None:
        """Pass on, with the fold's title."""
        self._view.epoch(number, scores, f"{self._title}: {text}")
