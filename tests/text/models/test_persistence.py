"""Convert models to bytes and back; their files exist as long as the model needs them."""

import copy
import gc
import io
import os
import pickle
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import folded_runs
import keras
import numpy as np
import pytest
import tiny_models
from run_files import table

from slanted.text.estimators import TextClassifier
from slanted.text.labels.targets import Target
from slanted.text.models.persistence import packed, unpacked
from slanted.text.models.text_model import TextModel
from slanted.text.pretrained.classifier_network import build_classifier
from slanted.text.pretrained.encoder import load_encoder
from slanted.text.settings import Settings

place, run = folded_runs.place, folded_runs.run


def test_all_folds_are_pickled_as_their_files_and_outlive_their_folder(run, place, tmp_path):
    moved = shutil.copytree(run, tmp_path / "moved")
    estimator = TextClassifier.load(moved)
    texts = [row["text"] for row in table(place.test)]
    found, kept = estimator.predict_proba(texts), pickle.dumps(estimator)
    shutil.rmtree(moved)
    again = pickle.loads(kept)
    np.testing.assert_array_equal(again.predict_proba(texts), found)
    np.testing.assert_array_equal(copy.deepcopy(again).predict_proba(texts), found)
    folder = again.model_.folders[0].parent
    assert folder.is_dir()
    del again
    gc.collect()
    assert not folder.exists()


class Note:
    """A model that is a line of text in a file."""

    needs_files = False

    def __init__(self, text, folder=None):
        self.text, self.folder = text, folder

    def save(self, folder):
        (folder / "deep").mkdir()
        (folder / "deep" / "note.txt").write_text(self.text, encoding="utf-8")

    @classmethod
    def load(cls, folder):
        return cls((folder / "deep" / "note.txt").read_text(encoding="utf-8"), folder)


class LazyNote(Note):
    needs_files = True


@pytest.mark.once
def test_files_in_folders_come_back_and_go_once_they_are_read():
    model = unpacked(Note.load, packed(Note("Straße")))
    assert model.text == "Straße" and not model.folder.exists()


@pytest.mark.once
def test_files_that_are_read_again_live_as_long_as_the_model():
    model = unpacked(LazyNote.load, packed(LazyNote("kept")))
    folder = model.folder
    assert LazyNote.load(folder).text == "kept"
    del model
    gc.collect()
    assert not folder.exists()


@pytest.mark.once
def test_the_bytes_are_an_archive_of_the_saved_files_alone():
    with zipfile.ZipFile(io.BytesIO(packed(Note("kept")))) as archive:
        assert [name for name in archive.namelist() if not name.endswith("/")] == ["deep/note.txt"]


@pytest.mark.once
def test_a_model_that_cannot_be_read_leaves_no_files():
    seen = []

    def refuse(folder):
        seen.append(folder)
        raise ValueError("a damaged file")

    with pytest.raises(ValueError, match="a damaged file"):
        unpacked(refuse, packed(Note("kept")))
    assert not seen[0].exists()


@pytest.mark.parametrize("family", ["Bert", "Roberta", "DistilBert", "Albert", "DebertaV3", "XLMRoberta", "FNet"])
def test_a_model_of_any_family_that_was_pickled_can_be_saved_and_pickled_again(family, tmp_path, fresh_keras):
    """KerasHub's own tokenizer is made of the SentencePiece file, whose folder is gone by then."""
    encoder = load_encoder(str(tiny_models.write_preset(tmp_path / "model", family)))
    target, settings = Target("single", ("a", "b")), Settings(max_tokens=8, backend=keras.config.backend())
    model = TextModel(encoder, build_classifier(encoder, 2), target, settings, pairs=False)
    shutil.rmtree(tmp_path / "model")
    again = pickle.loads(pickle.dumps(pickle.loads(pickle.dumps(model))))
    (tmp_path / "saved").mkdir()
    again.save(tmp_path / "saved")
    loaded = TextModel.load(tmp_path / "saved")
    texts = tiny_models.TEXTS[:3]
    np.testing.assert_array_equal(loaded.predict(texts, None), model.predict(texts, None))


@pytest.mark.once
@pytest.mark.skipif(not hasattr(os, "fork"), reason="of systems that fork")
def test_a_forked_child_that_ends_leaves_the_files_of_its_parent_s_model():
    """As a worker of `gunicorn --preload` ends."""
    code = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from slanted.text.models.persistence import unpacked, packed\n"
        "class Note:\n"
        "    needs_files = True\n"
        "    def save(self, folder): (folder / 'note').write_text('x')\n"
        "    @classmethod\n"
        "    def load(cls, folder):\n"
        "        made = cls(); made.folder = folder; return made\n"
        "model = unpacked(Note.load, packed(Note()))\n"
        "child = os.fork()\n"
        "if child == 0: sys.exit(0)\n"
        "os.waitpid(child, 0)\n"
        "print(model.folder, (model.folder / 'note').exists())\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    folder, there = done.stdout.split()
    assert there == "True" and not Path(folder).exists()
