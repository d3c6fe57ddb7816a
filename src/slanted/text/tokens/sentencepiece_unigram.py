"""A SentencePiece unigram model as a tokenizer of the tokenizers library.

The model file is a protocol buffer. The few fields needed are read here, so that neither protobuf nor
sentencepiece has to be installed.
"""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from slanted.errors import InputError
from slanted.text.tokens.templates import BERT_TEMPLATE, ROBERTA_TEMPLATE, with_template

if TYPE_CHECKING:
    from tokenizers import Tokenizer

UNIGRAM, NORMAL, UNKNOWN, USER_DEFINED = 1, 1, 2, 4  # the numbers of the format's own enumerations
SPECIAL = {
    "albert": ("<pad>", "<unk>", "[CLS]", "[SEP]", "[MASK]"),
    "deberta": ("[PAD]", "[CLS]", "[SEP]", "[UNK]", "[MASK]"),
    "roberta": ("<s>", "<pad>", "</s>", "<unk>", "<mask>"),
}


def unigram(path: Path, family: str) -> "Tokenizer":
    """Return the tokenizer of a SentencePiece model.

    Args:
        path: The model file.
        family: How its encoder lays out ids and special tokens: `albert` (also FNet), `deberta`, or
            `roberta` (XLM-RoBERTa: four special tokens first, so that other ids move up by one).

    Raises:
        InputError: The file is broken, or no unigram model.
    """
    from tokenizers import Tokenizer, models

    model = _read_model(path)
    vocabulary, unknown = _vocabulary(path, model, family)
    tokenizer = Tokenizer(models.Unigram(vocabulary, unknown, False))
    _set_normalisation(tokenizer, model.get(3, [b""])[0])
    tokens = {token for token, _ in vocabulary}
    missing = [token for token in SPECIAL[family] if token not in tokens and token != "[MASK]"]
    if missing:
        raise InputError(f"{path}: the vocabulary must hold {', '.join(SPECIAL[family])}: {missing[0]} is missing")
    tokenizer.add_special_tokens([token for token in SPECIAL[family] if token in tokens])
    return with_template(tokenizer, *(ROBERTA_TEMPLATE if family == "roberta" else BERT_TEMPLATE))


def _vocabulary(path: Path, model: dict[int, list[Any]], family: str) -> tuple[list[tuple[str, float]], int]:
    """Return every piece with its score, in the order of the encoder's ids, and the id of the unknown piece."""
    pieces = [_piece(data) for data in model.get(1, [])]
    kinds = [kind for _, _, kind in pieces]
    if UNKNOWN not in kinds or NORMAL not in kinds:
        raise InputError(f"{path}: not a SentencePiece model with pieces of its own: copy the file anew")
    best = max(score for _, score, kind in pieces if kind == NORMAL)
    scored = [(text, len(text) * best - 0.1 if kind == USER_DEFINED else score) for text, score, kind in pieces]
    if family == "roberta":
        return [(token, 0.0) for token in SPECIAL["roberta"][:4]] + scored[3:] + [("<mask>", 0.0)], 3
    if family == "deberta" and "[MASK]" not in dict(scored):
        scored.append(("[MASK]", 0.0))
    return scored, kinds.index(UNKNOWN)


def _set_normalisation(tokenizer: "Tokenizer", spec: bytes) -> None:
    """Clean and split text as the model's normaliser specification says."""
    from tokenizers import Regex, normalizers, pre_tokenizers

    fields = _grouped(spec)
    steps: list[Any] = [normalizers.Precompiled(fields[2][0])] if fields.get(2, [b""])[0] else []
    if fields.get(4, [1])[0]:
        steps += [normalizers.Replace(Regex("^ +| +$"), ""), normalizers.Replace(Regex(" {2,}"), " ")]
    tokenizer.normalizer = normalizers.Sequence(steps)
    scheme = "always" if fields.get(3, [1])[0] else "never"
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme=scheme)


def _read_model(path: Path) -> dict[int, list[Any]]:
    """Return the fields of the model file: 1 pieces, 2 trainer specification, 3 normaliser specification."""
    if not path.is_file():
        raise InputError(f"{path}: the model folder must hold this file: it is missing")
    try:
        model = _grouped(path.read_bytes())
        kind = _grouped(model.get(2, [b""])[0]).get(3, [UNIGRAM])[0]
    except (ValueError, IndexError, TypeError, struct.error):
        raise InputError(f"{path}: not a SentencePiece model: copy the file anew") from None
    if kind != UNIGRAM:
        raise InputError(f"{path}: slanted reads SentencePiece unigram models: this one is of type {kind}")
    return model


def _piece(data: bytes) -> tuple[str, float, int]:
    """Return a piece's text, score and type."""
    fields = _grouped(data)
    return fields[1][0].decode("utf-8"), fields.get(2, [0.0])[0], fields.get(3, [NORMAL])[0]


def _grouped(data: bytes) -> dict[int, list[Any]]:
    """Return the values of a message by field number."""
    grouped: dict[int, list[Any]] = {}
    for number, value in _fields(data):
        grouped.setdefault(number, []).append(value)
    return grouped


def _fields(data: bytes) -> Iterator[tuple[int, Any]]:
    """Yield the fields of a protocol-buffer message: integers, float32 numbers and byte strings."""
    position = 0
    while position < len(data):
        key, position = _varint(data, position)
        number, wire = key >> 3, key & 7
        if wire == 0:
            value, position = _varint(data, position)
        elif wire == 5:
            value, position = struct.unpack_from("<f", data, position)[0], position + 4
        elif wire == 2:
            size, position = _varint(data, position)
            value, position = data[position : position + size], position + size
        else:
            raise ValueError(f"wire type {wire}")
        if position > len(data):
            raise ValueError("truncated")
        yield number, value


def _varint(data: bytes, position: int) -> tuple[int, int]:
    """Read a base-128 integer; return it and the position behind it."""
    value = shift = 0
    while True:
        byte = data[position]
        value |= (byte & 127) << shift
        position, shift = position + 1, shift + 7
        if byte < 128:
            return value, position
