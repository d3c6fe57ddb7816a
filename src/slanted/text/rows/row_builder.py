"""Records of one file after the other -> columns of checked cells."""

import csv
import io
from array import array
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from slanted.common.messages import is_encodable, shown
from slanted.errors import InputError
from slanted.text.formats.cells import Cell, Unusable, is_blank
from slanted.text.formats.open_table import Table
from slanted.text.formats.row_locations import RowLocations
from slanted.text.formats.skipped_rows import BadRows
from slanted.text.rows.columns import Columns
from slanted.text.rows.text_storage import TextStore

BuiltColumns = tuple[Sequence[str], Sequence[str] | None, list[list[str]] | None, RowLocations]


@dataclass(frozen=True)
class _Problem:
    """Why a row cannot be read.

    Attributes:
        reason: What is wrong and what to do.
        skippable: Whether `--bad-rows skip` may skip it; if not, it concerns the whole file, or a value that no output
            file can hold.
    """

    reason: str
    skippable: bool = True


class _Texts:
    """Collects the cells of a column of texts."""

    def __init__(self, name: str) -> None:
        self.name, self.cells = name, TextStore()

    def read(self, cell: Cell) -> str | _Problem:
        """Return the text of a cell, or what is wrong with it."""
        if isinstance(cell, Unusable) or not cell or cell.isspace():
            return _missing(self.name, cell)
        return _nul(self.name) if "\0" in cell else cell

    def add(self, text: str) -> None:
        """Add a text."""
        self.cells.append(text)


class _Labels:
    """Collects the cells of a column of labels. They repeat, so that each distinct one is checked and stored once."""

    def __init__(self, name: str, separator: str | None, alone: bool) -> None:
        self.name, self.separator, self.alone = name, separator, alone
        self.cells: list[str] = []
        self._known: dict[Cell, str] = {}

    def read(self, cell: Cell) -> str | _Problem:
        """Return the label of a cell, of a list its items with the separator between them; or what is wrong with it."""
        if (label := self._known.get(cell)) is not None:
            return label
        if (problem := self._problem(cell)) is not None:
            return problem
        label = cell if isinstance(cell, str) else (self.separator or "").join(cell.items or ())
        return self._known.setdefault(cell, self._known.setdefault(label, label))

    def add(self, label: str) -> None:
        """Add a label."""
        self.cells.append(label)

    def _problem(self, cell: Cell) -> _Problem | None:
        if isinstance(cell, Unusable):
            if cell.items is not None and self.separator is not None:
                return self._problem_of_list(cell.items, self.separator)
            return self._late_list() if cell.items is not None and self.alone else _missing(self.name, cell)
        if is_blank(cell) and self.separator is None:
            return _missing(self.name, cell)
        if "\0" in cell:
            return _nul(self.name)
        return None if is_encodable(cell) else self._half_a_character()

    def _problem_of_list(self, items: tuple[str, ...], separator: str) -> _Problem | None:
        for item in items:
            if separator in item:
                problem = f"column {shown(self.name)} holds the label {shown(item)}, in which stands the separator"
                return _Problem(f"{problem} {shown(separator)}; rename it")
            if not is_encodable(item):
                return self._half_a_character()
            if "\0" in item:
                return _nul(self.name)
        return None

    def _late_list(self) -> _Problem:
        """Return the problem of labels that turn into lists: all rows from there on would be skipped."""
        taken = "but was taken for one of single labels, as no list is among its first rows"
        remedy = "make every cell a list, [] for no label, or every cell a single label"
        return _Problem(f"column {shown(self.name)} holds a list, {taken}; {remedy}", skippable=False)

    def _half_a_character(self) -> _Problem:
        rule = "which no result can hold; correct it"
        return _Problem(f"column {shown(self.name)} holds a label with half a character, {rule}")


def _nul(name: str) -> _Problem:
    """Return the problem of a NUL character, which no CSV file can hold: the CSV reader refuses the file too."""
    return _Problem(f"a NUL character stands here, in column {shown(name)}; remove it", skippable=False)


def _missing(name: str, cell: Cell) -> _Problem:
    if isinstance(cell, Unusable):
        rule = "not a string or a number; write it as one or remove the row"
        return _Problem(f"column {shown(name)} holds {cell.kind}, {rule}")
    return _Problem(f"column {shown(name)} is empty; fill it in or remove the row")


class RowBuilder:
    """Builds columns from the rows of one file after the other.

    Args:
        columns: The columns to read.
        bad_rows: Collects the rows with an empty or unusable cell.
    """

    def __init__(self, columns: Columns, bad_rows: BadRows) -> None:
        self._bad_rows = bad_rows
        self._texts = [_Texts(name) for name in (columns.text, columns.text_b) if name is not None]
        self._labels = [_Labels(name, columns.label_separator, len(columns.labels) == 1) for name in columns.labels]
        self._files: list[tuple[str, str]] = []
        self._counts: list[int] = []
        self._lines = array("q")

    def add(self, table: Table) -> None:
        """Add the rows of a file. Its columns may be in another order than those of the first file.

        Raises:
            InputError: A bad row is not skipped, all rows are bad, or single labels turn into lists.
        """
        columns: list[_Texts | _Labels] = [*self._texts, *self._labels]
        reads, adds = [column.read for column in columns], [column.add for column in columns]
        before = len(self._lines)
        for line, cells in table.records([column.name for column in columns]):
            values: list[str] = []
            for read, cell in zip(reads, cells, strict=True):
                value = read(cell)
                if isinstance(value, _Problem):
                    self._refuse(table, line, value, cells)
                    break
                values.append(value)
            else:
                self._lines.append(line)
                for add, value in zip(adds, values, strict=True):
                    add(value)
        self._files.append((table.source, table.unit))
        self._counts.append(len(self._lines) - before)
        if self._counts[-1] == 0:
            raise self._bad_rows.all_bad(table.source)

    def _refuse(self, table: Table, line: int, problem: _Problem, cells: Sequence[Cell]) -> None:
        if not problem.skippable:
            raise InputError(f"{table.source}, {table.unit} {line}: {problem.reason}")
        self._bad_rows.refuse(table.source, table.unit, line, problem.reason, _as_csv(cells))

    def columns_and_locations(self) -> BuiltColumns:
        """Return the texts, the second texts or None, the label columns or None, and the location of each row."""
        texts = [column.cells.texts() for column in self._texts]
        file = np.repeat(np.arange(len(self._files), dtype=np.int32), self._counts)
        return (
            texts[0],
            texts[1] if len(texts) > 1 else None,
            [column.cells for column in self._labels] or None,
            RowLocations(tuple(self._files), np.array(self._lines, dtype=np.int64), file),
        )


def _as_csv(cells: Sequence[Cell]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow("" if isinstance(cell, Unusable) else cell for cell in cells)
    return line.getvalue()
