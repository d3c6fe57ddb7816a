"""The KerasHub preprocessor that is saved with a model, so that it accepts texts in KerasHub without slanted.

slanted does not use it for tokenisation. For WordPiece its settings are as close to the checkpoint's tokenizer as
KerasHub allows; docs/decisions.md describes the differences and their frequency.
"""

from pathlib import Path
from typing import Any

from slanted.errors import InputError
from slanted.text.tokens.tokenizer import TextTokenizer
from slanted.text.tokens.vocabulary_files import KERAS_ASSETS, read_model_file

SENTENCE_PIECE_FILES = (KERAS_ASSETS / "vocabulary.spm", "sentencepiece.bpe.model", "spiece.model", "spm.model")


def read_sentence_piece(folder: Path) -> bytes | None:
    """Return the SentencePiece model in a model folder, or None if there is none."""
    paths = (folder / file for file in SENTENCE_PIECE_FILES)
    return next((read_model_file(path) for path in paths if path.is_file()), None)


def build_preprocessor(family: str, tokenizer: TextTokenizer, sentence_piece: bytes | None, max_tokens: int) -> Any:
    """Return the KerasHub preprocessor of a model.

    Args:
        family: The prefix of the KerasHub classes.
        tokenizer: The tokenizer of the checkpoint, whose vocabulary and settings are used.
        sentence_piece: The SentencePiece model of the checkpoint, or None.
        max_tokens: The length to which the preprocessor truncates and pads.

    Raises:
        InputError: The family needs a SentencePiece model, and the checkpoint has none.
    """
    import keras_hub

    kind = tokenizer.description["model"]["type"]
    cls = getattr(keras_hub.models, f"{family}Tokenizer")
    build = {"WordPiece": _word_piece, "BPE": _byte_pairs}.get(kind)
    if build is None and sentence_piece is None:
        wanted = ", ".join(str(file) for file in SENTENCE_PIECE_FILES)
        raise InputError(f"KerasHub needs this checkpoint's SentencePiece model ({wanted}): found none of them")
    keras_tokenizer = (
        cls(proto=sentence_piece) if build is None else build(cls, tokenizer.description, tokenizer.vocabulary)
    )
    preprocessor = getattr(keras_hub.models, f"{family}TextClassifierPreprocessor")
    return preprocessor(keras_tokenizer, sequence_length=max_tokens)


def _word_piece(cls: Any, description: dict[str, Any], vocabulary: dict[str, int]) -> Any:
    """Build a WordPiece tokenizer that lower-cases and strips accents as the checkpoint does."""
    normalizer = description.get("normalizer") or {}
    lowercase = bool(normalizer.get("lowercase"))
    strip = normalizer.get("strip_accents")
    tokens = sorted(vocabulary, key=lambda token: vocabulary[token])
    return cls(vocabulary=tokens, lowercase=lowercase, strip_accents=lowercase if strip is None else bool(strip))


def _byte_pairs(cls: Any, description: dict[str, Any], vocabulary: dict[str, int]) -> Any:
    """Build a byte-level BPE tokenizer."""
    merges = [pair if isinstance(pair, str) else " ".join(pair) for pair in description["model"]["merges"]]
    return cls(vocabulary=vocabulary, merges=merges)
