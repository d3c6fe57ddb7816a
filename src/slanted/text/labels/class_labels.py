"""One class a text: the classes of training labels, in order, and labels as their indices."""

import math
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

import numpy as np

from slanted.common.messages import is_encodable, listed, shown
from slanted.errors import InputError
from slanted.text.formats.cells import as_number
from slanted.text.labels.label_table import Label, LabelColumns

_INTEGER = re.compile(r"[+-]?\d+", re.ASCII)
_INVISIBLE = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180d\u2800\u3164\ufe00-\ufe0f\uffa0]"
)  # beside formats


def classes_of(table: LabelColumns) -> tuple[Label, ...]:
    """Return the distinct labels of one column, in order.

    Integers are in numerical order, also when they are strings; everything else is sorted as text.

    Raises:
        InputError: Labels of several types, one that no JSON file can hold, one class only, or classes that differ only
            in case or spaces.
    """
    cells = table.cells[0]
    _check_one_type(table)
    _check_can_be_written(table)
    classes = ordered(set(cells))
    if len(classes) == 1:
        problem = f"{table.subject}: every row has the label {shown(classes[0])}"
        raise InputError(f"{problem}; classes need two labels at least: add rows of another")
    check_distinct(table, classes)
    return classes


def encode_classes(classes: Sequence[Label], table: LabelColumns) -> np.ndarray:
    """Return the index of each row's class, int32 of shape (n,).

    Raises:
        InputError: A label is not among the classes; the message names its row.
    """
    index = {label: number for number, label in enumerate(classes)}
    try:
        return np.fromiter((index[cell] for cell in table.cells[0]), dtype=np.int32, count=len(table))
    except KeyError:
        row = next(row for row, cell in enumerate(table.cells[0]) if cell not in index)
        raise _unseen(classes, table, row) from None


def ordered(labels: Iterable[Label]) -> tuple[Label, ...]:
    """Return labels in numerical order if all of them are integers, else sorted as text."""
    spelt = sorted(labels)
    if all(isinstance(label, str) and _INTEGER.fullmatch(label) for label in spelt):
        return tuple(sorted(spelt, key=Decimal))  # of any length, where `int` refuses over 4,300 digits
    return tuple(spelt)


def _check_one_type(table: LabelColumns) -> None:
    cells = table.cells[0]
    for row, cell in enumerate(cells):
        if type(cell) is not type(cells[0]):
            types = f"{type(cell).__name__}, but {table.where(0)} of type {type(cells[0]).__name__}"
            problem = f"{table.where(row)} is of type {types}"
            raise InputError(f"{problem}; give labels of one type")


def _check_can_be_written(table: LabelColumns) -> None:
    """Raise for a label that labels.json cannot hold. Labels of files never are, Python's may be."""
    for label in dict.fromkeys(table.cells[0]):
        if not (is_encodable(label) if isinstance(label, str) else math.isfinite(as_number(label) or 0.0)):
            where = table.where(list(table.cells[0]).index(label))
            rule = "a string of whole characters, or a number that a float can hold"
            raise InputError(f"{where} cannot be written to a file: a label must be {rule}; give it another name")


def _folded(label: Label) -> Label:
    return "".join(label.casefold().split()) if isinstance(label, str) else label


def visible_form(label: Label) -> Label:
    r"""Return a label in folded form and Unicode's normal form C, without invisible characters.

    >>> visible_form("Cafe\u0301") == visible_form("caf\u00e9\u200b"), visible_form("a") == visible_form("b")
    (True, False)
    """
    folded = _folded(label)
    if not isinstance(folded, str) or (folded.isascii() and folded.isprintable()):
        return folded
    seen = (one for one in _INVISIBLE.sub("", folded) if unicodedata.category(one) not in ("Cc", "Cf"))
    return unicodedata.normalize("NFC", "".join(seen))


def check_distinct(table: LabelColumns, classes: Sequence[Label], rows: Mapping[Any, int] | None = None) -> None:
    """Raise if two labels differ only in case or spaces.

    Args:
        table: What they are from.
        classes: The distinct labels.
        rows: A row of each; None: looked up in the first column.

    Raises:
        InputError: Two do.
    """
    seen: dict[Label, Label] = {}
    for label in classes:
        other = seen.setdefault(_folded(label), label)
        if other is not label:
            positions = [table.cells[0].index(name) if rows is None else rows[name] for name in (other, label)]
            pair = (f"{shown(name)} ({table.at(row)})" for name, row in zip((other, label), positions, strict=True))
            problem = f"{table.subject}: labels {' and '.join(pair)} differ only in case or spaces"
            raise InputError(f"{problem}; spell them alike, or rename one")


def _unseen(classes: Sequence[Label], table: LabelColumns, row: int) -> InputError:
    folded = _folded(table.cells[0][row])
    for label in classes:
        if _folded(label) == folded:
            problem = f"{table.holds(row)}, which differs from the training data's {shown(label)} only in case or"
            return InputError(f"{problem} spaces; spell them alike")
        if visible_form(label) == visible_form(folded):
            problem = f"{table.where(row)}: label {table.cells[0][row]!a} looks like the training data's {label!a}"
            rule = "but differs in its Unicode normal form or an invisible character"
            return InputError(f"{problem}, {rule}; spell them alike")
    problem = f"{table.holds(row)}, a label that the training data lacks; it has {listed(classes)}"
    return InputError(f"{problem}; correct it, or add rows of it to the training data")
