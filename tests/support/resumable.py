"""Runs of `slanted train` on a tiny model that something ends at a given step, and what must be the same after all."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
import tiny

from slanted.cli import main
from slanted.text.models.text_model import TextModel
from slanted.text.training import callbacks

LABELS = ("alpha", "beta", "gamma")
PLAIN = "--lr 0.01 --batch-size 8 --max-tokens 16 --precision float32 --epochs 3 --head-start random"
STEPS = 11  # an epoch's: 81 rows of 90, 8 at a time
UNSCORED = ("train_seconds", "examples_per_second", "resumed_from_step", "expected_seconds", "run_seconds")

CHILD = """
import os, signal, sys
from slanted.cli import main
from slanted.text.training import callbacks
recorded = callbacks.StepLog.on_train_batch_end
def watched(self, batch, logs=None):
    recorded(self, batch, logs)
    if len(self.history.steps) == int(sys.argv[1]):
        os.kill(os.getpid(), signal.SIGKILL)
callbacks.StepLog.on_train_batch_end = watched
callbacks.KeepBest._worth = lambda self, scores: -len(self.history.epochs)
sys.exit(main(sys.argv[2:]))
"""


class Killed(BaseException):
    """Stands for a kill: no code of ours but what lets go of the folder runs after it."""


def kill():
    raise Killed


class Place:
    """A folder with data, and how to train there, uninterrupted or not; the first epoch is always the best."""

    def __init__(self, folder: Path, model: str) -> None:
        self.folder, self.model = folder, model
        self.train = tiny.write_rows(folder / "train.csv", *tiny.examples(90, LABELS))
        self.test = tiny.write_rows(folder / "test.csv", *tiny.examples(12, LABELS, seed=5))

    def words(self, name: str, options: str) -> list[str]:
        files = ["train", self.train, "--test", self.test, "--out", str(self.folder / name), "--model", self.model]
        return [*files, "--checkpoint-seconds", "1000", "--checkpoint-steps", "5", *options.split()]

    def run(self, name, options, at=None, happens=kill):
        """Run the command, and have something happen as soon as so many steps are recorded; return its status."""
        recorded = callbacks.StepLog.on_train_batch_end

        def watched(self, batch, logs=None):
            recorded(self, batch, logs)
            if len(self.history.steps) == at:
                happens()

        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(callbacks.StepLog, "on_train_batch_end", watched)
            patched.setattr(callbacks.KeepBest, "_worth", lambda self, scores: -len(self.history.epochs))
            return main(self.words(name, options))

    def killed(self, name, options, at):
        """Run until so many steps are recorded."""
        with pytest.raises(Killed):
            self.run(name, options, at)

    def killed_for_good(self, name, options, at):
        """Run in a process that gets SIGKILL once so many steps are recorded."""
        environment = {**os.environ, "KERAS_BACKEND": keras.backend.backend()}
        command = [sys.executable, "-c", CHILD, str(at), *self.words(name, options)]
        done = subprocess.run(command, capture_output=True, text=True, env=environment)
        assert done.returncode == -signal.SIGKILL, done.stderr


def result(folder):
    """Return all that must be the same."""
    metrics = json.loads((folder / "metrics.json").read_text())
    del metrics["baselines"]["frozen_encoder"]["seconds"]
    scores = {name: value for name, value in metrics.items() if name not in UNSCORED}
    files = {name: (folder / name).read_bytes() for name in ("history.csv", "predictions.csv", "labels.json")}
    recipe = json.loads((folder / "recipe.json").read_text())
    del recipe["artefacts"]  # Keras numbers the layers of a process, and their names are in the model's files
    return scores, files, recipe, TextModel.load(folder).classifier.get_weights()


def drawn(folder):
    """Return what the report draws of the run, but for what goes by time."""
    report = json.loads((folder / "report.json").read_text())
    return {name: report[name] for name in ("groups", "stages", "epochs", "rows")}


def assert_same(folder, reference):
    scores, files, recipe, weights = result(folder)
    expected_scores, expected_files, expected_recipe, expected_weights = result(reference)
    assert scores == expected_scores
    assert files == expected_files
    assert recipe == expected_recipe
    assert all(np.array_equal(a, b) for a, b in zip(weights, expected_weights, strict=True))
    assert not [entry.name for entry in folder.iterdir() if entry.name.startswith(".")]


def resumed_from(folder):
    return json.loads((folder / "metrics.json").read_text())["resumed_from_step"]
