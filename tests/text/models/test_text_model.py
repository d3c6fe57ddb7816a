"""A fine-tuned model in its folder: KerasHub loads it, and a full disk leaves no partial model."""

import json
import os
import subprocess
import sys

import h5py
import keras
import numpy as np
import pytest
import tiny_models
import trained_runs
from run_files import drop_sums, table
from trained_runs import LABELS

import slanted
from slanted.errors import InputError
from slanted.text.estimators import TextClassifier
from slanted.text.labels.targets import Target
from slanted.text.models.text_model import TextModel
from slanted.text.pretrained.classifier_network import build_classifier
from slanted.text.pretrained.encoder import load_encoder
from slanted.text.settings import Settings

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
    expected = f"{place.folder / 'full'}: cannot be written (No space left on device); free space or give another"
    assert str(refused.value) == f"{expected} folder"
    assert not (place.folder / "full").exists()


def small_model(folder):
    """Write an untrained model of two classes to a folder, and return the folder."""
    encoder = load_encoder(str(tiny_models.write_preset(folder / "preset", "Bert")))
    settings = Settings(max_tokens=8, backend=keras.config.backend())
    model = TextModel(encoder, build_classifier(encoder, 2), Target("single", ("a", "b")), settings, pairs=False)
    (folder / "run").mkdir()
    model.save(folder / "run")
    drop_sums(folder / "run")  # its files are changed, and refused for what they then are
    return folder / "run"


@pytest.mark.parametrize("name", ["task.weights.h5", "task.json", "preprocessor.json", "model.weights.h5"])
def test_a_run_that_lacks_a_file_of_its_model_is_refused_by_name(name, tmp_path, fresh_keras):
    """KerasHub takes a head whose weights are missing for a new one, which predicts the first label for every text."""
    run = small_model(tmp_path)
    TextModel.load(run)
    (run / "model" / name).unlink()
    with pytest.raises(InputError, match=f"{name}: (the model folder must hold this file: it )?is missing"):
        TextModel.load(run)


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("file", ["task.weights.h5", "model.weights.h5"])
def test_weights_that_are_no_finite_numbers_are_refused_by_name(file, value, tmp_path, fresh_keras):
    run = small_model(tmp_path)
    with h5py.File(run / "model" / file, "r+") as held:
        names = []
        held.visititems(lambda name, item: names.append(name) if isinstance(item, h5py.Dataset) and item.ndim else None)
        spoilt = next(name for name in names if held[name].dtype == "float32")
        held[spoilt][...] = value
    with pytest.raises(InputError, match="are missing or not finite: restore the model or train again"):
        TextModel.load(run)


def rewrite(path, change):
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


@pytest.mark.parametrize("size", [21, 10**8, 10**13])
def test_sizes_that_the_weights_do_not_have_are_refused_before_they_are_allocated(size, tmp_path, fresh_keras):
    run = small_model(tmp_path)
    for name in ("vocabulary_size", "intermediate_dim", "max_sequence_length", "num_layers"):
        before = (run / "model" / "config.json").read_text()
        rewrite(run / "model" / "config.json", lambda content, name=name: content["config"].update({name: size}))
        with pytest.raises(InputError, match=r"config.json: (its sizes|take both)|task.json: its sizes must be those"):
            TextModel.load(run)
        (run / "model" / "config.json").write_text(before)
    rewrite(run / "model" / "task.json", lambda content: content["config"].update(num_classes=size * 10**6))
    with pytest.raises(InputError, match=r"task.json: its sizes must be those of config.json and of the weights"):
        TextModel.load(run)


def test_a_tokenizer_with_more_tokens_than_the_model_has_embeddings_is_refused(tmp_path, fresh_keras):
    run = small_model(tmp_path)
    rewrite(run / "tokenizer.json", lambda content: content["model"]["vocab"].update({"more": 27}))
    with pytest.raises(
        InputError, match="the tokenizer has 28 tokens, the model embeddings for 20: take both from one"
    ):
        TextModel.load(run)
