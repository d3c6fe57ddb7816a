"""Long documents in chunks: which tokens each has, whose it is, and how outputs and labels go back and forth."""

from types import SimpleNamespace

import numpy as np
import pytest

from slanted.errors import SettingError
from slanted.recipe.recipe import Recipe
from slanted.text.settings import Settings
from slanted.text.tokens.documents import (
    Documents,
    advice,
    described,
    encode_documents,
    unknown_note,
    unknown_texts,
)
from slanted.text.tokens.token_arrays import Encoded
from slanted.text.tokens.tokenizer import TextTokenizer
from slanted.text.tokens.truncation import windows

pytestmark = pytest.mark.once

CLS, SEP = 2, 3
SHORT, LONG = "apple", " ".join(["apple", "nail", "the", "old"] * 10)


@pytest.fixture(scope="module")
def tokenizer(tiny_model):
    return TextTokenizer.load(tiny_model)


def test_chunks_are_the_tokens_of_the_text_between_special_tokens(tokenizer):
    whole = tokenizer.encode([LONG, SHORT], None, 1000)
    chunked, owners = tokenizer.encode_chunks([LONG, SHORT], 10)
    assert owners.tolist() == [0] * 6 + [1]
    body = whole.row(0)[0][1:-1]
    spans = windows(len(body), 8)
    for number, span in enumerate(spans):
        ids, types = chunked.row(number)
        assert ids.tolist() == [CLS, *body[span], SEP] and not types.any()
    assert chunked.row(6)[0].tolist() == whole.row(1)[0].tolist()
    assert not chunked.truncated.any()


def test_a_document_of_too_many_chunks_is_said_to_lose_tokens(tokenizer):
    chunked, owners = tokenizer.encode_chunks([SHORT, "apple " * 200, "apple " * 128], 10)
    assert np.bincount(owners).tolist() == [1, 16, 16]
    assert chunked.truncated.tolist() == [False] + [True] * 16 + [False] * 16


def test_a_batch_of_texts_at_a_time_changes_nothing(tokenizer, monkeypatch):
    texts = [LONG, SHORT, LONG + " saw", "pear " * 30]
    expected, owners = tokenizer.encode_chunks(texts, 12)
    monkeypatch.setattr("slanted.text.tokens.tokenizer.TEXTS_AT_ONCE", 1)
    found, same = tokenizer.encode_chunks(texts, 12)
    assert same.tolist() == owners.tolist()
    np.testing.assert_array_equal(found.ids, expected.ids)
    np.testing.assert_array_equal(found.offsets, expected.offsets)


def test_outputs_are_pooled_by_document_and_labels_repeated():
    documents = Documents(nothing(6, truncated=[0, 0, 0, 1, 1, 0]), np.array([0, 0, 0, 1, 1, 2]))
    outputs = np.array([[1, 0], [2, 0], [6, 3], [1, 1], [2, 2], [5, 7]], "float32")
    pooled = documents.pooled(outputs)
    assert pooled.dtype == np.float32
    np.testing.assert_array_equal(pooled, np.array([[3, 1], [1.5, 1.5], [5, 7]], "float32"))
    assert documents.repeated(np.array([4, 5, 6])).tolist() == [4, 4, 4, 5, 5, 6]
    assert documents.truncated_share == pytest.approx(1 / 3)


def test_without_chunks_nothing_is_pooled():
    documents = Documents(nothing(3, truncated=[0, 1, 1]))
    outputs = np.arange(6.0).reshape(3, 2)
    assert documents.pooled(outputs) is outputs and documents.repeated(outputs) is outputs
    assert documents.truncated_share == pytest.approx(2 / 3)


def test_settings_say_how_texts_are_encoded(tokenizer):
    truncated = encode_documents(tokenizer, [LONG], None, Settings(max_tokens=10, recipe=Recipe(truncate="tail")))
    assert truncated.owners is None
    assert truncated.encoded.ids.tolist() == tokenizer.encode([LONG], None, 10, "tail").ids.tolist()
    assert len(encode_documents(tokenizer, [LONG], None, Settings(max_tokens=10, long="chunk")).encoded) == 6


def test_pairs_are_refused(tokenizer):
    with pytest.raises(SettingError) as refused:
        encode_documents(tokenizer, [LONG], [SHORT], Settings(long="chunk"))
    message = "Argument `long` must be truncate where the texts are pairs. Received: long='chunk'. leave it out"
    assert str(refused.value) == message


