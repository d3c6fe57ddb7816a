"""Columns whose cells hold any number of labels, such as `sport;politics`: the names, and rows of 0 and 1."""

from collections.abc import Iterator, Sequence
from itertools import chain

import numpy as np

from slanted.common.messages import listed, shown
from slanted.errors import InputError
from slanted.text.labels.class_labels import check_distinct, ordered
from slanted.text.labels.label_table import Label, LabelColumns

MOST_CELLS = 2**28  # of a table of rows and labels: 1 GiB of float32 numbers, several times that in scoring


def check_table(rows: int, labels: int, column: str) -> None:
    """Raise if a table of rows and labels would fill the memory.

    Raises:
        InputError: It would.
    """
    if rows * labels > MOST_CELLS:
        found = f"column {shown(column)} has {labels:,} different labels, too many for a table with {rows:,} rows"
        raise InputError(f"{found}: {MOST_CELLS:,} cells at most; it may hold ids: name another column with --label")


def split_labels(cell: str, separator: str) -> tuple[str, ...]:
    """Return the labels of a cell, without the white space around them; an empty cell has none.

    >>> split_labels("sport; politics;", ";"), split_labels("", ";")
    (('sport', 'politics'), ())
    """
    return tuple(label for label in map(str.strip, cell.split(separator)) if label)


def set_labels(table: LabelColumns) -> tuple[Label, ...]:
    """Return the distinct labels of all rows, in order.

    Raises:
        InputError: There is none, or two differ only in case or spaces.
    """
    first: dict[str, int] = {}
    for row, labels in enumerate(_sets(table)):
        for label in labels:
            first.setdefault(label, row)
    if not first:
        raise InputError(f"{table.subject}: no row has a label in column {shown(table.names[0])}; add rows with labels")
    names = ordered(first)
    check_distinct(table, names, first)
    return names


def encode_sets(names: Sequence[Label], table: LabelColumns) -> np.ndarray:
    """Return 1 for each label of a row, else 0, float32 of shape (n, labels).

    Raises:
        InputError: A label is not among the names; the message names its row. Or there are too many.
    """
    check_table(len(table), len(names), table.names[0])
    index = {name: at for at, name in enumerate(names)}
    known: dict[tuple[str, ...], list[int]] = {}
    columns: list[list[int]] = []
    for row, labels in enumerate(_sets(table)):
        if labels not in known:
            known[labels] = [_find(index, label, table, row) for label in labels]
        columns.append(known[labels])
    values = np.zeros((len(table), len(names)), dtype=np.float32)
    rows = np.repeat(np.arange(len(table)), [len(indices) for indices in columns])
    values[rows, np.fromiter(chain.from_iterable(columns), np.int64, len(rows))] = 1
    return values


def _find(index: dict[Label, int], label: str, table: LabelColumns, row: int) -> int:
    if label in index:
        return index[label]
    problem = f"{table.where(row)}: column {shown(table.names[0])} has the label {shown(label)}"
    remedy = "correct it, or add rows of it to the training data"
    raise InputError(f"{problem}, which the training data lacks; it has {listed(tuple(index))}; {remedy}")


def _sets(table: LabelColumns) -> Iterator[tuple[str, ...]]:
    """Yield the labels of each row, equal ones as one object."""
    assert table.separator is not None
    known: dict[Label, tuple[str, ...]] = {}
    for cell in table.cells[0]:
        if cell not in known:
            known[cell] = split_labels(str(cell), table.separator)
        yield known[cell]
