"""A fine-tuned model in its folder: plain KerasHub loads it, and a full disk leaves no half of one."""

import json
import os
import subprocess
import sys

import pytest
import trained_runs
from run_files import table
from trained_runs import LABELS

import slanted
from slanted.text.estimators import TextClassifier
from slanted.text.models.text_model import TextModel

place, run = trained_runs.place, trained_runs.run

PLAIN_KERASHUB = """
import csv, json, sys
import numpy as np
import keras_hub
classifier = keras_hub.models.TextClassifier.from_preset(sys.argv[1])
texts = [row["text"] for row in csv.DictReader(open(sys.argv[2], encoding="utf-8", newline=""))]
print(json.dumps([int(at) for at in np.asarray(classifier.predict(texts, verbose=0)).argmax(axis=1)]))
assert not [name for name in sys.modules if name.split(".")[0] == "slanted"]
"""


def test_plain_kerashub_loads_the_model_and_predicts_the_same(run, place):
    done = subprocess.run(
        [sys.executable, "-c", PLAIN_KERASHUB, str(run / "model"), place.test], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    predicted = [LABELS[at] for at in json.loads(done.stdout.splitlines()[-1])]
    assert predicted == [row["prediction"] for row in table(run / "predictions.csv")]


@pytest.mark.once
def test_a_full_disk_is_one_line_and_nothing_stays(run, place, monkeypatch, capsys):
    def full(self, folder, more=None):
        (folder / "half").write_text("x")
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(TextModel, "save", full)
    classifier = TextClassifier.load(run)
    with pytest.raises(slanted.errors.InputError) as refused:
        classifier.save(place.folder / "full")
    expected = f"--out {place.folder / 'full'}: cannot be written (No space left on device); free space or give another"
    assert str(refused.value) == f"{expected} folder"
    assert not (place.folder / "full").exists()
