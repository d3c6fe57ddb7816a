"""The values of variables are freed, on TensorFlow too, which keeps the variables themselves."""

import json
import os
import subprocess
import sys
from importlib import import_module
from types import SimpleNamespace

import keras
import numpy as np
import pytest
import tiny

from slanted.runtime.memory import release
from slanted.text.estimators import TextClassifier
from slanted.text.models.fold_ensemble import load_model

FOLDS = 4
TRAIN_FOLDS = """
import gc, json, os, sys
from slanted.cli import main
from slanted.text.training import cross_validation

held, train_fold = [], cross_validation.train_fold

def measured(*args):
    metrics = train_fold(*args)
    gc.collect()
    with open("/proc/self/statm") as file:
        held.append(int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE"))
    return metrics

cross_validation.train_fold = measured
assert main(["train", *sys.argv[1:], "--quiet"]) == 0
print(json.dumps(held))
"""


def size(variable):
    """Return how many numbers a variable holds, not how many its shape says."""
    if keras.config.backend() != "tensorflow":
        return int(np.prod(variable.shape))
    shape = import_module("tensorflow").raw_ops.VariableShape(input=variable.value.handle)
    return int(np.prod(shape.numpy()))


def test_a_released_variable_holds_nothing_on_tensorflow_and_is_as_it_was_elsewhere():
    variable = keras.Variable(np.ones((3, 4), np.float32))
    release([variable])
    if keras.config.backend() == "tensorflow":
        assert size(variable) == 0
    else:
        assert variable.numpy().sum() == 12.0


def test_the_optimizer_of_a_finished_fit_holds_nothing_on_tensorflow(tiny_model, monkeypatch):
    made = SimpleNamespace(optimizers=[])
    compiled = keras.Model.compile

    def compile_and_note(model, *args, **settings):
        made.optimizers.append(settings["optimizer"])
        compiled(model, *args, **settings)

    monkeypatch.setattr(keras.Model, "compile", compile_and_note)
    texts, labels = tiny.examples(24)
    classifier = TextClassifier(tiny_model, epochs=1, max_tokens=16, precision="float32").fit(texts, labels)
    [optimizer] = made.optimizers
    sizes = {size(variable) for variable in optimizer.variables}
    assert sizes == {0} if keras.config.backend() == "tensorflow" else max(sizes) > 1
    assert np.isfinite(classifier.predict_proba(texts)).all()


def test_a_stored_fold_is_released_when_the_next_is_asked_for(tiny_model, tmp_path):
    texts, labels = tiny.examples(24)
    settings = {"epochs": 1, "max_tokens": 16, "precision": "float32", "folds": 2}
    TextClassifier(tiny_model, **settings).fit(texts, labels).save(tmp_path / "folds")
    models = load_model(tmp_path / "folds").models()
    first, second = next(models), next(models)
    sizes = [sum(size(variable) for variable in model.classifier.variables) for model in (first, second)]
    parameters = second.classifier.count_params()
    assert sizes[1] >= parameters
    assert sizes[0] == 0 if keras.config.backend() == "tensorflow" else sizes[0] >= parameters
    assert np.isfinite(second.predict(texts, None)).all()


@pytest.mark.skipif(not os.path.exists("/proc/self/statm"), reason="reads memory as Linux gives it")
def test_folds_of_one_process_do_not_add_up(tmp_path, monkeypatch):
    """The last three folds: each would leave its model and the optimizer's two averages, of 51 MB each."""
    monkeypatch.setattr(tiny, "POSITIONS", 400_000)
    model = tiny.write_checkpoint(tmp_path / "model")
    data = tiny.write_rows(tmp_path / "rows.csv", *tiny.examples(40))
    options = ["--model", model, "--folds", str(FOLDS), "--epochs", "1", "--max-tokens", "16", "--precision", "float32"]
    command = [sys.executable, "-c", TRAIN_FOLDS, data, "--out", str(tmp_path / "run"), *options]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=600)
    held = json.loads(done.stdout.splitlines()[-1])
    assert len(held) == FOLDS
    assert held[-1] - held[0] < 150e6
