"""Real runs of the command line, on a model that trains in seconds, looked at from outside."""

import json
from dataclasses import replace

import keras
import numpy as np
import pytest
import tiny
import trained_runs
from run_files import read, table
from trained_runs import BACKEND, EPOCHS, FILES, LABELS, OPTIONS, STEPS

import slanted
from slanted.cli import main
from slanted.commands.train import train
from slanted.recipe.named import recipe_named
from slanted.text.progress.jsonl import LIVE, LiveFile
from slanted.text.progress.progress import Progress
from slanted.text.progress.view import View
from slanted.text.runs.run_folder import RunFolder
from slanted.text.runs.run_request import RunRequest
from slanted.text.settings import DataFiles, Settings

place, run = trained_runs.place, trained_runs.run


def test_scores_of_large_numbers_are_those_of_the_predictions_that_are_written(place):
    texts, answers = tiny.examples(24, LABELS)
    numbers = [170_000_000.5 + 1000 * (answer == "beta") + at for at, answer in enumerate(answers)]
    data = tiny.write_rows(place.folder / "large.csv", texts, numbers)
    out = place.folder / "large"
    command = ["train", data, "--test", data, "--out", str(out), "--model", place.model, *OPTIONS, "--epochs", "8"]
    assert main(command) == 0
    predicted = [float(row["prediction"]) for row in table(out / "predictions.csv")]
    assert len(set(predicted)) > 4
    mae = np.abs(np.array(predicted) - numbers).mean()
    assert json.loads((out / "metrics.json").read_text())["test"]["mae"] == pytest.approx(mae, rel=1e-6)


def test_the_folder_holds_the_run_and_nothing_else(run):
    assert {entry.name for entry in run.iterdir()} == FILES
    assert (run / "model" / "model.weights.h5").is_file()


def test_labels_and_recipe(run, place, tiny_model):
    assert read(run / "labels.json") == {"task": "single", "labels": list(LABELS)}
    recipe = read(run / "recipe.json")
    own = {
        "model": tiny_model,
        "batch_size": 8,
        "max_tokens": 16,
        "precision": "float32",
        "backend": BACKEND,
        "seed": 0,
    }
    assert recipe.items() >= own.items()
    assert recipe["recipe"].items() >= {"name": "stlr", "epochs": EPOCHS, "lr_max": 0.01, "ratio": 32.0}.items()
    assert recipe["files"]["train"] == place.train
    assert recipe["columns"].items() >= {"text": "text", "text_b": None}.items()
    assert recipe["columns"]["labels"] == ["label"]


def test_history_has_every_step_and_the_curve(run):
    rows = table(run / "history.csv")
    assert list(rows[0]) == ["step", "epoch", "loss", "learning_rate"]
    assert [int(row["step"]) for row in rows] == list(range(EPOCHS * STEPS))
    assert [int(row["epoch"]) for row in rows] == [1 + step // STEPS for step in range(EPOCHS * STEPS)]
    curve = slanted.SlantedTriangular(0.01, cut_frac=0.1, ratio=32).simulate(EPOCHS * STEPS)
    np.testing.assert_allclose([float(row["learning_rate"]) for row in rows], curve, rtol=1e-5)
    losses = [float(row["loss"]) for row in rows]
    assert losses[0] == pytest.approx(np.log(2), abs=0.1)
    assert np.mean(losses[-STEPS:]) < 0.95 * np.mean(losses[:STEPS])


def test_metrics(run):
    metrics = read(run / "metrics.json")
    facts = {"task": "single", "examples": 40, "epochs": EPOCHS, "total_steps": EPOCHS * STEPS, "backend": BACKEND}
    assert metrics.items() >= {**facts, "precision": "float32", "seed": 0, "resumed_from_step": None}.items()
    assert metrics["examples_per_second"] == pytest.approx(40 * EPOCHS / metrics["train_seconds"])
    scores = {"loss", "accuracy", "macro_f1", "micro_f1", "f1", "matthews", "roc_auc", "average_precision", "ece"}
    assert metrics["baselines"]["frozen_encoder"].pop("seconds") > 0.0
    for part in (metrics["valid"], metrics["test"]):
        assert part.pop("ece_uncalibrated") == part["ece"]  # 4 validation rows calibrate nothing
    for part in (metrics["valid"], metrics["test"], *metrics["baselines"].values()):
        assert part.keys() == scores | {"per_class"}
        assert part["per_class"].keys() == set(LABELS)
    assert metrics["baselines"].keys() == {"majority", "tfidf", "frozen_encoder"}
    assert metrics["baselines"]["majority"]["accuracy"] == 0.5


def test_predictions(run, place):
    rows, truth = table(run / "predictions.csv"), table(place.test)
    assert list(rows[0]) == ["row", "prediction", *(f"probability_{label}" for label in LABELS)]
    assert [int(row["row"]) for row in rows] == list(range(16))
    probabilities = np.array([[float(row[f"probability_{label}"]) for label in LABELS] for row in rows])
    np.testing.assert_allclose(probabilities.sum(axis=1), 1.0, atol=2e-6)
    assert [row["prediction"] for row in rows] == [LABELS[at] for at in probabilities.argmax(axis=1)]
    right = np.mean([row["prediction"] == true["label"] for row, true in zip(rows, truth, strict=True)])
    assert right == read(run / "metrics.json")["test"]["accuracy"]


def test_recipe_json_says_which_fast_paths_were_taken(tiny_model, tmp_path, monkeypatch):
    rows = tiny.write_rows(tmp_path / "t.csv", *tiny.examples(12))
    options = ["--model", tiny_model, "--max-tokens", "8", "--epochs", "1", "--precision", "float32", "--quiet"]
    optimizer = [] if keras.config.backend() == "jax" else ["optimizer"]  # whose step XLA fuses by itself
    for value, expected in (("1", ["encoder", *optimizer]), ("0", [])):
        monkeypatch.setenv("SLANTED_FAST", value)
        assert main(["train", rows, "--out", str(tmp_path / value), *options]) == 0
        assert json.loads((tmp_path / value / "recipe.json").read_text())["fast_paths"] == expected


class Looking(View):
    """Looks at what is on the disk as it gets the result, and then fails in an unexpected way."""

    def __init__(self, folder):
        self.folder, self.files = folder, []

    def result(self, metrics):
        self.files = sorted(path.name for path in self.folder.iterdir())
        raise RuntimeError("a defect")


def test_the_result_is_shown_once_the_run_is_safe_and_in_the_live_file_before(place, monkeypatch):
    lines, out = [], place.folder / "safe"
    monkeypatch.setattr(LiveFile, "result", lambda live, metrics: lines.append((out / ".partial" / LIVE).read_text()))
    settings = Settings(
        model=place.model, recipe=recipe_named("stlr").with_settings(epochs=1), max_tokens=16, precision="float32"
    )
    request = RunRequest(DataFiles(place.train), replace(settings, backend=BACKEND), RunFolder(out))
    with pytest.raises(RuntimeError, match="a defect"):
        train(request, Progress(views=[view := Looking(out)]))
    assert len(lines) == 1 and "metrics.json" in view.files
    assert read(out / "metrics.json")["epochs"] == 1
