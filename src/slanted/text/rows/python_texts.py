"""Texts from Python objects: lists, arrays, series and data frames, of single texts or of pairs."""

from typing import Any

import numpy as np

from slanted.errors import InputError
from slanted.text.formats.cells import is_blank


def as_texts(texts: Any) -> tuple[list[str], list[str] | None]:
    """Return the texts, and the second texts of pairs or None.

    Args:
        texts: A sequence, array or series of n strings; or of n pairs of strings, of shape (n, 2).

    Raises:
        InputError: There are none, one is not a string or is blank, or the shape is another.
    """
    if isinstance(texts, str):
        raise InputError("texts must be a sequence of strings, not one string; put it in a list")
    if hasattr(texts, "tocsr"):
        problem = "texts must be strings, not a sparse matrix of numbers"
        raise InputError(f"{problem}; give the texts themselves, without a vectorizer before")
    array = np.asarray(texts, dtype=object)
    if array.ndim == 2 and array.shape[1] == 2:
        return _checked(array[:, 0], ", 0"), _checked(array[:, 1], ", 1")
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1 or array.size == 0:
        raise InputError(f"texts must have the shape (n,), or (n, 2) for pairs, with n >= 1, not {array.shape}")
    return _checked(array, ""), None


def _checked(texts: np.ndarray, column: str) -> list[str]:
    for row, text in enumerate(texts):
        if not isinstance(text, str):
            raise InputError(f"texts[{row}{column}] must be a string, not {type(text).__name__}")
        if is_blank(text):
            raise InputError(f"texts[{row}{column}] is empty; give a text or leave the row out")
    return texts.tolist()


def kinds_of_texts(pairs: bool) -> tuple[str, str]:
    """Return the words for the expected and the received kind of input ("pairs of texts", "single texts")."""
    return ("pairs of texts", "single texts") if pairs else ("single texts", "pairs")
