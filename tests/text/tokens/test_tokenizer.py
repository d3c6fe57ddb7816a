"""Texts as token ids: those of transformers to the last one, truncated, saved to the byte, in forked processes too."""

import csv
import json
import multiprocessing
import os
import sys
from pathlib import Path

import numpy as np
import pytest
from token_rows import TEXTS, rows_of

from slanted.errors import InputError
from slanted.runtime import keras_startup
from slanted.text.tokens.tokenizer import TextTokenizer

pytestmark = pytest.mark.once

LENGTHS = (8, 32, 128, 256)


@pytest.fixture(scope="module")
def reference(folder):
    transformers = pytest.importorskip("transformers", reason="transformers is a development extra")
    return transformers.AutoTokenizer.from_pretrained(str(folder))


def reference_rows(reference, texts, texts_b, max_tokens):
    columns = [texts] if texts_b is None else [texts, texts_b]
    found = reference(*columns, truncation=True, max_length=max_tokens)
    return list(zip(found["input_ids"], found["token_type_ids"], strict=True))


def check_against(reference, tokenizer, texts, texts_b, max_tokens):
    expected = reference_rows(reference, texts, texts_b, max_tokens)
    assert rows_of(tokenizer.encode(texts, texts_b, max_tokens)) == expected


@pytest.mark.parametrize("max_tokens", LENGTHS)
def test_ids_are_those_of_transformers(reference, tokenizer, max_tokens):
    check_against(reference, tokenizer, TEXTS, None, max_tokens)
    firsts = [text for text in TEXTS for _ in TEXTS]
    check_against(reference, tokenizer, firsts, TEXTS * len(TEXTS), max_tokens)


def test_files_own_truncation_and_padding_are_off(tokenizer):
    assert tokenizer.description["truncation"]["max_length"] == 128
    assert tokenizer.description["padding"] is not None
    assert tokenizer.encode(["word " * 300, "word"], None, 512).lengths.tolist() == [302, 3]


@pytest.mark.slow
@pytest.mark.parametrize("max_tokens", LENGTHS)
def test_ids_are_those_of_transformers_on_every_text_of_the_ten_sets(reference, tokenizer, max_tokens):
    data = os.environ.get("SLANTED_DATA")
    if not data:
        pytest.skip("SLANTED_DATA is not set: it names the folder of the ten data sets")
    csv.field_size_limit(sys.maxsize)
    files = sorted(Path(data).glob("*/*.csv"))
    assert len({file.parent for file in files}) == 10
    for file in files:
        with file.open(newline="", encoding="utf-8") as opened:
            rows = list(csv.DictReader(opened))
        texts = [row["text"] for row in rows]
        check_against(reference, tokenizer, texts, None, max_tokens)
        if "text_b" in rows[0]:
            check_against(reference, tokenizer, texts, [row["text_b"] for row in rows], max_tokens)


def test_truncation_keeps_the_head_the_tail_or_both(tokenizer):
    text = " ".join(f"{number}" for number in range(500))
    whole = tokenizer.encode([text], None, 10**6).row(0)[0][1:-1].tolist()
    for way in ("head", "tail", "head+tail"):
        assert tokenizer.encode([text], None, len(whole) + 2, way).row(0)[0][1:-1].tolist() == whole
    short = {way: tokenizer.encode([text], None, 128, way).row(0)[0].tolist() for way in ("head", "tail", "head+tail")}
    assert all(ids[0] == 101 and ids[-1] == 102 and len(ids) == 128 for ids in short.values())
    assert short["head"][1:-1] == whole[:126]
    assert short["tail"][1:-1] == whole[-126:]
    assert short["head+tail"][1:-1] == whole[:32] + whole[-94:]  # round(126 * 128 / 510) = 32


def test_of_a_pair_the_longer_text_gives_way(tokenizer):
    encoded = tokenizer.encode(["one two"], ["word " * 60], 20, "tail")
    ids, types = encoded.row(0)
    assert len(ids) == 20 and encoded.truncated.tolist() == [True]
    assert types.tolist() == [0] * 4 + [1] * 16


def test_truncated_says_which_rows_lost_tokens(tokenizer):
    assert tokenizer.encode(["a b c", "a b c d"], None, 5).truncated.tolist() == [False, True]


@pytest.mark.parametrize(
    ("texts_b", "max_tokens", "message"),
    [
        (None, 2, "max_tokens must be at least 3, the special tokens and one of the text: received 2"),
        (["b"], 4, "max_tokens must be at least 5, the special tokens and one of each text: received 4"),
    ],
)
def test_too_few_tokens_are_refused(tokenizer, texts_b, max_tokens, message):
    with pytest.raises(InputError) as caught:
        tokenizer.encode(["a"], texts_b, max_tokens)
    assert str(caught.value) == message


