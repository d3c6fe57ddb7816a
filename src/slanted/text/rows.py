"""File -> checked rows: texts, second texts and label cells, each with its line. Characters are never changed."""

import os
from array import array
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import chain, islice

import numpy as np

from slanted.errors import InputError
from slanted.text.cells import is_blank
from slanted.text.columns import Columns, Header, columns_like, find_columns
from slanted.text.records import Table, open_table
from slanted.text.wording import shown

_SAMPLE_ROWS = 100


@dataclass(frozen=True)
class Rows:
    """The rows of one file, in its order.

    Attributes:
        source: The path as the user gave it, for messages.
        texts: The texts, exactly as the file has them.
        texts_b: The second texts of pairs, or None.
        labels: One list a label column, of its cells as they stand; None where labels were not wanted.
        columns: The columns that the above were read from.
        lines: int64 array of shape (n,): the 1-based line of the file on which each record starts.
    """

    source: str
    texts: list[str]
    texts_b: list[str] | None
    labels: list[list[str]] | None
    columns: Columns
    lines: np.ndarray

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.texts)

    def take(self, indices: Sequence[int] | np.ndarray) -> "Rows":
        """Return the rows at these 0-based positions, in this order."""
        index = np.asarray(indices, dtype=np.int64)
        texts_b = None if self.texts_b is None else [self.texts_b[i] for i in index]
        labels = None if self.labels is None else [[column[i] for i in index] for column in self.labels]
        return Rows(self.source, [self.texts[i] for i in index], texts_b, labels, self.columns, self.lines[index])


def read_rows(
    path: str | os.PathLike[str],
    *,
    text: str | None = None,
    text_b: str | None = None,
    label: Sequence[str] = (),
    labelled: bool = True,
    encoding: str = "utf-8",
) -> Rows:
    """Return the rows of a CSV or TSV file with a header.

    Args:
        path: The file; the separator follows from its name, else from its header (`read_delimited`).
        text: The text column; by default as `find_columns` says.
        text_b: The second text's column.
        label: The label columns.
        labelled: Whether the labels are read; if not, their columns may be missing.
        encoding: The file's character encoding; a byte-order mark is dropped.

    Raises:
        InputError: The file, its columns or a row is wrong; the message says where and what to do.
    """
    return _read(path, encoding, lambda header: find_columns(header, text, text_b, label, labelled))


def read_rows_like(
    path: str | os.PathLike[str], columns: Columns, *, labelled: bool = True, encoding: str = "utf-8"
) -> Rows:
    """Return the rows of a file that goes with training data: one to validate, test or predict.

    Args:
        path: The file.
        columns: The columns of the training data, `Rows.columns`; each must be there, case aside.
        labelled: Whether the labels are read.
        encoding: The file's character encoding.

    Raises:
        InputError: A column is missing, or anything that `read_rows` refuses.
    """
    return _read(path, encoding, lambda header: columns_like(header, columns, labelled))


def _read(path: str | os.PathLike[str], encoding: str, find: Callable[[Header], Columns]) -> Rows:
    with open_table(path, encoding) as table:
        sample = list(islice(table.records, _SAMPLE_ROWS))
        header = Header(table.source, table.header, sample)
        if not sample:
            raise InputError(f"{table.source}: no rows below the header {header}; add some")
        return _collect(table, chain(sample, table.records), find(header))


class _Column:
    """Gathers the cells of one column. Labels repeat, so that each distinct one is checked and kept once."""

    def __init__(self, name: str, position: int, repeats: bool = False) -> None:
        self.name, self.position = name, position
        self.cells: list[str] = []
        self.known: dict[str, str] | None = {} if repeats else None

    def add(self, cell: str) -> bool:
        """Keep the cell and return whether it is blank."""
        if self.known is None:
            self.cells.append(cell)
            return is_blank(cell)
        first = self.known.get(cell)
        self.cells.append(self.known.setdefault(cell, cell) if first is None else first)
        return first is None and is_blank(cell)


def _collect(table: Table, records: Iterable[tuple[int, list[str]]], columns: Columns) -> Rows:
    position = {name: at for at, name in enumerate(table.header)}
    texts = [_Column(name, position[name]) for name in (columns.text, columns.text_b) if name is not None]
    labels = [_Column(name, position[name], repeats=True) for name in columns.labels]
    lines = array("q")
    for line, cells in records:
        lines.append(line)
        for column in chain(texts, labels):
            if column.add(cells[column.position]):
                found = f"{table.source}, line {line}: column {shown(column.name)} is empty"
                raise InputError(f"{found}; fill it in or remove the row")
    return Rows(
        table.source,
        texts[0].cells,
        texts[1].cells if len(texts) > 1 else None,
        [column.cells for column in labels] or None,
        columns,
        np.array(lines, dtype=np.int64),
    )
