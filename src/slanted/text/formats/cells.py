"""What a cell or a Python label is: a number, a fraction, 0 or 1, blank, or none that a file of cells can hold."""

import math
import re
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


Cell = str | Unusable
Record = tuple[int, list[Cell]]  # the 1-based line or row on which a record starts, and its cells

_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)


def is_blank(cell: str) -> bool:
    r"""Return whether a cell holds nothing but white space, if anything.

    Zero-width characters are no white space: a text of them alone is a text, and is given back as it came.

    >>> is_blank(" \u00a0\n"), is_blank("\u200b")
    (True, False)
    """
    return not cell or cell.isspace()


def as_number(cell: object) -> float | None:
    """Return the value of a number, or of a cell that spells a decimal number; else None.

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
    """Return whether the cell is 0 or 1, be it written 1, 1.0 or (in Python) True."""
    return as_number(cell) in (0.0, 1.0)


def is_fractional(cell: object) -> bool:
    """Return whether the cell is a finite number that is not whole."""
    value = as_number(cell)
    return value is not None and math.isfinite(value) and value % 1 != 0
