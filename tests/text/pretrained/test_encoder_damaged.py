"""Damaged model folders: each loads or is refused in one line, in bounded time and memory."""

import shutil

import damaged_folders
import pytest
import tiny
import tiny_models

from slanted.errors import InputError
from slanted.text.pretrained.classifier_network import build_classifier, save_classifier
from slanted.text.pretrained.encoder import load_encoder

pytestmark = pytest.mark.once

ROUNDS = {"hugging_face": 60, "keras_hub": 40, "byte_pairs": 12, "sentence_pieces": 12}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A folder of each kind, whole."""
    place = tmp_path_factory.mktemp("whole")
    encoder = load_encoder(tiny.write_checkpoint(place / "hugging_face"))
    (place / "keras_hub").mkdir()
    save_classifier(build_classifier(encoder, 2), encoder, place / "keras_hub" / "model", 16)
    encoder.tokenizer.save(place / "keras_hub")
    tiny_models.write_preset(place / "byte_pairs", "Roberta")
    tiny_models.write_preset(place / "sentence_pieces", "Albert")
    return place


def encode(folder):
    load_encoder(str(folder)).tokenizer.encode(["the apple is here"], None, 16)


@pytest.mark.filterwarnings("ignore:Skipping nested container")  # of a damaged HDF5 file; its weights are then missed
@pytest.mark.parametrize("kind", ROUNDS)
def test_a_damaged_model_folder_loads_or_is_refused_in_one_line(whole, kind, tmp_path):
    outcomes, bounds = set(), damaged_folders.Bounds()
    bounds.check(lambda: encode(whole / kind))
    for seed in range(ROUNDS[kind]):
        folder = shutil.copytree(whole / kind, tmp_path / str(seed))
        how = damaged_folders.damage(folder, seed)
        try:
            bounds.check(lambda read=folder: encode(read), how)
            outcomes.add("loads")
        except InputError as error:
            assert "\n" not in str(error), how
            outcomes.add("refused")
        shutil.rmtree(folder)
    assert "refused" in outcomes
