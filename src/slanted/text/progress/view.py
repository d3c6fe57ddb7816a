"""Base class of all progress views, the events they receive, redraw throttling and throughput."""

import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from slanted.common.messages import duration

WINDOW_SECONDS = 30.0


@dataclass(frozen=True)
class GroupRates:
    """The learning rate of each layer group at each step.

    Attributes:
        curve: The learning rate of the curve at each step, float64 (total_steps,).
        multipliers: Layer group -> multiplier, the input side first.
        stages: The first step of each stage of unfreezing with the names of its open groups, in order.
    """

    curve: np.ndarray
    multipliers: Mapping[str, float]
    stages: Sequence[tuple[int, tuple[str, ...]]]

    @classmethod
    def of(cls, plan: Any) -> Self:
        """Return the learning rates of the run that `plan` describes."""
        multipliers = {group.name: group.multiplier for group in plan.groups}
        stages = [(stage.first_step, stage.open_groups) for stage in plan.stages]
        return cls(plan.curve.simulate(plan.total_steps), multipliers, stages)

    def at(self, step: int, rate: float) -> dict[str, float]:
        """Return the learning rate of each group at a step, from 0, that applied `rate`; 0 for a closed group."""
        open_groups = [names for start, names in self.stages if start <= step][-1]
        return {name: rate * factor * (name in open_groups) for name, factor in self.multipliers.items()}


@dataclass(frozen=True)
class RunStart:
    """The event that a run begins.

    Attributes:
        total_steps: T, in batches.
        batch_size: Texts per batch.
        first_step: The first step to train, from 0: above 0 in a resumed run.
        groups: The learning rates of the layer groups, or None if they are unknown.
    """

    total_steps: int
    batch_size: int
    first_step: int = 0
    groups: GroupRates | None = None


@dataclass(frozen=True)
class Step:
    """The event that a step is done.

    Attributes:
        done: The number of steps done, this one included.
        epoch: Its epoch, from 1.
        loss: The loss of its batch.
        rate: The learning rate applied to the batch, before the multipliers of layer groups.
        seconds: From the run's beginning to it, of a step that is shown later; None: it was done now.
        is_shown: Whether to show it; None: if enough time has passed since the last one.
    """

    done: int
    epoch: int
    loss: float
    rate: float
    seconds: float | None = None
    is_shown: bool | None = None


class View:
    """Base class of the progress views; the default methods ignore their events.

    `step` is called at every step and must be fast: most views compare the time and return.
    """

    shape = RunStart(0, 0)
    title = ""  # of the run, if it is one of several
    name = "this display"

    def say(self, text: str) -> None:
        """Show a message."""

    def begin(self, shape: RunStart) -> None:
        """Show the start of a run."""
        self.shape = shape

    def step(self, step: Step) -> None:
        """Show a step."""

    def epoch(self, number: int, scores: Mapping[str, Any], text: str) -> None:
        """Show the validation scores of an epoch; `text` is the same as one line, or empty."""
        if text:
            self.say(text)

    def result(self, metrics: Mapping[str, Any]) -> None:
        """Show the content of metrics.json."""

    def end(self) -> None:
        """Erase the progress display, or close the output file."""


class Throttle:
    """Limits how often a view shows a step.

    Args:
        seconds: The time between two steps to show.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds, self._last = seconds, time.monotonic()

    def due(self, at_once: bool = False, is_shown: bool | None = None) -> bool:
        """Return whether to show a step.

        Args:
            at_once: Whether to show it before `seconds` have passed.
            is_shown: Whether to show it in any case, or never; None: if `at_once`, or if `seconds` have passed since
                the last step that was shown.
        """
        now = time.monotonic()
        if is_shown is False or (now - self._last < self.seconds and not (at_once or is_shown)):
            return False
        self._last = now
        return True


class Throughput:
    """Steps per second over the last 30 seconds; the first steps, which compile, do not count for long.

    Args:
        first_step: The first step to train.
    """

    def __init__(self, first_step: int) -> None:
        self._began = time.monotonic()
        self._seen: deque[tuple[float, int]] = deque([(0.0, first_step)])

    def at(self, step: Step) -> float:
        """Return the steps per second at the end of `step`."""
        now, done = time.monotonic() - self._began if step.seconds is None else step.seconds, step.done
        while len(self._seen) > 1 and now - self._seen[1][0] >= WINDOW_SECONDS:
            self._seen.popleft()
        then, before = self._seen[0]
        if now - self._seen[-1][0] >= 1.0:
            self._seen.append((now, done))
        return (done - before) / max(now - then, 1e-9)


def left(shape: RunStart, done: int, steps_a_second: float) -> str:
    """Return the remaining time of a run as text."""
    return duration((shape.total_steps - done) / max(steps_a_second, 1e-9))


class StepsOnly(View):
    """Passes the steps of one run of several, with its title, to another view; its messages are dropped.

    Args:
        view: The other view.
        title: The title of the run.
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
        """Pass on, also if this process trained no step of the run."""
        self._view.title = self._title
        self._view.result(metrics)

    def end(self) -> None:
        """Pass on."""
        self._view.end()
        self._view.title = ""


class FoldView(StepsOnly):
    """Passes the steps and epochs of a fold to another view, and the messages before the first fold's first step.

    These messages apply to all folds.

    Args:
        view: The other view.
        title: The title of the fold.
        first: Whether it is the first fold.
    """

    def __init__(self, view: View, title: str, first: bool) -> None:
        super().__init__(view, title)
        self._before = first

    def say(self, text: str) -> None:
        """Pass on the messages before the first step of the first fold."""
        if self._before:
            self._view.say(text)

    def begin(self, shape: Any) -> None:
        """Pass on."""
        self._before = False
        super().begin(shape)

    def result(self, metrics: Mapping[str, Any]) -> None:
        """Pass on, and drop later messages, also if this process trained no step of the fold."""
        self._before = False
        super().result(metrics)

    def epoch(self, number: int, scores: Mapping[str, Any], text: str) -> None:
        """Pass on, with the title of the fold."""
        self._view.epoch(number, scores, f"{self._title}: {text}")
