"""`slanted watch`: a run drawn in the terminal from what it writes while it goes on, or has left at its end."""

import csv
import json
import os
import platform
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from slanted.errors import InputError
from slanted.text import artefacts
from slanted.text.json_view import LIVE
from slanted.text.progress import Progress
from slanted.text.sparkline import sparkline
from slanted.text.views import GroupRates, duration
from slanted.text.wording import plural

SECONDS_BETWEEN_LOOKS = 0.5
MOST_WIDTH = 72


def watch(folder: Path, progress: Progress | None = None, once: bool = False) -> None:
    """Show the run in `folder`: until it ends if it is going on, and then what it left.

    Args:
        folder: What `slanted train --out` names.
        progress: Shows it; None: on standard output.
        once: Whether a run that is going on is shown as it stands, and not waited for.

    Raises:
        InputError: The folder holds no run that is going on or finished.
    """
    progress = progress or Progress()
    try:
        while (live := _live_file(folder)) is not None:
            with live.open(encoding="utf-8") as file:
                _follow(file, live, folder, progress, once)
            if once:
                return
    except KeyboardInterrupt:  # ends the watching, not the run
        return
    finally:
        progress.end()
    if not (folder / artefacts.METRICS).is_file():
        raise InputError(f"{folder}: holds no run that is going on or finished; give what `slanted train --out` names")
    for line in finished(folder):
        progress.say(line)


def _live_file(folder: Path) -> Path | None:
    """Return the file of the run that is going on, or of the fold."""
    found = [path for path in folder.rglob(LIVE) if path.parent.name == artefacts.PARTIAL]
    return max(found, key=lambda path: path.stat().st_mtime, default=None)


def _follow(file: Any, live: Path, folder: Path, progress: Progress, once: bool) -> None:
    """Show events as they come, until the run has ended."""
    player = _Player(progress)
    while True:
        for event in _events(file):
            player.show(event)
        if once or not live.exists():
            return
        if player.is_dead():
            raise InputError(f"{folder}: the process of this run is gone; go on with `slanted train --resume`")
        time.sleep(SECONDS_BETWEEN_LOOKS)


def _events(file: Any) -> Iterator[dict[str, Any]]:
    """Yield what has been written since the last time, whole lines only."""
    while True:
        start = file.tell()
        line = file.readline()
        if not line.endswith("\n"):
            file.seek(start)
            return
        yield json.loads(line)


class _Player:
    """Shows events by the views that showed them where the run is.

    Args:
        progress: Shows them.
    """

    def __init__(self, progress: Progress) -> None:
        self.progress, self._began = progress, dict[str, Any]()

    def show(self, event: dict[str, Any]) -> None:
        """Show one."""
        handlers: dict[str, Callable[[dict[str, Any]], None]] = {
            "begin": self._begin,
            "step": self._step,
            "message": lambda event: self.progress.say(event["text"]),
            "epoch": lambda event: self.progress.epoch(event["epoch"], event["scores"], event["text"]),
            "result": lambda event: self.progress.end(),
        }
        handlers[event["event"]](event)

    def is_dead(self) -> bool:
        """Return whether the run's process was on this machine and is no more."""
        if self._began.get("host") != platform.node() or os.name != "posix":
            return False
        try:
            os.kill(self._began["process"], 0)
        except ProcessLookupError:
            return True
        except PermissionError:
            return False  # somebody else's, and alive
        return False

    def _begin(self, event: dict[str, Any]) -> None:
        self._began = event
        self.progress.begin(event["total_steps"], event["batch_size"], event["first_step"])

    def _step(self, event: dict[str, Any]) -> None:
        began, rates = self._began, event["rates"]
        curve = np.array(began["curve"] or [event["learning_rate"]])
        groups = _RatesNow(curve, rates, [(0, tuple(rates))]) if rates else None
        self.progress.groups(groups)
        loss = float("nan") if event["loss"] is None else event["loss"]
        self.progress.step(event["step"], event["epoch"], loss, event["learning_rate"])


class _RatesNow(GroupRates):
    """The rates of the layer groups as they were written."""

    def at(self, step: int, rate: float) -> dict[str, float]:
        """Return them."""
        return dict(self.multipliers)


def finished(folder: Path) -> list[str]:
    """Return a finished run in a few lines: rate and loss over the steps, and the scores.

    Raises:
        InputError: A file of the run is missing or broken.
    """
    metrics, recipe = artefacts.read_json(folder / artefacts.METRICS), artefacts.read_json(folder / artefacts.RECIPE)
    kept = f"; kept epoch {metrics['kept_epoch']} of {metrics['epochs']}" if "kept_epoch" in metrics else ""
    steps, seconds = plural(metrics["total_steps"], "step"), duration(metrics["train_seconds"])
    lines = [f"finished: recipe {recipe['recipe']['name']}, {steps} in {seconds}{kept}"]
    losses, rates = _history(folder / artefacts.HISTORY)
    width = min(MOST_WIDTH, shutil.get_terminal_size().columns - 24)
    if losses:
        lines += [
            f"rate  {sparkline(rates, width)}  highest {max(rates):.3g}",
            f"loss  {sparkline(losses, width)}  {losses[0]:.3g} to {losses[-1]:.3g}",
        ]
    for where in ("valid", "test"):
        scores = metrics.get(where) or {}
        shown = "  ".join(f"{name} {scores[name]:.4f}" for name in scores if isinstance(scores[name], float))
        lines += [f"{where}: {shown}"] if shown else []
    return lines


def _history(path: Path) -> tuple[list[float], list[float]]:
    """Return the losses and rates of the steps; a cross-validation has none of its own."""
    if not path.exists():
        return [], []
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = [(float(row["loss"]), float(row["learning_rate"])) for row in csv.DictReader(file)]
    except (OSError, KeyError, ValueError) as error:
        raise InputError(f"{path}: cannot be read ({error}); restore the file or train again") from None
    return [loss for loss, _ in rows], [rate for _, rate in rows]
