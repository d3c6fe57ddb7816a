"""Event files for TensorBoard: losses, scores, and the learning rate of every layer group."""

import importlib.util
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from slanted.errors import InputError, missing_extra
from slanted.text.progress.view import RunStart, Step, View

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
        self._folder, self._writer, self._done, self._began = folder, None, 0, False

    def begin(self, shape: RunStart) -> None:
        """Open an event file, in a subfolder if the run is one of several."""
        super().begin(shape)
        self._began = True
        self._open(shape.first_step)

    def _open(self, first_step: int | None) -> None:
        from tensorboardX import SummaryWriter

        self._close()
        folder = self._folder / self.title.replace(" ", "-") if self.title else self._folder
        try:
            self._writer: Any = SummaryWriter(str(folder), purge_step=first_step, flush_secs=FLUSH_SECONDS)
        except OSError as error:
            found = f"cannot be written ({error.strerror}); free space or give another folder"
            raise InputError(f"--tensorboard {folder}: {found}") from None

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
        self._writer.add_scalar(name, value, self._done - 1)

    def _close(self) -> None:
        if self._writer is not None:
            self._writer.close()
        self._writer = None
