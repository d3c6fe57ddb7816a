"""File -> checked rows: texts, second texts and label cells, each with its line. No character is changed."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Self

import numpy as np

from slanted.common.messages import listed
from slanted.errors import InputError
from slanted.text.formats.cells import Record
from slanted.text.formats.input_paths import Paths, input_paths, sources_name
from slanted.text.formats.open_table import Table, check_same_columns, open_table
from slanted.text.formats.row_locations import RowLocations
from slanted.text.formats.skipped_rows import BadRows
from slanted.text.rows.columns import Columns, Header, Keep, columns_like, columns_of_labels, find_columns, kept_columns
from slanted.text.rows.header_check import check_is_header
from slanted.text.rows.row_builder import RowBuilder
from slanted.text.rows.text_storage import take_texts
from slanted.text.settings import ReadOptions

_DEFAULT = ReadOptions()
_USUAL = _DEFAULT.named
_KEEP_NONE = Keep()


@dataclass(frozen=True)
class Rows:
    """The rows of one file or several, in their order.

    Attributes:
        source: The path as the user gave it, for messages; of several files, the first and how many more.
        texts: The texts, exactly as the file has them; `StoredTexts` where they are many.
        texts_b: The second texts of pairs, or None.
        labels: One list a label column, of its cells as they stand; None where labels were not wanted.
        columns: The columns that the above were read from.
        locations: The file and the line of each row.
        names: Under "group" and "split" the cells of these columns, where the options name them.
        kept: The cells of the columns that are copied to the output, by the names of the columns.
        weights: float64 array of shape (n,), NaN where a row has none; None where no option names their column.
    """

    source: str
    texts: Sequence[str]
    texts_b: Sequence[str] | None
    labels: list[list[str]] | None
    columns: Columns
    locations: RowLocations
    names: Mapping[str, list[str]] = field(default_factory=dict)
    kept: Mapping[str, Sequence[str]] = field(default_factory=dict)
    weights: np.ndarray | None = None

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.texts)

    @property
    def lines(self) -> np.ndarray:
        """int64 array of shape (n,): the 1-based line of its file on which each record starts."""
        return self.locations.lines

    def take(self, indices: Sequence[int] | np.ndarray) -> Self:
        """Return the rows at these 0-based positions, in this order."""
        index = np.asarray(indices, dtype=np.int64)
        texts_b = None if self.texts_b is None else take_texts(self.texts_b, index)
        labels = None if self.labels is None else [[column[i] for i in index] for column in self.labels]
        locations = self.locations.take(index)
        names = {part: [cells[i] for i in index] for part, cells in self.names.items()}
        kept = {name: take_texts(cells, index) for name, cells in self.kept.items()}
        weights = None if self.weights is None else self.weights[index]
        texts = take_texts(self.texts, index)
        return type(self)(self.source, texts, texts_b, labels, self.columns, locations, names, kept, weights)


def read_rows(
    paths: Paths,
    options: ReadOptions = _DEFAULT,
    *,
    labelled: bool = True,
    bad_rows: BadRows | None = None,
) -> Rows:
    """Return the rows of a CSV or TSV file with a header, of a JSON Lines or of a Parquet file.

    Args:
        paths: The file; or several, or a pattern such as `part-*.csv`, of the same columns; or `-` for standard input.
            `open_table` says how the format is known.
        options: The columns, by default as `find_columns` says; the encoding; what stands between labels.
        labelled: Whether the labels are read; if not, their columns may be missing.
        bad_rows: Collects the rows that cannot be read; None: `options.bad_rows` decides.

    Raises:
        InputError: The file, its columns or a row is wrong; the message says where and what to do.
    """
    bad_rows = bad_rows or BadRows(options.bad_rows)

    def find(header: Header) -> Columns:
        check_is_header(header, _USUAL, _given(options))
        return find_columns(header, options, labelled)

    return _read(paths, options, find, bad_rows)


def read_rows_like(
    paths: Paths,
    columns: Columns,
    *,
    labelled: bool = True,
    options: ReadOptions = _DEFAULT,
    bad_rows: BadRows | None = None,
    keep: Keep = _KEEP_NONE,
) -> Rows:
    """Return the rows of a file that goes with training data: one to validate, test or predict.

    Args:
        paths: As for `read_rows`.
        columns: The columns of the training data, `Rows.columns`; each must be there, case aside.
        labelled: Whether the labels are read; if not, a text may be empty.
        options: How text files are written.
        bad_rows: Collects the rows that cannot be read; None refuses the first.
        keep: The columns that are copied to the output.

    Raises:
        InputError: A column is missing, or anything that `read_rows` refuses.
    """
    named = replace(options, text=(columns.text, *columns.more_texts), text_b=columns.text_b, label=columns.labels)

    def find(header: Header) -> Columns:
        check_is_header(header, named.named, keep.names)
        return columns_like(header, columns, labelled)

    return _read(paths, named, find, bad_rows or BadRows(), keep, may_be_empty=not labelled)


def read_rows_of_labels(
    path: str,
    names: Sequence[str],
    options: ReadOptions = _DEFAULT,
    *,
    labelled: bool = True,
    bad_rows: BadRows | None = None,
    keep: Keep = _KEEP_NONE,
) -> Rows:
    """Return the rows of a file to test or predict, for a model that Python trained.

    Args:
        path: The file.
        names: Of the labels, as `columns_of_labels` takes them.
        options: The columns of the texts, by default as `find_columns` says, and the encoding.
        labelled: Whether the labels are read; if not, a text may be empty.
        bad_rows: Collects the rows that cannot be read; None: `options.bad_rows` decides.
        keep: As for `read_rows_like`.

    Raises:
        InputError: A column is missing, or anything that `read_rows` refuses.
    """

    def find(header: Header) -> Columns:
        check_is_header(header, (*_USUAL, *names), (*_given(options), *keep.names))
        return columns_of_labels(header, names, options, labelled)

    return _read(path, options, find, bad_rows or BadRows(options.bad_rows), keep, may_be_empty=not labelled)


def _given(options: ReadOptions) -> tuple[str | None, ...]:
    return (*options.texts, options.text_b, *options.label, options.group, options.split, options.weight)


def _read(
    paths: Paths,
    options: ReadOptions,
    find: Callable[[Header], Columns],
    bad_rows: BadRows,
    keep: Keep = _KEEP_NONE,
    *,
    may_be_empty: bool = False,
) -> Rows:
    first, *others = input_paths(paths)
    with open_table(first, options, bad_rows) as table:
        header = Header(table.source, table.header, _sample(table, bad_rows), table.unit, table.assumes_header)
        columns, kept = find(header), kept_columns(header, keep)
        check_same_columns(table, others, options, bad_rows)
        builder = RowBuilder(columns, bad_rows, may_be_empty=may_be_empty, keep=kept)
        builder.add(table)
    for path in others:
        with open_table(path, options, bad_rows) as table:
            _sample(table, bad_rows)
            builder.add(table)
    texts, texts_b, labels, locations = builder.columns_and_locations()
    source, names, kept, weights = sources_name([first, *others]), builder.names(), builder.kept(), builder.weights()
    return Rows(source, texts, texts_b, labels, columns, locations, names, kept, weights)


def _sample(table: Table, bad_rows: BadRows) -> list[Record]:
    sample = table.sample()
    if not sample and bad_rows.count:
        raise bad_rows.all_bad(table.source)
    if not sample:
        raise InputError(f"{table.source}: no rows below the header {listed(table.header)}; add some")
    return sample
