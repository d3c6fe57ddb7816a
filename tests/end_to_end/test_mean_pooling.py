"""A run whose head reads the mean of the tokens: as its model says, saved for plain Keras, and continued."""

import json
import os
import shutil
import subprocess
import sys

import pytest
import tiny
from run_files import table

from slanted.cli import main

OPTIONS = ["--lr", "0.01", "--epochs", "2", "--batch-size", "8", "--max-tokens", "16", "--precision", "float32"]
LABELS = ("alpha", "beta")

PLAIN = """
import csv, json, sys
import keras, keras_hub
model = keras.saving.load_model(sys.argv[1] + "/model.keras")
preprocessor = keras_hub.models.TextClassifierPreprocessor.from_preset(sys.argv[1])
texts = [row["text"] for row in csv.DictReader(open(sys.argv[2], encoding="utf-8", newline=""))]
print(json.dumps([int(at) for at in model.predict(preprocessor(texts), verbose=0).argmax(axis=1)]))
assert not [name for name in sys.modules if name.split(".")[0] == "slanted"]
"""


@pytest.fixture
def model(tmp_path, tiny_model):
    """A model that sentence-transformers trained on the mean of the tokens, by its files."""
    folder = tmp_path / "sentences"
    shutil.copytree(tiny_model, folder)
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling" / "config.json").write_text('{"pooling_mode_mean_tokens": true}')
    pooling = {"path": "1_Pooling", "type": "sentence_transformers.models.Pooling"}
    (folder / "modules.json").write_text(json.dumps([{"path": "", "type": "x"}, pooling]))
    return str(folder)


def recipe(out):
    return json.loads((out / "recipe.json").read_text())


def test_a_sentence_encoder_is_trained_on_its_mean_and_saved_for_plain_keras(model, tmp_path):
    train = tiny.write_rows(tmp_path / "train.csv", *tiny.examples(44, LABELS))
    test = tiny.write_rows(tmp_path / "test.csv", *tiny.examples(16, LABELS, seed=5))
    out, later, first = tmp_path / "run", tmp_path / "later", tmp_path / "first"
    assert main(["train", train, "--test", test, "--out", str(out), "--model", model, *OPTIONS]) == 0
    assert recipe(out)["pooling"] == "mean"
    metrics = json.loads((out / "metrics.json").read_text())
    assert 0.5 <= metrics["baselines"]["frozen_encoder"]["accuracy"] <= 1.0
    predicted = [row["prediction"] for row in table(out / "predictions.csv")]
    assert main(["predict", str(out), test, "--out", str(tmp_path / "again.csv")]) == 0
    assert [row["prediction"] for row in table(tmp_path / "again.csv")] == predicted

    done = subprocess.run(
        [sys.executable, "-c", PLAIN, str(out / "model"), test], capture_output=True, text=True, env=os.environ
    )
    assert done.returncode == 0, done.stderr
    assert [LABELS[at] for at in json.loads(done.stdout.splitlines()[-1])] == predicted

    assert main(["train", train, "--out", str(later), "--model", str(out), *OPTIONS]) == 0
    assert recipe(later)["pooling"] == "mean"
    assert main(["train", train, "--out", str(first), "--model", model, "--pooling", "cls", *OPTIONS]) == 0
    assert recipe(first)["pooling"] == "cls" and (first / "model" / "task.json").is_file()
