"""A SentencePiece unigram model as a tokenizer of the tokenizers library.

The model file is a protocol buffer, read by sentencepiece's own classes.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from slanted.common.regular_files import read_regular
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
    tokenizer = Tokenizer(models.Unigram(vocabulary, unknown, byte_fallback=False))
    try:
        _set_normalisation(tokenizer, model.normalizer_spec)
    except Exception:  # tokenizers raises nothing narrower
        raise InputError(f"{path}: its table of characters is damaged: copy the file anew") from None
    tokens = {token for token, _ in vocabulary}
    missing = [token for token in SPECIAL[family] if token not in tokens and token != "[MASK]"]
    if missing:
        raise InputError(f"{path}: the vocabulary must hold {', '.join(SPECIAL[family])}: {missing[0]} is missing")
    tokenizer.add_special_tokens([token for token in SPECIAL[family] if token in tokens])
    return with_template(tokenizer, *(ROBERTA_TEMPLATE if family == "roberta" else BERT_TEMPLATE))


def _vocabulary(path: Path, model: Any, family: str) -> tuple[list[tuple[str, float]], int]:
    """Return every piece with its score, in the order of the encoder's ids, and the id of the unknown piece."""
    pieces = [(piece.piece, piece.score, piece.type) for piece in model.pieces]
    kinds = [kind for _, _, kind in pieces]
    if not all(isinstance(text, str) for text, _, _ in pieces):  # protobuf gives bytes that are not UTF-8 as they are
        raise InputError(f"{path}: a piece is not UTF-8: copy the file anew")
    if UNKNOWN not in kinds or NORMAL not in kinds:
        raise InputError(f"{path}: not a SentencePiece model with pieces of its own: copy the file anew")
    best = max(score for _, score, kind in pieces if kind == NORMAL)
    scored = [(text, len(text) * best - 0.1 if kind == USER_DEFINED else score) for text, score, kind in pieces]
    if family == "roberta":
        return [(token, 0.0) for token in SPECIAL["roberta"][:4]] + scored[3:] + [("<mask>", 0.0)], 3
    if family == "deberta" and "[MASK]" not in dict(scored):
        scored.append(("[MASK]", 0.0))
    return scored, kinds.index(UNKNOWN)


def _set_normalisation(tokenizer: "Tokenizer", spec: Any) -> None:
    """Clean and split text as the model's normaliser specification says."""
    from tokenizers import Regex, normalizers, pre_tokenizers

    steps: list[Any] = [normalizers.Precompiled(spec.precompiled_charsmap)] if spec.precompiled_charsmap else []
    if spec.remove_extra_whitespaces:
        # Runs of spaces first: the other pattern alone would take time with the square of their length.
        steps += [normalizers.Replace(Regex(" {2,}"), " "), normalizers.Replace(Regex("^ | $"), "")]
    tokenizer.normalizer = normalizers.Sequence(steps)
    scheme = "always" if spec.add_dummy_prefix else "never"
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme=scheme)


def _read_model(path: Path) -> Any:
    """Return the model file's `ModelProto`."""
    from google.protobuf.message import DecodeError
    from sentencepiece import sentencepiece_model_pb2

    model: Any = sentencepiece_model_pb2.ModelProto()  # pyright: ignore[reportAttributeAccessIssue]
    try:
        model.ParseFromString(read_regular(path))
    except FileNotFoundError:
        raise InputError(f"{path}: the model folder must hold this file: it is missing") from None
    except (DecodeError, UnicodeDecodeError):
        raise InputError(f"{path}: not a SentencePiece model: copy the file anew") from None
    except (ValueError, OSError) as error:
        raise InputError(f"{path}: not readable ({error}): copy the file anew") from None
    if model.trainer_spec.model_type != UNIGRAM:
        kind = model.trainer_spec.model_type
        raise InputError(f"{path}: slanted reads SentencePiece unigram models: this one is of type {kind}")
    return model
