"""Event files for TensorBoard: losses, scores, and the learning rate of every layer group."""

import importlib.util
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from slanted.errors import InputError, missing_extra
from slanted.text.progress.view import RunStart, Step, Throttle, View

FLUSH_SECONDS = 10


class TensorBoardView(View):
    """Writes scalars: `train/loss` and `rate/GROUP` at each step, `valid/SCORE` at each epoch, `test/SCORE` at the end.

    If a run starts again in the same folder, or is resumed from a step, its new events replace the old ones from that
    step on.

    Args:
        folder: The output folder; created if it does not exist.

    Raises:
        InputError: tensorboardX is not installed, or the folder cannot be written to.
    """

    def __init__(self, folder: Path) -> None:
        if importlib.util.find_spec("tensorboardX") is None:  # which imports PyTorch where it finds it: not before time
            raise missing_extra("tensorboard", "--tensorboard")
        place = next(place for place in (folder, *folder.parents) if place.exists())
        if not place.is_dir() or not os.access(place, os.W_OK | os.X_OK):
            found = "is a file" if not place.is_dir() else "cannot be written to"
            raise InputError(f"--tensorboard {folder}: {place} {found}; give another folder")
        self.name = f"--tensorboard {folder}"
        self._folder, self._writer, self._done, self._began = folder, None, 0, False

    def begin(self, shape: RunStart) -> None:
        """Open an event file, in a subfolder if the run is one of several."""
        super().begin(shape)
        self._began = True
        self._open(shape.first_step)

    def _open(self, first_step: int | None) -> None:
        from tensorboardX.event_file_writer import EventsWriter
        from tensorboardX.proto.event_pb2 import SessionLog  # pyright: ignore[reportAttributeAccessIssue]

        self._close()
        folder = self._folder / self.title.replace(" ", "-") if self.title else self._folder
        folder.mkdir(parents=True, exist_ok=True)
        # Not a SummaryWriter, which writes in a thread: on a full disk the thread dies, and its callers wait for ever.
        self._writer: Any = EventsWriter(str(folder / "events"))
        self._flush_due = Throttle(FLUSH_SECONDS)
        if first_step is not None:
            self._write(step=first_step, file_version="brain.Event:2")
            self._write(step=first_step, session_log=SessionLog(status=SessionLog.START))

    def step(self, step: Step) -> None:
        """Write the loss and the learning rates of a step."""
        self._done = step.done
        self._add("train/loss", step.loss)
        groups = self.shape.groups
        for name, rate in ({"curve": step.rate} if groups is None else groups.at(step.done - 1, step.rate)).items():
            self._add(f"rate/{name}", rate)

    def epoch(self, number: int, scores: Mapping[str, Any], text: str) -> None:
        """Write the validation scores of an epoch at its last step."""
        self._add_all("valid", scores)
        self._writer.flush()

    def result(self, metrics: Mapping[str, Any]) -> None:
        """Write the test scores, unless this process trained no step."""
        scores = metrics.get("test") or {}
        if self._writer is None and self._began and scores and not self.title:  # of a whole whose runs have ended
            self._open(None)
        if self._writer is not None:
            self._add_all("test", scores)

    def end(self) -> None:
        """Close the file."""
        self._close()

    def _add_all(self, where: str, scores: Mapping[str, Any]) -> None:
        for name, score in scores.items():
            if isinstance(score, float):
                self._add(f"{where}/{name}", score)

    def _add(self, name: str, value: float) -> None:
        from tensorboardX.summary import scalar

        self._write(step=self._done - 1, summary=scalar(name, value))

    def _write(self, **facts: Any) -> None:
        from tensorboardX.proto.event_pb2 import Event  # pyright: ignore[reportAttributeAccessIssue]

        self._writer.write_event(Event(wall_time=time.time(), **facts))
        if self._flush_due.due():
            self._writer.flush()

    def _close(self) -> None:
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.close()
