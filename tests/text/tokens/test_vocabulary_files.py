"""Folders without a tokenizer.json of the tokenizers library: rebuilt from vocabulary files, or refused."""

import json

import pytest
from token_rows import TEXTS, rows_of

from slanted.errors import InputError
from slanted.text.tokens.tokenizer import TextTokenizer
from slanted.text.tokens.vocabulary_files import (
    BERT_TOKENS,
    ROBERTA_TOKENS,
    build_tokenizer,
    byte_level_bpe,
    read_tokenizers_json,
    word_piece,
)

pytestmark = pytest.mark.once


def test_vocab_txt_gives_the_same_ids(tokenizer, folder, tmp_path):
    for name in ("vocab.txt", "tokenizer_config.json"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    rebuilt = TextTokenizer.load(tmp_path)
    assert rebuilt.pad_id == tokenizer.pad_id == 0
    expected = tokenizer.encode(TEXTS, TEXTS[::-1], 64)
    assert rows_of(rebuilt.encode(TEXTS, TEXTS[::-1], 64)) == rows_of(expected)
    rebuilt.save(tmp_path)
    assert rows_of(TextTokenizer.load(tmp_path).encode(TEXTS, TEXTS[::-1], 64)) == rows_of(expected)


def test_keras_hub_preset_is_told_from_a_tokenizers_file(tokenizer, folder, tmp_path):
    assets = tmp_path / "assets" / "tokenizer"
    assets.mkdir(parents=True)
    (assets / "vocabulary.txt").write_bytes((folder / "vocab.txt").read_bytes())
    config = {"class_name": "BertTokenizer", "registered_name": "keras_hub>BertTokenizer"}
    (tmp_path / "tokenizer.json").write_text(json.dumps({**config, "config": {"lowercase": True}}))
    assert rows_of(TextTokenizer.load(tmp_path).encode(TEXTS, None, 64)) == rows_of(tokenizer.encode(TEXTS, None, 64))


def test_byte_level_bpe_gives_the_ids_of_transformers(tmp_path):
    transformers = pytest.importorskip("transformers", reason="transformers is a development extra")
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    source = Tokenizer(models.BPE())
    source.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=500, special_tokens=special, initial_alphabet=alphabet, show_progress=False
    )
    source.train_from_iterator(TEXTS * 2, trainer)
    source.model.save(str(tmp_path))
    tokenizer = TextTokenizer.load(tmp_path)
    assert tokenizer.pad_id == 1
    reference = transformers.RobertaTokenizer(vocab=str(tmp_path / "vocab.json"), merges=str(tmp_path / "merges.txt"))
    expected = reference(TEXTS, TEXTS[::-1], truncation=True, max_length=24)["input_ids"]
    assert [ids for ids, _ in rows_of(tokenizer.encode(TEXTS, TEXTS[::-1], 24))] == expected


REFUSED = [
    ({}, "the model folder must hold a tokenizer (tokenizer.json, vocab.txt, vocab.json with merges.txt, or a "),
    ({"tokenizer.json": b"{"}, "tokenizer.json: not readable as JSON"),
    ({"tokenizer.json": b"[]"}, "tokenizer.json: not a file of the tokenizers library: "),
    ({"vocab.txt": b"[PAD]\n[CLS]\n[SEP]\n"}, "[UNK] is missing"),
    ({"vocab.txt": b"[PAD]\n\xff\n"}, "vocab.txt: not UTF-8"),
    ({"vocab.json": b"{}"}, "<s>, <pad>, </s>, <unk> is missing"),
    ({"spm.model": b"\x0a\xff\xff"}, "spm.model: not a SentencePiece model: copy the file anew"),
    ({"spm.model": b""}, "spm.model: not a SentencePiece model with pieces of its own"),
    (
        {"tokenizer.json": b'{"registered_name": "keras_hub>GemmaTokenizer", "class_name": "GemmaTokenizer"}'},
        "slanted fine-tunes text encoders: received a preset with a GemmaTokenizer",
    ),
]


@pytest.mark.parametrize(("files", "message"), REFUSED)
def test_broken_tokenizer_is_refused_in_one_line(files, message, tmp_path):
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError) as caught:
        TextTokenizer.load(tmp_path)
    assert message in str(caught.value) and str(tmp_path) in str(caught.value) and "\n" not in str(caught.value)


def test_missing_folder_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"absent: the model folder does not exist$"):
        build_tokenizer(tmp_path / "absent")


def test_a_keras_configuration_is_no_file_of_the_tokenizers_library(tmp_path):
    path = tmp_path / "tokenizer.json"
    assert read_tokenizers_json(path) is None
    path.write_text('{"registered_name": "keras_hub>BertTokenizer"}')
    assert read_tokenizers_json(path) is None
    path.write_text('{ "model": {} }')
    assert read_tokenizers_json(path) == b'{ "model": {} }'


@pytest.mark.parametrize(
    ("lowercase", "strip_accents", "found"),
    [(True, None, "creme"), (False, None, "[UNK]"), (True, False, "[UNK]"), (False, True, "[UNK]")],
)
def test_accents_follow_the_case_unless_they_are_said(lowercase, strip_accents, found, tmp_path):
    path = tmp_path / "vocab.txt"
    path.write_bytes("\r\n".join([*BERT_TOKENS, "creme"]).encode() + b"\r\n")
    assert word_piece(path, lowercase, strip_accents).encode("Crème").tokens == ["[CLS]", found, "[SEP]"]


def byte_pairs(folder, merges):
    """Write a vocabulary of `a`, `b` and `ab` with these merges; return the paths of both."""
    tokens = [*ROBERTA_TOKENS, "a", "b", "ab"]
    (folder / "vocab.json").write_text(json.dumps({token: at for at, token in enumerate(tokens)}))
    (folder / "merges.txt").write_bytes(merges)
    return folder / "vocab.json", folder / "merges.txt"


def test_merges_are_read_whatever_their_line_ends(tmp_path):
    for merges in (b"#version: 0.2\na b\n", b"a b", b"#version: 0.2\r\na b\r\n"):
        assert byte_level_bpe(*byte_pairs(tmp_path, merges)).encode("ab").ids == [0, 6, 2]


def test_missing_merges_are_refused(tmp_path):
    vocabulary, merges = byte_pairs(tmp_path, b"")
    merges.unlink()
    with pytest.raises(InputError, match=r"merges.txt: the model folder must hold this file: it is missing$"):
        byte_level_bpe(vocabulary, merges)


def test_merges_that_do_not_fit_the_vocabulary_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"merges.txt: the merges must fit vocab.json: "):
        byte_level_bpe(*byte_pairs(tmp_path, b"a c\n"))
