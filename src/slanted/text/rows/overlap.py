"""Duplicates of training texts among the test texts."""

import unicodedata
from collections.abc import Sequence

import numpy as np


def overlap(
    train_texts: Sequence[str],
    test_texts: Sequence[str],
    train_texts_b: Sequence[str] | None = None,
    test_texts_b: Sequence[str] | None = None,
) -> int:
    """Return the number of test rows whose text, or pair of texts, is also a training row's.

    Two texts are the same if they are equal in Unicode's normal form C with every run of white space as one space.
    Their 64-bit hashes are compared, 8 bytes a row in memory.

    >>> overlap(["a  b", "c"], ["a b", "a b", "A b"])
    2
    """
    train, test = _hashes(train_texts, train_texts_b), _hashes(test_texts, test_texts_b)
    return int(np.isin(test, train).sum())


def _hashes(texts: Sequence[str], texts_b: Sequence[str] | None) -> np.ndarray:
    if texts_b is None:
        return np.fromiter((hash(_folded(text)) for text in texts), np.int64, len(texts))
    pairs = zip(texts, texts_b, strict=True)
    return np.fromiter((hash((_folded(a), _folded(b))) for a, b in pairs), np.int64, len(texts))


def _folded(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).split())