def test_what_is_said_of_the_lengths():
    chunks = Documents(nothing(4, truncated=[0, 0, 0, 0]), np.array([0, 0, 1, 2]))
    said = "4 chunks of 3 training texts, 128 tokens each; 0.0% of the texts have more than 16"
    assert described(chunks, Settings(long="chunk")) == said
    whole = Documents(nothing(4, truncated=[0, 1, 0, 1]))
    assert described(whole, Settings()) == "128 tokens at most, 50.0% of the training texts are longer"
    sample = Documents(nothing(4, truncated=[0, 1, 0, 1]), of_sample=True)
    said = "128 tokens at most, 50.0% of the training texts are longer, estimated on 4 of them"
    assert described(sample, Settings()) == said
    hint = advice(sample, Settings(max_tokens=512, recipe=Recipe(truncate="head+tail")), 512, True)
    assert hint == "note: 50.0% of the training texts lose tokens, estimated on 4 of them"


@pytest.mark.parametrize(
    ("share", "settings", "pairs", "remedy"),
    [
        (0.1, Settings(), False, None),
        (0.2, Settings(), False, "--max-tokens 512, or --truncate head+tail, or --long chunk, which reads them whole"),
        (0.2, Settings(max_tokens=512), True, "--truncate head+tail"),
        (0.2, Settings(recipe=Recipe(truncate="head+tail")), True, "--max-tokens 512"),
        (0.2, Settings(max_tokens=16), True, "--max-tokens 64, or --truncate head+tail"),
        (0.2, Settings(long="chunk"), False, "--max-tokens 512"),
        (0.2, Settings(long="chunk", max_tokens=512), False, ""),
    ],
)
def test_advice_is_given_where_more_than_a_tenth_lose_tokens(share, settings, pairs, remedy):
    documents = SimpleNamespace(truncated_share=share, estimated="")
    expected = "note: 20.0% of the training texts lose tokens" + (f"; try {remedy}" if remedy else "")
    assert advice(documents, settings, 512, pairs) == (None if remedy is None else expected)


def nothing(count, truncated):
    """Encoded examples of no tokens."""
    empty = np.zeros(0, np.int32)
    return Encoded(empty, empty.astype(np.int8), np.zeros(count + 1, np.int64), np.array(truncated, bool))


@pytest.mark.parametrize("long", ["truncate", "chunk"])
def test_texts_of_unknown_tokens_alone_are_named(tokenizer, long):
    texts = ["apple", "привет мир", "привет apple", "你好 " * 50, "\u200b", LONG]
    documents = encode_documents(tokenizer, texts, None, Settings(max_tokens=12, long=long))
    assert unknown_texts(documents, tokenizer.empty_ids).tolist() == [1, 3, 4]
    note = unknown_note(documents, texts, tokenizer.empty_ids, "tiny")
    rule = "have no token that tiny knows, such as 'привет мир', and are all alike to it"
    remedy = "take a model that was trained on their language or symbols"
    assert note == f"texts: 3 of 6 training texts {rule}; {remedy}"
    known = encode_documents(tokenizer, texts[::5], None, Settings(max_tokens=12, long=long))
    assert unknown_note(known, texts[::5], tokenizer.empty_ids, "tiny") is None


def test_examples_without_tokens_have_no_known_one():
    tokens = Encoded(np.int32([5, 1]), np.int8([0, 0]), np.array([0, 0, 1, 1, 2, 2]), np.zeros(5, bool))
    assert unknown_texts(Documents(tokens), [1]).tolist() == [0, 2, 3, 4]
    nothing = Encoded(np.int32([]), np.int8([]), np.zeros(3, int), np.zeros(2, bool))
    assert unknown_texts(Documents(nothing), []).tolist() == [0, 1]


def test_a_sample_of_the_texts_estimates_those_of_unknown_tokens(tokenizer):
    documents = encode_documents(tokenizer, ["ы", "apple"], None, Settings())
    note = unknown_note(Documents(documents.encoded, of_sample=True), [], tokenizer.empty_ids, "tiny")
    assert note is not None and note.startswith("texts: 1 of 2 training texts, estimated on 2 of them have no token")
