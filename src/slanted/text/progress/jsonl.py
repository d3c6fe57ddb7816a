"""A run as JSON lines: for programs, and for `slanted watch` in the file that a run writes while it goes on."""

import json
import math
import os
import platform
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from slanted.text.progress.view import Every, RunStart, Step, View

LIVE = "live.jsonl"  # in the folder of a run's files until they take their place
SECONDS_BETWEEN_STEPS = 1.0
STEPS_OF_THE_TIME = 3600  # of a long run's time a step is written for each such part
CURVE_POINTS = 120


class JsonLinesView(View):
    """Writes an object a line, each with its `event`.

    - `message`: `text`.
    - `begin`: `total_steps`, `batch_size`, `first_step` (above 0 in a run that goes on), `curve` (rates at up to 120
      steps from the first to the last, evenly spaced), `process` and `host`.
    - `step`, at most one a second, and the last: `step` (how many are done), `epoch`, `loss` (of the batch),
      `learning_rate` (the one applied, 0 where loss scaling skipped the batch), `rates` (of each layer group; 0:
      closed), `seconds` (since `begin`).
    - `epoch`: `epoch`, `scores` (on the validation rows), `text`.
    - `result`: `metrics`, as in metrics.json.

    Each but `message` has `run`, the run's title, where it is one of several. A number that is not finite is null.

    Args:
        stream: Where to.
    """

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def say(self, text: str) -> None:
        """Write a message."""
        self._write("message", text=text)

    def begin(self, shape: RunStart) -> None:
        """Write what begins."""
        super().begin(shape)
        self._every, self._began = Every(SECONDS_BETWEEN_STEPS), time.monotonic()
        whole = [] if shape.groups is None else shape.groups.curve
        points = np.linspace(0, max(len(whole) - 1, 0), min(len(whole), CURVE_POINTS)).astype("int64")
        sizes = {"total_steps": shape.total_steps, "batch_size": shape.batch_size, "first_step": shape.first_step}
        curve = [float(whole[point]) for point in points]
        self._write("begin", **sizes, curve=curve, process=os.getpid(), host=platform.node())

    def step(self, step: Step) -> None:
        """Write the step if it is time, and the last."""
        if not self._every.due(step.done == self.shape.total_steps, step.is_shown):
            return
        groups = self.shape.groups
        rates = {} if groups is None else groups.at(step.done - 1, step.rate)
        facts = {"step": step.done, "epoch": step.epoch, "loss": step.loss, "learning_rate": step.rate}
        self._write("step", **facts, rates=rates, seconds=round(time.monotonic() - self._began, 3))

    def epoch(self, number: int, scores: Mapping[str, Any], text: str) -> None:
        """Write an epoch's scores."""
        self._write("epoch", epoch=number, scores=scores, text=text)

    def result(self, metrics: Mapping[str, Any]) -> None:
        """Write the result."""
        self._write("result", metrics=metrics)

    def _write(self, event: str, **facts: Any) -> None:
        titled = {"run": self.title} if self.title and event != "message" else {}
        line = json.dumps(_finite({"event": event, **titled, **facts}), ensure_ascii=False, allow_nan=False)
        print(line, file=self.stream, flush=True)


class LiveFile(JsonLinesView):
    """Writes a run's events to a file in the folder of its files, for `slanted watch`: first its `process` and `host`.

    Steps come once a second in the first hour, then each 3,600th of the time passed: a day's file takes some MB. A file
    that cannot be written, on a full disk, say, ends there: the run needs it for nothing.

    Args:
        folder: Where a run writes its files to.
    """

    def __init__(self, folder: Path) -> None:
        try:
            stream = (folder / LIVE).open("a", encoding="utf-8")
        except OSError:
            stream = _nowhere()
        super().__init__(stream)
        self._write("process", process=os.getpid(), host=platform.node())

    def step(self, step: Step) -> None:
        """Write the step if it is time, and the last."""
        self._every.seconds = max(SECONDS_BETWEEN_STEPS, (time.monotonic() - self._began) / STEPS_OF_THE_TIME)
        super().step(step)

    def end(self) -> None:
        """Close the file."""
        with suppress(OSError):
            self.stream.close()

    def _write(self, event: str, **facts: Any) -> None:
        try:
            super()._write(event, **facts)
        except OSError:
            self.end()
            self.stream = _nowhere()


def _nowhere() -> TextIO:
    return open(os.devnull, "w", encoding="utf-8")


def _finite(value: Any) -> Any:
    """Return the value with null for every number that JSON has not."""
    if isinstance(value, Mapping):
        return {name: _finite(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
