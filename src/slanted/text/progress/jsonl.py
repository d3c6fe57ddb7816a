"""JSON-lines output of a run, for programs, and live.jsonl, the file that `slanted watch` reads during a run."""

import math
import os
import platform
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from slanted.common.messages import printable_json
from slanted.text.progress.view import RunStart, Step, Throttle, View

LIVE = "live.jsonl"  # in the temporary folder of the files of a run until they are moved to the run folder
SECONDS_BETWEEN_STEPS = 1.0
STEPS_OF_THE_TIME = 3600  # the seconds between steps are at least the time so far divided by this number
CURVE_POINTS = 120


class JsonLinesView(View):
    """Writes each event as a JSON object on one line, with its name as `event`.

    - `message`: `text`.
    - `begin`: `total_steps`, `batch_size`, `first_step` (above 0 in a resumed run), `curve` (the learning rate at up to
      120 evenly spaced steps, the first and the last included), `process` and `host`.
    - `step`, at most once a second, and for the last step: `step` (the number of steps done), `epoch`, `loss` (of the
      batch), `learning_rate` (the applied one; 0 if loss scaling skipped the batch), `rates` (of each layer group; 0 if
      it is closed), `seconds` (since `begin`).
    - `epoch`: `epoch`, `scores` (on the validation rows), `text`.
    - `result`: `metrics`, as in metrics.json.

    If the run is one of several, each event but `message` has its title as `run`. A number that is not finite is null.

    Args:
        stream: The output stream.
    """

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def say(self, text: str) -> None:
        """Write a message."""
        self._write("message", text=text)

    def begin(self, shape: RunStart) -> None:
        """Write the start of a run."""
        super().begin(shape)
        self._throttle, self._began = Throttle(SECONDS_BETWEEN_STEPS), time.monotonic()
        rates = [] if shape.groups is None else shape.groups.curve
        points = np.linspace(0, max(len(rates) - 1, 0), min(len(rates), CURVE_POINTS)).astype("int64")
        sizes = {"total_steps": shape.total_steps, "batch_size": shape.batch_size, "first_step": shape.first_step}
        curve = [float(rates[point]) for point in points]
        self._write("begin", **sizes, curve=curve, process=os.getpid(), host=platform.node())

    def step(self, step: Step) -> None:
        """Write the step if a second has passed or it is the last."""
        if not self._throttle.due(step.done == self.shape.total_steps, step.is_shown):
            return
        groups = self.shape.groups
        rates = {} if groups is None else groups.at(step.done - 1, step.rate)
        facts = {"step": step.done, "epoch": step.epoch, "loss": step.loss, "learning_rate": step.rate}
        self._write("step", **facts, rates=rates, seconds=round(time.monotonic() - self._began, 3))

    def epoch(self, number: int, scores: Mapping[str, Any], text: str) -> None:
        """Write the validation scores of an epoch."""
        self._write("epoch", epoch=number, scores=scores, text=text)

    def result(self, metrics: Mapping[str, Any]) -> None:
        """Write the result."""
        self._write("result", metrics=metrics)

    def _write(self, event: str, **facts: Any) -> None:
        titled = {"run": self.title} if self.title and event != "message" else {}
        values = _finite({"event": event, **titled, **facts})
        encoding = getattr(self.stream, "encoding", None)
        print(printable_json(values, encoding=encoding), file=self.stream, flush=True)


class LiveFile(JsonLinesView):
    """Writes the events of a run to live.jsonl, for `slanted watch`; the first event has `process` and `host`.

    In the first hour a step is written once a second, later after a 3,600th of the time so far, so that the file of a
    day has a few MB. If the file cannot be written, because the disk is full for example, writing stops and the run
    continues.

    Args:
        folder: The folder that the run writes its files to.
    """

    def __init__(self, folder: Path) -> None:
        try:
            stream = (folder / LIVE).open("a", encoding="utf-8")
        except OSError:
            stream = _nowhere()
        super().__init__(stream)
        self._write("process", process=os.getpid(), host=platform.node())

    def step(self, step: Step) -> None:
        """Write the step if enough time has passed or it is the last."""
        self._throttle.seconds = max(SECONDS_BETWEEN_STEPS, (time.monotonic() - self._began) / STEPS_OF_THE_TIME)
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
    """Replace NaN and infinities, which JSON does not have, by None."""
    if isinstance(value, Mapping):
        return {name: _finite(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
