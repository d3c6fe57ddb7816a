"""Reads the events of a run from live.jsonl and shows them with the views of a run."""

import os
import platform
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from slanted.common.strict_json import NUMBER, decoded_strictly
from slanted.errors import InputError
from slanted.text.progress.progress import Progress
from slanted.text.progress.view import GroupRates

LONGEST_LINE = 2**24  # characters: the scores of many labels are on one line
_KINDS: dict[str, dict[str, Any]] = {
    "process": {"process": int, "host": str},
    "message": {"text": str},
    "begin": {"total_steps": int, "batch_size": int, "first_step": int, "curve": list},
    "step": {"step": int, "epoch": int, "learning_rate": NUMBER, "rates": dict, "seconds": NUMBER},
    "epoch": {"epoch": int, "scores": dict, "text": str},
    "result": {"metrics": dict},
}


def read_events(file: TextIO, path: Path) -> Iterator[dict[str, Any]]:
    """Yield the events written since the last call, from complete lines only.

    Raises:
        InputError: A line is not an event; the message names `path`.
    """
    while True:
        start = file.tell()
        line = file.readline(LONGEST_LINE)
        if not line.endswith("\n") and len(line) < LONGEST_LINE:
            file.seek(start)
            return
        yield _event(line, path)


def _event(line: str, path: Path) -> dict[str, Any]:
    try:
        event = decoded_strictly(line)
        kinds = _KINDS[event["event"]]
    except (ValueError, TypeError, KeyError):
        kinds = None
    if kinds is None or not all(isinstance(event.get(name), kind) for name, kind in kinds.items()):
        raise InputError(f"{path}: a line is not an event of a run; this run cannot be watched")
    return event


class Player:
    """Replays the events of a run.

    Args:
        progress: Shows the events.
    """

    def __init__(self, progress: Progress) -> None:
        self.progress = progress
        self._process: dict[str, Any] = {}
        self._curve: list[float] | None = None

    def catch_up(self, events: Iterable[dict[str, Any]]) -> None:
        """Show past events: all messages, epochs and results, but only the last step."""
        last = None
        for event in events:
            if event["event"] != "step":
                self.show(event)
                continue
            if last is not None:
                self._step(last, is_shown=False)
            last = event
        if last is not None:
            self._step(last, is_shown=True)

    def show(self, event: dict[str, Any]) -> None:
        """Show one event."""
        match event["event"]:
            case "process":
                self._process = event
            case "message":
                self.progress.say(event["text"])
            case "begin":
                self._curve = event["curve"]
                self.progress.begin(event["total_steps"], event["batch_size"], event["first_step"])
            case "step":
                self._step(event)
            case "epoch":
                self.progress.epoch(event["epoch"], event["scores"], event["text"])
            case "result":
                self.progress.end()

    def is_dead(self) -> bool:
        """Return whether the process of the run was on this machine and has ended."""
        if self._process.get("host") != platform.node() or os.name != "posix":
            return False
        try:
            os.kill(self._process["process"], 0)
        except ProcessLookupError:
            return True
        except PermissionError:
            return False  # a running process of another user
        return False

    def _step(self, event: dict[str, Any], is_shown: bool | None = None) -> None:
        if self._curve is None:
            return  # without its `begin` event a run cannot be drawn
        rates = event["rates"]
        curve = np.array(self._curve or [event["learning_rate"]])
        self.progress.groups(_RatesNow(curve, rates, [(0, tuple(rates))]) if rates else None)
        loss = float("nan") if event.get("loss") is None else event["loss"]
        done, epoch, rate = event["step"], event["epoch"], event["learning_rate"]
        self.progress.step(done, epoch, loss, rate, seconds=event["seconds"], is_shown=is_shown)


class _RatesNow(GroupRates):
    """The learning rates of the layer groups at one step, from its event."""

    def at(self, step: int, rate: float) -> dict[str, float]:
        """Return the learning rates."""
        return dict(self.multipliers)
