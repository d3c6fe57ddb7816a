"""Records of one file after the other -> columns of checked cells."""

import csv
import io
import json
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from slanted.common.messages import is_encodable, shown
from slanted.errors import InputError
from slanted.text.formats.cells import MISSING, Cell, Unusable, as_number, is_blank
from slanted.text.formats.open_table import Table
from slanted.text.formats.row_locations import RowLocations
from slanted.text.formats.skipped_rows import BadRows
from slanted.text.rows.columns import Columns
from slanted.text.rows.label_lists import (
    LIST_SEPARATOR,
    are_lists,
    is_bracketed,
    items_of,
    problem_of_items,
    written_list,
)
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
    """Collects the cells of a column of texts, which may be empty if `may_be_empty`."""

    def __init__(self, name: str, may_be_empty: bool) -> None:
        self.name, self.cells, self._may_be_empty = name, TextStore(), may_be_empty

    def read(self, cell: Cell) -> str | _Problem:
        """Return the text of a cell, or what is wrong with it."""
        if isinstance(cell, Unusable) or (is_blank(cell) and not self._may_be_empty):
            return _missing(self.name, cell)
        return _nul(self.name) if "\0" in cell else cell

    def add(self, text: str) -> None:
        """Add a text."""
        self.cells.append(text)


class _Kept:
    """Collects the cells of a column that is copied to the output; lists are written as JSON."""

    def __init__(self, name: str) -> None:
        self.name, self.cells = name, TextStore()

    def read(self, cell: Cell) -> str | _Problem:
        """Return the content of a cell, or what is wrong with it."""
        if isinstance(cell, Unusable):
            if cell.items is None and cell is not MISSING:
                problem = f"column {shown(self.name)} holds {cell.kind}, which is not copied"
                return _Problem(f"{problem}; leave the column out of --keep", skippable=False)
            cell = "" if cell.items is None else json.dumps(cell.items, ensure_ascii=False)
        if "\0" in cell:
            return _nul(self.name)
        return cell if is_encodable(cell) else _half_a_character(self.name, "a cell")

    def add(self, cell: str) -> None:
        """Add a cell."""
        self.cells.append(cell)


class _Labels:
    """Collects the cells of a column of labels. They repeat, so that each distinct one is checked and stored once."""

    def __init__(self, name: str, columns: Columns) -> None:
        self.name, self.separator, self.alone = name, columns.label_separator, len(columns.labels) == 1
        self.names = columns.label_names
        self.cells: list[str] = []
        self._known: dict[Cell, str] = {}

    def read(self, cell: Cell) -> str | _Problem:
        """Return the label of a cell, of a list its items with the separator between them; or what is wrong with it."""
        if (label := self._known.get(cell)) is not None:
            return label
        items = self._items(cell)
        if (problem := self._problem(cell) if items is None else self._problem_of_list(items)) is not None:
            return problem
        if items is None:
            label = str(cell)
        elif self.names:
            flagged = (name for name, item in zip(self.names, items, strict=True) if as_number(item))
            label = LIST_SEPARATOR.join(flagged)
        else:
            label = (self.separator or "").join(items)
        return self._known.setdefault(cell, self._known.setdefault(label, label))

    def add(self, label: str) -> None:
        """Add a label."""
        self.cells.append(label)

    def _items(self, cell: Cell) -> tuple[str, ...] | None:
        """Return the items of a cell that is read as a list, else None."""
        if self.separator is None or not self.alone:
            return None
        if isinstance(cell, Unusable) or self.separator == LIST_SEPARATOR:
            return items_of(cell)
        return None

    def _problem(self, cell: Cell) -> _Problem | None:
        if isinstance(cell, Unusable):
            return self._late_list() if cell.items is not None and self.alone else _missing(self.name, cell)
        if is_blank(cell) and (self.separator is None or self.names):
            return _missing(self.name, cell)
        if "\0" in cell:
            return _nul(self.name)
        if self.alone and self.separator in (None, LIST_SEPARATOR) and self._is_odd(cell):
            return self._late_list() if self.separator is None else self._no_list(cell)
        return None if is_encodable(cell) else _half_a_character(self.name, "a label")

    def _is_odd(self, cell: str) -> bool:
        """Return whether a cell is a list in a column of single labels, or no list in a column of lists."""
        if self.separator is None:
            return are_lists([cell]) and written_list(cell) is not None
        return bool(self.names) or is_bracketed(cell)

    def _problem_of_list(self, items: tuple[str, ...]) -> _Problem | None:
        separator = self.separator or ""
        if (reason := problem_of_items(items, self.names)) is not None:
            return _Problem(f"column {shown(self.name)} holds {shown(list(items))}, which {reason}", skippable=False)
        for item in items:
            if separator in item:
                problem = f"column {shown(self.name)} holds the label {shown(item)}, in which stands the separator"
                return _Problem(f"{problem} {shown(separator)}; rename it")
            if not is_encodable(item):
                return _half_a_character(self.name, "a label")
            if "\0" in item:
                return _nul(self.name)
        return None

    def _no_list(self, cell: str) -> _Problem:
        """Return the problem of a cell in a column of lists that cannot be read as one: an object, or nested lists."""
        rule = "which is no list of labels as its other cells are"
        remedy = "write lists such as ['a', 'b'], or a column of 0 and 1 for each label"
        return _Problem(f"column {shown(self.name)} holds {shown(cell)}, {rule}; {remedy}", skippable=False)

    def _late_list(self) -> _Problem:
        """Return the problem of labels that turn into lists: all rows from there on would be skipped."""
        taken = "but was taken for one of single labels, as no list is among its first rows"
        remedy = "make every cell a list, [] for no label, or every cell a single label"
        return _Problem(f"column {shown(self.name)} holds a list, {taken}; {remedy}", skippable=False)


