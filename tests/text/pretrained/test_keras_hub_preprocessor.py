"""The KerasHub preprocessor that is saved with a model: it has the checkpoint's vocabulary and settings."""

from types import SimpleNamespace

import numpy as np
import pytest
from row_files import refusal
from tiny_models import VOCABULARY

from slanted.text.pretrained.classifier_network import build_classifier, save_classifier
from slanted.text.pretrained.encoder import load_encoder
from slanted.text.pretrained.keras_hub_preprocessor import build_preprocessor, read_sentence_piece


def test_accents_are_stripped_by_the_saved_tokenizer_too(tiny, tmp_path):
    import keras_hub

    encoder = load_encoder(str(tiny))
    save_classifier(build_classifier(encoder, 2), encoder, tmp_path / "model", 16)
    tokenizer = keras_hub.models.Tokenizer.from_preset(str(tmp_path / "model"))
    assert np.asarray(tokenizer("Crème")).tolist() == [VOCABULARY.index("creme")]


once = pytest.mark.once


def described(model, vocabulary=(), **more):
    """A tokenizer of which only the description and the vocabulary are known."""
    ids = {token: at for at, token in enumerate(vocabulary)}
    return SimpleNamespace(description={"model": model, **more}, vocabulary=ids)


@once
@pytest.mark.parametrize(
    ("normalizer", "lowercase", "strips"),
    [
        (None, False, False),
        ({"lowercase": True}, True, True),
        ({"lowercase": True, "strip_accents": False}, True, False),
        ({"lowercase": False, "strip_accents": True}, False, True),
    ],
)
def test_word_pieces_are_lower_cased_and_stripped_as_the_checkpoint_does(normalizer, lowercase, strips, tmp_path):
    tokenizer = described({"type": "WordPiece"}, VOCABULARY, normalizer=normalizer)
    built = build_preprocessor("Bert", tokenizer, tmp_path, 7)
    assert built.sequence_length == 7
    assert (built.tokenizer.lowercase, built.tokenizer.strip_accents) == (lowercase, strips)
    assert built.tokenizer.get_vocabulary() == VOCABULARY


@once
def test_merges_are_taken_as_strings_or_as_pairs(tmp_path):
    vocabulary = ["<s>", "<pad>", "</s>", "<unk>", "<mask>", "a", "b", "ab"]
    for merges in (["a b"], [["a", "b"]]):
        built = build_preprocessor("Roberta", described({"type": "BPE", "merges": merges}, vocabulary), tmp_path, 8)
        assert np.asarray(built.tokenizer("ab")).tolist() == [7]


@once
def test_a_sentence_piece_model_must_be_among_the_files(tmp_path):
    message = refusal(build_preprocessor, "Albert", described({"type": "Unigram"}), read_sentence_piece(tmp_path), 8)
    names = "assets/tokenizer/vocabulary.spm, sentencepiece.bpe.model, spiece.model, spm.model"
    assert message == f"KerasHub needs this checkpoint's SentencePiece model ({names}): found none of them"