def test_unknown_truncation_is_refused(tokenizer):
    with pytest.raises(InputError, match=r"^truncate must be one of head, tail, head\+tail: received `middle`$"):
        tokenizer.encode(["a"], None, 8, "middle")


def test_no_texts_give_no_rows(tokenizer):
    encoded = tokenizer.encode([], None, 8)
    assert (len(encoded), encoded.offsets.tolist(), encoded.ids.dtype) == (0, [0], np.int32)


def test_saved_file_is_the_checkpoints_to_the_byte(tokenizer, folder, tmp_path):
    tokenizer.save(tmp_path)
    assert (tmp_path / "tokenizer.json").read_bytes() == (folder / "tokenizer.json").read_bytes()


def encode_in_child(folder, queue):
    queue.put(rows_of(TextTokenizer.load(folder).encode(["a forked process"], None, 8)))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the platform does not fork")
@pytest.mark.filterwarnings("ignore:.*use of fork.*:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:.*fork.*:RuntimeWarning")
def test_forked_process_neither_warns_nor_hangs(tokenizer, folder, capfd):
    tokenizer.encode(["used before the fork"] * 50, None, 8)
    context = multiprocessing.get_context("fork")
    queue = context.SimpleQueue()
    child = context.Process(target=encode_in_child, args=(folder, queue))
    child.start()
    child.join(20)
    hangs = child.is_alive()
    child.kill()
    assert not hangs
    assert queue.get() == rows_of(tokenizer.encode(["a forked process"], None, 8))
    assert "forked" not in capfd.readouterr().err


def changed(folder, change):
    """Return the default model's tokenizer.json after a change of its content."""
    content = json.loads((folder / "tokenizer.json").read_text())
    change(content)
    return json.dumps(content).encode()


def split_at(pattern):
    return {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": False}


def test_a_text_that_the_tokenizer_panics_at_is_named(folder):
    source = changed(folder, lambda content: content.update(pre_tokenizer=split_at("(a|a)*$")))
    texts = ["one", "two", "a" * 28 + "b", "four"]
    with pytest.raises(InputError) as refused:
        TextTokenizer(source).encode(texts, None, 16)
    problem = f"a text cannot be tokenized: '{texts[2]}' (Onig: Regex search error: retry-limit-in-match over)"
    assert str(refused.value) == f"{problem}: correct it, or take another model's tokenizer"


def test_a_panic_prints_nothing_where_the_command_is_alone(folder, monkeypatch, capfd):
    monkeypatch.setattr(keras_startup, "command_alone", True)
    source = changed(folder, lambda content: content.update(pre_tokenizer=split_at("(a|a)*$")))
    with pytest.raises(InputError):
        TextTokenizer(source).encode(["a" * 28 + "b"], None, 16)
    assert capfd.readouterr().err == ""


def test_a_panic_alone_is_caught_and_no_signal(tokenizer, monkeypatch):
    class Stopped:
        def encode_batch_fast(self, texts, add_special_tokens):
            raise KeyboardInterrupt

    monkeypatch.setattr(tokenizer, "_tokenizer", Stopped())
    with pytest.raises(KeyboardInterrupt):
        tokenizer.encode(["one", "two"], None, 16)


def test_ids_of_special_tokens_outside_of_the_vocabulary_are_refused(folder):
    padding = {"strategy": "BatchLongest", "direction": "Right", "pad_type_id": 0, "pad_token": "[PAD]"}
    for number in (30522, 999_999, 2**31):
        source = changed(folder, lambda content, number=number: content.update(padding={**padding, "pad_id": number}))
        with pytest.raises(InputError, match=rf"^it has the id {number} of a special token, but 30522 tokens: take"):
            TextTokenizer(source)

    def template(content):
        content["post_processor"]["special_tokens"]["[CLS]"]["ids"] = [888_888]

    with pytest.raises(InputError, match=r"^it has the id 888888 of a special token"):
        TextTokenizer(changed(folder, template))


def test_ids_that_tell_nothing_of_a_text(tokenizer):
    vocabulary = tokenizer.vocabulary
    assert tokenizer.empty_ids == sorted(vocabulary[token] for token in ("[CLS]", "[SEP]", "[UNK]"))
    without = tokenizer.description
    without["post_processor"] = None
    plain = TextTokenizer(json.dumps(without).encode())
    assert plain.empty_ids == [vocabulary["[UNK]"]]
