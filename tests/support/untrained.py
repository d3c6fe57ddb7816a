"""Runs of a comparison that take no time, for tests of everything around them."""

import keras
import numpy as np

from slanted.common import atomic_files
from slanted.text.runs import run_folder
from slanted.text.training import train_run


def without_training(monkeypatch):
    """Have runs take no time: their scores are drawn by their settings. Returns the names of those that were made."""
    made = []

    def write(request, data, progress, *, keep_model, baselines):
        out, settings = request.out, request.settings
        rate = settings.recipe.lr_max or 1e-4
        random = np.random.default_rng([settings.seed, round(1e6 * rate), *settings.recipe.curve.encode()])
        scores = [{"accuracy": random.integers(50, 90) / 100, "loss": random.random()} for _ in range(2)]
        made.append(out.name)
        out.mkdir(parents=True)
        atomic_files.write_json(
            out / "recipe.json", {**settings.to_dict(), "peak_rate": rate, "decided": [*request.decided]}
        )
        atomic_files.write_rows(out / "history.csv", run_folder.HISTORY_COLUMNS, [(0, 1, random.random(), rate)])
        facts = {"task": "single", "epochs": 2, "train_seconds": 1.0, "baselines": baselines(data, data.test, settings)}
        atomic_files.write_json(out / "metrics.json", {**facts, "valid": scores[0], "test": scores[1]})

    monkeypatch.setattr(train_run, "train_here", write)
    monkeypatch.setattr(keras.backend, "clear_session", lambda: None)  # takes half a second
    return made
