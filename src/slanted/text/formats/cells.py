"""Types of cells, and tests of a cell or a Python label: blank, a number, a fraction, 0 or 1."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Unusable:
    """A value of JSON or Parquet that is no string, number or boolean.

    Attributes:
        kind: The kind of value: "a nested list", say.
        items: The strings of a list of strings, which can be several labels; else None.
    """

    kind: str
    items: tuple[str, ...] | None = None


MISSING = Unusable("no value, as its key is missing")
UNLABELLED = Unusable("no label, as the line has no word that begins with __label__")
Cell = str | Unusable
Record = tuple[int, Sequence[Cell]]  # the 1-based line or row on which a record starts, and its cells

_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)


def is_blank(cell: str) -> bool:
    r"""Return whether a cell is empty or holds white space only.

    Zero-width characters are not white space: a cell of them alone is a text, and stays unchanged.

    >>> is_blank(" \u00a0\n"), is_blank("\u200b")
    (True, False)
    """
    return not cell or cell.isspace()


def as_number(cell: object) -> float | None:
    """Return the value of a number, or of a cell that is a decimal number; else None.

    >>> as_number("-1.50"), as_number("1e3"), as_number("1,5"), as_number("nan"), as_number("1_000")
    (-1.5, 1000.0, None, None, None)
    """
    if isinstance(cell, str):
        return float(cell) if _NUMBER.fullmatch(cell.strip()) else None
    try:
        return float(cell) if isinstance(cell, (int, float)) else None
    except OverflowError:
        return math.inf


def is_zero_or_one(cell: object) -> bool:
    """Return whether the cell is 0 or 1; 1.0 and True are 1 too."""
    return as_number(cell) in (0.0, 1.0)


def is_fractional(cell: object) -> bool:
    """Return whether the cell is a finite number with a fractional part."""
    value = as_number(cell)
    return value is not None and math.isfinite(value) and value % 1 != 0
