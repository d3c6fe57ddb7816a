"""Records of one file after the other -> whole columns, every cell checked."""

import csv
import io
from array import array
from collections.abc import Sequence

import numpy as np

from slanted.common.messages import is_encodable, shown
from slanted.errors import InputError
from slanted.text.formats.cells import ListCell, UnusableCell, is_blank
from slanted.text.formats.open_table import Table
from slanted.text.formats.row_locations import RowLocations
from slanted.text.formats.skipped_rows import BadRows
from slanted.text.rows.columns import Columns
from slanted.text.rows.text_storage import TextStore

Gathering = tuple[Sequence[str], Sequence[str] | None, list[list[str]] | None, RowLocations]


class _Fatal(str):
    """A problem that is refused even where bad rows are skipped: it is not of one row, or no result could hold it."""


class _Texts:
    """Gathers the cells of a column of texts."""

    def __init__(self, name: str) -> None:
        self.name, self.cells = name, TextStore()

    def problem(self, cell: str) -> str | None:
        """Return what is wrong with a cell, or None."""
        if "\0" in cell:
            return _nul(self.name)
        return _missing(self.name, cell) if is_blank(cell) else None

    def add(self, cell: str) -> None:
        """Add a cell without a problem."""
        self.cells.append(cell)


class _Labels:
    """Gathers the cells of a column of labels. They repeat, so that each distinct one is checked and kept once."""

    def __init__(self, name: str, separator: str | None, alone: bool) -> None:
        self.name, self.separator, self.alone = name, separator, alone
        self.cells: list[str] = []
        self._known: dict[str, str] = {}

    def problem(self, cell: str) -> str | None:
        """Return what is wrong with a cell, or None."""
        if type(cell) is str and cell in self._known:
            return None
        if isinstance(cell, ListCell) and self.separator is not None:
            return self._problem_of_list(cell, self.separator)
        if isinstance(cell, ListCell) and self.alone:
            return self._late_list()
        if isinstance(cell, UnusableCell):
            return _missing(self.name, cell)
        if is_blank(cell) and self.separator is None:
            return _missing(self.name, cell)
        if "\0" in cell:
            return _nul(self.name)
        return None if is_encodable(cell) else self._half_a_character()

    def add(self, cell: str) -> None:
        """Add a cell without a problem; a list as its items with the separator between them."""
        plain = self.separator.join(cell.items) if isinstance(cell, ListCell) and self.separator else cell
        self.cells.append(self._known.setdefault(plain, plain))

    def _problem_of_list(self, cell: ListCell, separator: str) -> str | None:
        for item in cell.items:
            if separator in item:
                found = f"column {shown(self.name)} holds the label {shown(item)}, in which stands the separator"
                return f"{found} {shown(separator)}; rename it"
            if not is_encodable(item):
                return self._half_a_character()
            if "\0" in item:
                return _nul(self.name)
        return None

    def _late_list(self) -> str:
        """Return the problem of labels that turn into lists: all rows from there on would be skipped."""
        taken = "but was taken for one of single labels, as no list is among its first rows"
        remedy = "make every cell a list, [] for no label, or every cell a single label"
        return _Fatal(f"column {shown(self.name)} holds a list, {taken}; {remedy}")

    def _half_a_character(self) -> str:
        return f"column {shown(self.name)} holds a label with half a character, which no result can hold; correct it"


def _nul(name: str) -> str:
    """Return the problem that no CSV file could hold the cell; one that holds it is refused as a whole too."""
    return _Fatal(f"a NUL character stands here, in column {shown(name)}; remove it")


def _missing(name: str, cell: str) -> str:
    if isinstance(cell, UnusableCell):
        return f"column {shown(name)} holds {cell.found}, not a string or a number; write it as one or remove the row"
    return f"column {shown(name)} is empty; fill it in or remove the row"


class Gathered:
    """Gathers the rows of one file after the other.

    Args:
        columns: Which columns are gathered.
        bad_rows: Is given the rows with an empty or unusable cell.
    """

    def __init__(self, columns: Columns, bad_rows: BadRows) -> None:
        self._bad_rows = bad_rows
        self._texts = [_Texts(name) for name in (columns.text, columns.text_b) if name is not None]
        self._labels = [_Labels(name, columns.label_separator, len(columns.labels) == 1) for name in columns.labels]
        self._files: list[tuple[str, str]] = []
        self._counts: list[int] = []
        self._lines = array("q")

    def add(self, table: Table) -> None:
        """Gather the rows of a file, whose columns may stand in another order than the first file's.

        Raises:
            InputError: A row is bad and not to be skipped, all are bad, or single labels turn into lists.
        """
        columns: list[_Texts | _Labels] = [*self._texts, *self._labels]
        problems, adds = [column.problem for column in columns], [column.add for column in columns]
        before = len(self._lines)
        for line, cells in table.records([column.name for column in columns]):
            for problem_of, cell in zip(problems, cells, strict=True):
                if (problem := problem_of(cell)) is not None:
                    if isinstance(problem, _Fatal):
                        raise InputError(f"{table.source}, {table.unit} {line}: {problem}")
                    self._bad_rows.refuse(table.source, table.unit, line, problem, _as_csv(cells))
                    break
            else:
                self._lines.append(line)
                for add, cell in zip(adds, cells, strict=True):
                    add(cell)
        self._files.append((table.source, table.unit))
        self._counts.append(len(self._lines) - before)
        if self._counts[-1] == 0:
            raise self._bad_rows.all_bad(table.source)

    def columns_and_locations(self) -> Gathering:
        """Return the texts, the second texts or None, the label columns or None, and where each row is from."""
        texts = [column.cells.texts() for column in self._texts]
        file = np.repeat(np.arange(len(self._files), dtype=np.int32), self._counts)
        return (
            texts[0],
            texts[1] if len(texts) > 1 else None,
            [column.cells for column in self._labels] or None,
            RowLocations(tuple(self._files), np.array(self._lines, dtype=np.int64), file),
        )


def _as_csv(cells: Sequence[str]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(cells)
    return line.getvalue()
