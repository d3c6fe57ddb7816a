"""Labels of a file or of Python as one table, with the words that name the place of each in messages."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from slanted.common.messages import shown
from slanted.errors import InputError
from slanted.text.formats.cells import is_blank
from slanted.text.formats.row_locations import RowLocations
from slanted.text.rows.label_lists import are_lists
from slanted.text.rows.rows import Rows

Label = str | int | float | bool
_NAMES = "give a column of 0 and 1 for each label, as sklearn.preprocessing.MultiLabelBinarizer makes of sets of names"


@dataclass(frozen=True)
class LabelColumns:
    """One or several columns of labels.

    Attributes:
        source: The file's name, or None for Python labels.
        names: The columns' names.
        cells: One list of labels a column, all of one length.
        locations: The file and the line of each row, or None.
        separator: What stands between the labels of a cell, where a row has any number of them, or None.
        label_names: All labels of such cells, if they are known from the form of the file; else empty.
    """

    source: str | None
    names: tuple[str, ...]
    cells: Sequence[Sequence[Label]]
    locations: RowLocations | None = None
    separator: str | None = None
    label_names: tuple[str, ...] = ()

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.cells[0])

    def where(self, row: int, column: int = 0) -> str:
        """Return `train.csv, line 7`, or for Python labels `labels[5]` or `labels[5, 2]`."""
        if self.locations is not None:
            return self.locations[row]
        return f"labels[{row}]" if len(self.names) == 1 else f"labels[{row}, {column}]"

    def holds(self, row: int, column: int = 0) -> str:
        """Return `train.csv, line 7: column 'label' holds 'x'`, or `labels[5]: 'x'`."""
        middle = "" if self.locations is None else f"column {shown(self.names[column])} holds "
        return f"{self.where(row, column)}: {middle}{shown(self.cells[column][row])}"

    def at(self, row: int) -> str:
        """Return `line 7`, or for Python labels `labels[5]`: a second place in one message."""
        return f"labels[{row}]" if self.locations is None else self.locations.second(row)

    @property
    def subject(self) -> str:
        """The subject of a message about all rows: the file's name, or `labels`."""
        return "labels" if self.source is None else self.source

    def option(self, name: str, value: str) -> str:
        """Return `--task single`, or for Python labels `task='single'`."""
        return f"{name}={value!r}" if self.source is None else f"--{name} {value}"


def as_label_columns(labels: object) -> LabelColumns:
    """Return the labels of file rows, or of a Python sequence, array, series or data frame.

    Args:
        labels: `Rows`, or labels of shape (n,) or (n, columns): strings, integers, floats or booleans.

    Raises:
        InputError: The labels are missing, empty, ragged, or not of these types.
    """
    if isinstance(labels, LabelColumns):
        return labels
    if isinstance(labels, Rows):
        if labels.labels is None:
            raise InputError(f"{labels.source}: its labels were not read; read it with labelled=True")
        columns = labels.columns
        separator, names = columns.label_separator, columns.label_names
        return LabelColumns(labels.source, columns.labels, labels.labels, labels.locations, separator, names)
    return _from_python(labels)


def _from_python(labels: object) -> LabelColumns:
    array = _object_array(labels)
    if array.size == 0:
        raise InputError("labels: none given; give one label for each text")
    columns = array[:, np.newaxis] if array.ndim == 1 else array
    names = tuple(str(name) for name in getattr(labels, "columns", range(columns.shape[1])))
    table = LabelColumns(None, names, [[_plain(value) for value in column] for column in columns.T])
    for at, column in enumerate(table.cells):
        _check_types(table, at, column)
    first = table.cells[0][0]
    if len(table.names) == 1 and isinstance(first, str) and are_lists([str(cell) for cell in table.cells[0]]):
        problem = f"labels[0] is {shown(first)}, a list that is written as text"
        raise InputError(f"{problem}; make lists of them, as ast.literal_eval does, and {_NAMES}")
    return table


def _object_array(labels: object) -> np.ndarray:
    rule = "labels must have the shape (texts,) or (texts, columns)"
    try:
        array = np.asarray(labels, dtype=object)
    except ValueError:
        raise InputError(f"{rule}, but the rows differ in length; give each the same columns") from None
    if array.ndim not in (1, 2):
        raise InputError(f"{rule}, not {array.shape}; give one label for each text")
    return array


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def _check_types(table: LabelColumns, at: int, column: Sequence[object]) -> None:
    for row, value in enumerate(column):
        if value is None or (isinstance(value, float) and math.isnan(value)):
            raise InputError(f"{table.where(row, at)} is {value}; give a label for every text")
        if isinstance(value, (set, frozenset, list, tuple)):
            raise InputError(f"{table.where(row, at)} is a {type(value).__name__}; {_NAMES}")
        if not isinstance(value, (str, int, float)):
            problem = f"{table.where(row, at)} is of type {type(value).__name__}"
            raise InputError(f"{problem}; give strings, integers, floats or booleans, one type for all")
        if isinstance(value, str) and is_blank(value):
            raise InputError(f"{table.where(row, at)} is empty; give a label for every text")
