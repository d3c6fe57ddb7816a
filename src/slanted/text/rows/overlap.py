"""Texts that are the same, by their hashes: duplicates of training texts among the test texts, say."""

import unicodedata
from collections.abc import Sequence

import numpy as np


def overlap(train: np.ndarray, test: np.ndarray) -> int:
    """Return the number of test rows whose text, or pair of texts, is also a training row's.

    Args:
        train: The hashes of the training texts, as `text_hashes` returns them.
        test: Those of the test texts.

    >>> overlap(text_hashes(["a  b", "c"]), text_hashes(["a b", "a b", "A b"]))
    2
    """
    return int(np.isin(test, train).sum())


def text_hashes(texts: Sequence[str], texts_b: Sequence[str] | None = None) -> np.ndarray:
    """Return a hash of each text, or pair of texts, int64 (n,): 8 bytes a row in memory.

    Two texts are the same if they are equal in Unicode's normal form C with every run of white space as one space.
    """
    if texts_b is None:
        return np.fromiter(map(hash, map(_folded, texts)), np.int64, len(texts))
    pairs = zip(texts, texts_b, strict=True)
    return np.fromiter((hash((_folded(a), _folded(b))) for a, b in pairs), np.int64, len(texts))


def _folded(text: str) -> str:
    if text.isascii() and text.isprintable() and "  " not in text:  # whose only white space is the space
        return text.strip(" ")
    return " ".join(unicodedata.normalize("NFC", text).split())
