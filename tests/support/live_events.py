"""The file of events that a run writes while it goes on, written by tests."""

import json
import os
import platform
import subprocess
import sys

import numpy as np
import pytest

from slanted.commands import watch
from slanted.text.progress import jsonl
from slanted.text.progress.jsonl import LIVE, LiveFile
from slanted.text.progress.progress import Progress
from slanted.text.progress.view import GroupRates


def live(folder, process=None, done=(1, 2)):
    """Write what a run writes while it goes on."""
    partial = folder / ".partial"
    partial.mkdir(parents=True)
    view = LiveFile(partial)
    shown = Progress(views=[view])
    groups = GroupRates(np.linspace(1e-3, 0.0, 4), {"low": 0.5, "head": 1.0}, [(0, ("head",)), (2, ("low", "head"))])
    shown.begin(4, 8, groups=groups)
    before, jsonl.SECONDS_BETWEEN_STEPS = jsonl.SECONDS_BETWEEN_STEPS, 0.0
    for number in done:
        shown.step(number, 1, 0.5, float(groups.curve[number - 1]))
    jsonl.SECONDS_BETWEEN_STEPS = before
    shown.end()
    path = partial / LIVE
    if process is not None:
        events = [json.loads(line) for line in path.read_text().splitlines()]
        events[0]["process"] = process
        path.write_text("".join(json.dumps(event) + "\n" for event in events))
    return path


def write_events(path, *events):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(event) + "\n" for event in events))
    return path


def process(number=None):
    return {"event": "process", "process": number or os.getpid(), "host": platform.node()}


def begin(total=40, first=0):
    return {"event": "begin", "total_steps": total, "batch_size": 8, "first_step": first, "curve": [0.0, 1e-3, 0.0]}


def step(done, seconds):
    facts = {"step": done, "epoch": 1, "loss": 0.5, "learning_rate": 1e-3, "rates": {"low": 5e-4, "head": 1e-3}}
    return {"event": "step", **facts, "seconds": seconds}


@pytest.fixture
def no_waiting(monkeypatch):
    """Have a watch that would wait fail."""
    monkeypatch.setattr(watch.time, "sleep", lambda seconds: pytest.fail("waits"))


def gone():
    """Return the number of a process that is no more."""
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        ended.wait()
    return ended.pid
