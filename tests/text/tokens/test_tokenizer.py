import csv
import json
import multiprocessing
import os
import sys
from pathlib import Path

import numpy as np
import pytest

from slanted.errors import InputError
from slanted.text.pretrained.model_files import locate
from slanted.text.tokens.token_arrays import Encoded, concatenate
from slanted.text.tokens.tokenizer import TextTokenizer
from slanted.text.tokens.truncation import keep, longest_first
from slanted.text.tokens.vocabulary_files import build_tokenizer

pytestmark = pytest.mark.once

TEXTS = [
    "Crème brûlée für Größe ½ ´quoted´",
    "  two  spaces\tand\na line ",
    "日本語 テスト 😀👍🏽 \u200b\u202eright to left עברית",
    "a [SEP] [CLS] [MASK] inside, and <s> too",
    "don't   stop!!! http://example.org/?a=b&c=d",
    "x" * 150,
    " ",
    "word " * 90,
]
LENGTHS = (8, 32, 128, 256)


@pytest.fixture(scope="module")
def folder():
    return locate("minilm").folder


@pytest.fixture(scope="module")
def tokenizer(folder):
    return TextTokenizer.load(folder)


@pytest.fixture(scope="module")
def reference(folder):
    transformers = pytest.importorskip("transformers", reason="transformers is a development extra")
    return transformers.AutoTokenizer.from_pretrained(str(folder))


def rows_of(encoded):
    return [([int(i) for i in ids], [int(t) for t in types]) for ids, types in map(encoded.row, range(len(encoded)))]


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


def test_head_and_tail_are_the_papers_numbers_at_512_tokens():
    assert keep(list(range(1000)), 510, "head+tail") == [*range(128), *range(1000 - 382, 1000)]


def test_of_a_pair_the_longer_text_gives_way(tokenizer):
    encoded = tokenizer.encode(["one two"], ["word " * 60], 20, "tail")
    ids, types = encoded.row(0)
    assert len(ids) == 20 and encoded.truncated.tolist() == [True]
    assert types.tolist() == [0] * 4 + [1] * 16


@pytest.mark.parametrize(
    ("lengths", "budget", "expected"),
    [
        ((3, 4), 7, (3, 4)),
        ((300,), 126, (126,)),
        ((10, 10), 5, (2, 3)),
        ((11, 10), 5, (3, 2)),
        ((1, 50), 5, (1, 4)),
        ((50, 1), 5, (4, 1)),
        ((0, 9), 4, (0, 4)),
    ],
)
def test_longest_first(lengths, budget, expected):
    assert longest_first(lengths, budget) == expected


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
    sentences = Path(__file__).read_text(encoding="utf-8").splitlines()
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


def ragged(*rows):
    lengths = [len(row) for row in rows]
    ids = np.array([token for row in rows for token in row], np.int32)
    return Encoded(ids, (ids % 2).astype(np.int8), np.cumsum([0, *lengths]), np.array([len(row) > 2 for row in rows]))


def test_rows_are_taken_in_the_order_asked_for():
    encoded = ragged([1], [2, 3, 4], [], [5, 6])
    taken = encoded.take([3, 1, 2, 3])
    assert [ids for ids, _ in rows_of(taken)] == [[5, 6], [2, 3, 4], [], [5, 6]]
    assert taken.lengths.tolist() == [2, 3, 0, 2] and taken.truncated.tolist() == [False, True, False, False]


def test_padding_goes_behind_the_text():
    ids, types, mask = ragged([1], [2, 3, 5]).padded(np.array([1, 0]), 4, pad_id=9)
    assert ids.tolist() == [[2, 3, 5, 9], [1, 9, 9, 9]]
    assert types.tolist() == [[0, 1, 1, 0], [1, 0, 0, 0]]
    assert mask.tolist() == [[True, True, True, False], [True, False, False, False]]


def test_padding_to_less_than_a_row_is_refused():
    with pytest.raises(ValueError, match=r"^length must hold every example: received 2 for 3 tokens$"):
        ragged([1, 2, 3]).padded(np.array([0]), 2, pad_id=0)


def test_concatenation_keeps_rows():
    first, second = ragged([1, 2], [3]), ragged([4, 5, 6])
    assert rows_of(concatenate([first, second])) == rows_of(first) + rows_of(second)
    assert len(concatenate([])) == 0
