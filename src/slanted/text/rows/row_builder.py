"""Records of one file after the other -> columns of checked cells."""

import csv
import io
from array import array
from collections.abc import Iterator, Sequence

import numpy as np

from slanted.errors import InputError
from slanted.text.formats.cells import Cell, Unusable, is_blank
from slanted.text.formats.open_table import Table
from slanted.text.formats.row_locations import RowLocations
from slanted.text.formats.skipped_rows import BadRows
from slanted.text.rows.column_cells import Kept, Labels, Names, Problem, Texts, Weights, missing, nul
from slanted.text.rows.columns import Columns

BuiltColumns = tuple[Sequence[str], Sequence[str] | None, list[list[str]] | None, RowLocations]


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
        self._texts = [Texts(name, may_be_empty) for name in (columns.text, columns.text_b) if name is not None]
        self._kept = [Kept(name) for name in keep]
        self._labels = [Labels(name, columns) for name in columns.labels]
        names = {"group": columns.group, "split": columns.split}
        self._names = {part: Names(name) for part, name in names.items() if name is not None}
        has_parts = columns.split is not None
        self._weights = None if columns.weight is None else Weights(columns.weight, has_parts)
        self._files: list[tuple[str, str]] = []
        self._counts: list[int] = []
        self._lines = array("q")

    def add(self, table: Table) -> None:
        """Add the rows of a file. Its columns may be in another order than those of the first file.

        Raises:
            InputError: A bad row is not skipped, all rows are bad, or single labels turn into lists.
        """
        columns: list[Texts | Labels | Weights | Kept]
        columns = [*self._texts, *self._labels, *self._names.values(), *self._kept]
        columns += [] if self._weights is None else [self._weights]
        reads, adds = [column.read for column in columns], [column.add for column in columns]
        before = len(self._lines)
        for line, cells in self._records(table, [column.name for column in columns]):
            values: list[str] = []
            for read, cell in zip(reads, cells, strict=True):
                value = cell if isinstance(cell, Problem) else read(cell)
                if isinstance(value, Problem):
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

    def _records(self, table: Table, names: list[str]) -> Iterator[tuple[int, Sequence[Cell | Problem]]]:
        """Yield the cells of the named columns; the first is joined with those of the further texts, or a problem."""
        more, separator = self._columns.more_texts, self._columns.text_separator
        if not more:
            yield from table.records(names)
            return
        count = 1 + len(more)
        for line, cells in table.records([names[0], *more, *names[1:]]):
            yield line, [_joined(cells[:count], (names[0], *more), separator), *cells[count:]]

    def _refuse(self, table: Table, line: int, problem: Problem, cells: Sequence[Cell | Problem]) -> None:
        if not problem.skippable:
            raise InputError(f"{table.source}, {table.unit} {line}: {problem.reason}")
        self._bad_rows.refuse(table.source, table.unit, line, problem.reason, _as_csv(cells))

    def names(self) -> dict[str, list[str]]:
        """Return the cells of the columns of groups and of parts, under "group" and "split"."""
        return {part: column.cells for part, column in self._names.items()}

    def kept(self) -> dict[str, Sequence[str]]:
        """Return the cells of the columns that are copied to the output, by the names of the columns."""
        return {column.name: column.cells.texts() for column in self._kept}

    def weights(self) -> np.ndarray | None:
        """Return the weights of the rows, float64 (rows,), NaN where there is none; None without such a column."""
        return None if self._weights is None else np.array(self._weights.cells)

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


def _joined(cells: Sequence[Cell], names: Sequence[str], separator: str) -> str | Problem:
    """Return the texts of a row as one, without the empty ones, or what is wrong with one of them."""
    texts: list[str] = []
    for cell, name in zip(cells, names, strict=True):
        if isinstance(cell, Unusable):
            return missing(name, cell)
        if "\0" in cell:
            return nul(name)
        if not is_blank(cell):
            texts.append(cell)
    return separator.join(texts)


def _as_csv(cells: Sequence[Cell | Problem]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(cell if isinstance(cell, str) else "" for cell in cells)
    return line.getvalue()
