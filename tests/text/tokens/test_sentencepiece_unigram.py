"""SentencePiece unigram models, read without sentencepiece: the ids are its own."""

import struct
import time
from pathlib import Path

import pytest
import tiny_models
from token_rows import TEXTS, rows_of

from slanted.errors import InputError
from slanted.text.tokens.sentencepiece_unigram import unigram
from slanted.text.tokens.tokenizer import TextTokenizer

pytestmark = pytest.mark.once

SENTENCE_PIECE = {
    "sentencepiece.bpe.model": ({"unk_id": 0, "bos_id": 1, "eos_id": 2}, 1, (0, 1, 2)),
    "spiece.model": (
        {"pad_id": 0, "unk_id": 1, "bos_id": 2, "eos_id": 3, "pad_piece": "<pad>", "unk_piece": "<unk>"}
        | {"bos_piece": "[CLS]", "eos_piece": "[SEP]", "user_defined_symbols": "[MASK],-"},
        0,
        (2, 0, 3),
    ),
    "spm.model": (
        {"pad_id": 0, "bos_id": 1, "eos_id": 2, "unk_id": 3, "pad_piece": "[PAD]", "unk_piece": "[UNK]"}
        | {"bos_piece": "[CLS]", "eos_piece": "[SEP]"},
        0,
        (1, 0, 2),
    ),
}


@pytest.mark.parametrize("file", SENTENCE_PIECE)
def test_sentence_piece_gives_the_ids_of_sentence_piece(file, tmp_path):
    sentencepiece = pytest.importorskip("sentencepiece", reason="KerasHub brings sentencepiece")
    options, shift, (start, pad, end) = SENTENCE_PIECE[file]
    files = sorted(Path(__file__).parent.glob("*.py"))
    sentences = TEXTS + [line for path in files for line in path.read_text(encoding="utf-8").splitlines()]
    with (tmp_path / file).open("wb") as writer:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(sentences), model_writer=writer, vocab_size=300, minloglevel=2, **options
        )
    tokenizer = TextTokenizer.load(tmp_path)
    assert tokenizer.pad_id == pad
    plain = [text for text in TEXTS if "[CLS]" not in text]  # there, as everywhere, tokenizers sees special tokens
    source = sentencepiece.SentencePieceProcessor(model_file=str(tmp_path / file))
    unknown = 3 if shift else source.unk_id()
    expected = [[unknown if i == source.unk_id() else i + shift for i in ids] for ids in source.encode(plain)]
    found = [ids for ids, _ in rows_of(tokenizer.encode(plain, None, 10**4))]
    assert found == [[start, *ids, end] for ids in expected]


PIECES = [
    ("<pad>", 0.0, 3),
    ("<unk>", 0.0, 2),
    ("[CLS]", 0.0, 3),
    ("[SEP]", 0.0, 3),
    ("\u2581a", -1.0, 1),
    ("b", -2.0, 1),
]


def field(number, value):
    """A field of a protocol buffer: an integer, a float32 number or bytes, each shorter than 128."""
    if isinstance(value, int):
        return bytes([number << 3, value])
    if isinstance(value, float):
        return bytes([number << 3 | 5]) + struct.pack("<f", value)
    return bytes([number << 3 | 2, len(value)]) + value


def write_model(path, pieces=PIECES, kind=1):
    content = [field(1, field(1, text.encode()) + field(2, score) + field(3, type)) for text, score, type in pieces]
    path.write_bytes(b"".join(content) + field(2, field(3, kind)))
    return path


def test_a_model_of_a_few_pieces_is_read(tmp_path):
    tokenizer = unigram(write_model(tmp_path / "m"), "albert")
    assert tokenizer.encode("a").ids == [2, 4, 3]
    assert tokenizer.encode(" ab", "a").ids == [2, 4, 5, 3, 4, 3]
    assert tokenizer.encode("az", add_special_tokens=False).ids == [4, 1]


def test_ids_of_xlm_roberta_move_up_by_one(tmp_path):
    pieces = [("<unk>", 0.0, 2), ("<s>", 0.0, 3), ("</s>", 0.0, 3), *PIECES[4:]]
    tokenizer = unigram(write_model(tmp_path / "m", pieces), "roberta")
    assert tokenizer.encode("ab").ids == [0, 4, 5, 2]
    assert tokenizer.get_vocab() == {"<s>": 0, "<pad>": 1, "</s>": 2, "<unk>": 3, "\u2581a": 4, "b": 5, "<mask>": 6}


def test_deberta_s_mask_is_added_where_the_model_lacks_it(tmp_path):
    pieces = [("[PAD]", 0.0, 3), ("[CLS]", 0.0, 3), ("[SEP]", 0.0, 3), ("[UNK]", 0.0, 2), *PIECES[4:]]
    assert unigram(write_model(tmp_path / "m", pieces), "deberta").token_to_id("[MASK]") == 6


@pytest.mark.parametrize(
    ("pieces", "kind", "message"),
    [
        (PIECES, 2, "slanted reads SentencePiece unigram models: this one is of type 2"),
        (PIECES[:4], 1, "not a SentencePiece model with pieces of its own: copy the file anew"),
        (PIECES[1:], 1, "the vocabulary must hold <pad>, <unk>, [CLS], [SEP], [MASK]: <pad> is missing"),
    ],
)
def test_a_model_of_another_kind_is_refused(pieces, kind, message, tmp_path):
    path = write_model(tmp_path / "m", pieces, kind)
    with pytest.raises(InputError) as refused:
        unigram(path, "albert")
    assert str(refused.value) == f"{path}: {message}"


def test_a_file_that_is_missing_or_cut_short_is_refused(tmp_path):
    path = write_model(tmp_path / "m")
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(InputError, match=r"m: not a SentencePiece model: copy the file anew$"):
        unigram(path, "albert")
    with pytest.raises(InputError, match=r"none: the model folder must hold this file: it is missing$"):
        unigram(tmp_path / "none", "albert")


@pytest.mark.once
def test_a_long_run_of_spaces_is_split_in_time_that_grows_with_its_length(tmp_path):
    tokenizer = unigram(
        tiny_models.write_preset(tmp_path / "m", "Albert") / "assets/tokenizer/vocabulary.spm", "albert"
    )
    assert tokenizer.normalizer.normalize_str("   a   b   ") == "a b"

    def seconds(spaces):
        start = time.perf_counter()
        tokenizer.normalizer.normalize_str("a" + " " * spaces + "b")
        return time.perf_counter() - start

    few, many = min(seconds(20_000) for _ in range(3)), seconds(160_000)
    assert many < 32 * few + 0.5


@pytest.mark.once
def test_a_piece_that_is_not_utf_8_is_refused(tmp_path):
    """protobuf reads it as bytes, without a word."""
    path = tiny_models.write_preset(tmp_path / "m", "Albert") / "assets/tokenizer/vocabulary.spm"
    content = path.read_bytes()
    assert b"apple" in content or b"\xe2\x96\x81" in content
    path.write_bytes(content.replace(b"\xe2\x96\x81", b"\xff\x96\x81", 1))
    with pytest.raises(InputError, match=r"vocabulary\.spm: a piece is not UTF-8: copy the file anew"):
        unigram(path, "albert")