def _half_a_character(name: str, what: str) -> _Problem:
    rule = "which no result can hold; correct it"
    return _Problem(f"column {shown(name)} holds {what} with half a character, {rule}")


def _nul(name: str) -> _Problem:
    """Return the problem of a NUL character, which no CSV file can hold: the CSV reader refuses the file too."""
    return _Problem(f"a NUL character stands here, in column {shown(name)}; remove it", skippable=False)


def _missing(name: str, cell: Cell) -> _Problem:
    if isinstance(cell, Unusable):
        if cell is MISSING:
            return _Problem(f"key {shown(name)} is missing; give every line the keys that are read")
        rule = "not a string or a number; write it as one or remove the row"
        return _Problem(f"column {shown(name)} holds {cell.kind}, {rule}")
    return _Problem(f"column {shown(name)} is empty; fill it in or remove the row")


class _Names(_Labels):
    """Collects the cells of a column of groups or of parts."""

    def __init__(self, name: str) -> None:
        super().__init__(name, Columns(name))


class RowBuilder:
    """Builds columns from the rows of one file after the other.

    Args:
        columns: The columns to read.
        bad_rows: Collects the rows with an empty or unusable cell.
        may_be_empty: Whether an empty text is read as it is.
        keep: The names of the columns that are copied to the output.
    """

    def __init__(
        self, columns: Columns, bad_rows: BadRows, *, may_be_empty: bool = False, keep: Sequence[str] = ()
    ) -> None:
        self._bad_rows = bad_rows
        self._columns = columns
        self._texts = [_Texts(name, may_be_empty) for name in (columns.text, columns.text_b) if name is not None]
        self._kept = [_Kept(name) for name in keep]
        self._labels = [_Labels(name, columns) for name in columns.labels]
        names = {"group": columns.group, "split": columns.split}
        self._names = {part: _Names(name) for part, name in names.items() if name is not None}
        self._files: list[tuple[str, str]] = []
        self._counts: list[int] = []
        self._lines = array("q")

    def add(self, table: Table) -> None:
        """Add the rows of a file. Its columns may be in another order than those of the first file.

        Raises:
            InputError: A bad row is not skipped, all rows are bad, or single labels turn into lists.
        """
        columns: list[_Texts | _Labels | _Kept] = [*self._texts, *self._labels, *self._names.values(), *self._kept]
        reads, adds = [column.read for column in columns], [column.add for column in columns]
        before = len(self._lines)
        for line, cells in self._records(table, [column.name for column in columns]):
            values: list[str] = []
            for read, cell in zip(reads, cells, strict=True):
                value = cell if isinstance(cell, _Problem) else read(cell)
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

    def _records(self, table: Table, names: list[str]) -> Iterator[tuple[int, Sequence[Cell | _Problem]]]:
        """Yield the cells of the named columns; the first is joined with those of the further texts, or a problem."""
        more, separator = self._columns.more_texts, self._columns.text_separator
        if not more:
            yield from table.records(names)
            return
        count = 1 + len(more)
        for line, cells in table.records([names[0], *more, *names[1:]]):
            yield line, [_joined(cells[:count], (names[0], *more), separator), *cells[count:]]

    def _refuse(self, table: Table, line: int, problem: _Problem, cells: Sequence[Cell | _Problem]) -> None:
        if not problem.skippable:
            raise InputError(f"{table.source}, {table.unit} {line}: {problem.reason}")
        self._bad_rows.refuse(table.source, table.unit, line, problem.reason, _as_csv(cells))

    def names(self) -> dict[str, list[str]]:
        """Return the cells of the columns of groups and of parts, under "group" and "split"."""
        return {part: column.cells for part, column in self._names.items()}

    def kept(self) -> dict[str, Sequence[str]]:
        """Return the cells of the columns that are copied to the output, by the names of the columns."""
        return {column.name: column.cells.texts() for column in self._kept}

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


def _joined(cells: Sequence[Cell], names: Sequence[str], separator: str) -> str | _Problem:
    """Return the texts of a row as one, without the empty ones, or what is wrong with one of them."""
    texts: list[str] = []
    for cell, name in zip(cells, names, strict=True):
        if isinstance(cell, Unusable):
            return _missing(name, cell)
        if "\0" in cell:
            return _nul(name)
        if not is_blank(cell):
            texts.append(cell)
    return separator.join(texts)


def _as_csv(cells: Sequence[Cell | _Problem]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(cell if isinstance(cell, str) else "" for cell in cells)
    return line.getvalue()
