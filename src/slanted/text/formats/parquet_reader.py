"""Parquet: a file -> its columns and its records, a batch of rows at a time, only the columns that are asked for."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from slanted.common.messages import shown
from slanted.errors import InputError, missing_extra
from slanted.text.formats.cells import Cell, Record, Unusable
from slanted.text.formats.parquet_pages import pages_of

if TYPE_CHECKING:
    import pyarrow as pa
    from pyarrow.parquet import ParquetFile

MARK = b"PAR1"

_BATCH_BYTES = 2**22
_MOST_ROWS = 2**10
_DECODED_BYTES = 2**26
_PAGE_BYTES = 2**28  # a page is unpacked as a whole; writers make pages of 1 MB, or of 1,024 rows
_AGAIN = "copy or download the file again"


class Parquet:
    """An open Parquet file.

    Strings are unchanged; numbers, dates and times are as Arrow spells them; true and false are 1 and 0; null is an
    empty cell; lists, structures and bytes are `Unusable`, with the items of a list of the former.

    Attributes:
        header: The column names.
    """

    def __init__(self, file: "ParquetFile", stream: "pa.NativeFile", source: str) -> None:
        self._file, self._stream, self._source = file, stream, source
        self.header: tuple[str, ...] = tuple(file.schema_arrow.names)
        if len(set(self.header)) < len(self.header):
            raise InputError(f"{source}: several columns are of one name; rename all but one")
        names = _class_names(file.schema_arrow.metadata or {})
        self._fields = {field.name: _Field(field, names.get(field.name, ())) for field in file.schema_arrow}

    def records(self, names: Sequence[str] | None = None) -> Iterator[Record]:
        """Yield each record's 1-based row and its cells of the named columns, else of all, in that order.

        Raises:
            InputError: The file is damaged.
        """
        fields = [self._fields[name] for name in (self.header if names is None else names)]
        for field in fields:
            if field.are_flags is None:
                field.are_flags = self._are_flags(field)
        row = 0
        for batch in self._batches(fields):
            columns = [self._cells(batch, field, row) for field in fields]
            for cells in zip(*columns, strict=True):
                row += 1
                yield row, list(cells)

    def _are_flags(self, field: "_Field") -> bool:
        """Return whether the lists of a column with two classes are 0 and 1 for each class, not indices of classes.

        Raises:
            InputError: Some lists are the one, and some the other.
        """
        flags = indices = False
        for batch in self._batches([field]):
            for items in batch.column(field.name).to_pylist():
                if items is not None:
                    flags = flags or (len(items) == 2 and items[0] == items[1])
                    indices = indices or len(items) != 2
        if flags and indices:
            problem = f"column {shown(field.name)} holds lists of 0 and 1 for its 2 classes and lists of class numbers"
            raise InputError(f"{self._source}: {problem}; write all of them as class numbers")
        return not indices

    def _batches(self, fields: "Sequence[_Field]") -> Iterator["pa.RecordBatch"]:
        plain = [field.name for field in fields if not field.unusable]
        rows = max(1, self._file.metadata.num_rows)
        encoded, longest = sum(self._group_bytes()), self._longest(set(plain))
        at_once = min(_MOST_ROWS, _BATCH_BYTES * rows // max(1, encoded), _DECODED_BYTES // max(1, longest))
        batches = self._file.iter_batches(max(1, at_once), columns=plain, use_threads=False)
        with self._damage():
            yield from batches

    def _group_bytes(self) -> list[int]:
        metadata = self._file.metadata
        return [metadata.row_group(at).total_byte_size for at in range(metadata.num_row_groups)]

    def _longest(self, names: set[str]) -> int:
        """Return how many bytes a row of these columns may take: a dictionary repeats a long string at no cost.

        Raises:
            InputError: A page is too large to be unpacked.
        """
        longest = 0
        for group in map(self._file.metadata.row_group, range(self._file.metadata.num_row_groups)):
            chunks = map(group.column, range(group.num_columns))
            chunks = [one for one in chunks if names & {one.path_in_schema, one.path_in_schema.rsplit(".", 2)[0]}]
            values = [self._dictionary_bytes(one) * -(-one.num_values // max(1, group.num_rows)) for one in chunks]
            longest = max(longest, sum(values))
        return longest

    def _dictionary_bytes(self, chunk: Any) -> int:
        """Return the size of a column chunk's dictionary, 0 if it has none."""
        size = 0
        for page in pages_of(self._stream, chunk):
            if page.unpacked > _PAGE_BYTES:
                problem = f"a page of column {shown(chunk.path_in_schema)} has {page.unpacked:,} bytes when unpacked"
                raise InputError(f"{self._source}: {problem}, more than {_PAGE_BYTES:,}; write it with smaller pages")
            size += page.unpacked if page.is_dictionary else 0
        return size

    def _cells(self, batch: "pa.RecordBatch", field: "_Field", row: int) -> Sequence[Cell]:
        if field.unusable:
            return [Unusable(field.unusable)] * batch.num_rows
        column = batch.column(field.name)
        try:
            return field.cells(column)
        except UnicodeDecodeError:
            at = next(at for at, cell in enumerate(column) if not _decodes(cell))
            problem = f"{self._source}, row {row + at + 1}: column {shown(field.name)} holds bytes that are not UTF-8"
            raise InputError(f"{problem}; write the file anew with its texts as UTF-8") from None

    @contextmanager
    def _damage(self) -> Iterator[None]:
        import pyarrow

        try:
            yield
        except (OSError, pyarrow.ArrowException) as error:
            raise InputError(f"{self._source}: its Parquet data is damaged ({_one_line(error)}); {_AGAIN}") from None


def _class_names(metadata: Mapping[bytes, bytes]) -> dict[str, list[str]]:
    """Return column -> the names of its classes, from the metadata that the library `datasets` writes."""
    try:
        features = json.loads(metadata[b"huggingface"])["info"]["features"]
    except (KeyError, TypeError, ValueError):
        return {}
    named: dict[str, list[str]] = {}
    for name, feature in features.items() if isinstance(features, dict) else ():
        inner = feature[0] if isinstance(feature, list) and len(feature) == 1 else feature
        inner = inner.get("feature", inner) if isinstance(inner, dict) else {}
        names = inner.get("names") if isinstance(inner, dict) and inner.get("_type") == "ClassLabel" else None
        if isinstance(names, list) and all(isinstance(one, str) for one in names):
            named[name] = names
    return named


class _Field:
    """How a column's values become strings.

    Attributes:
        name: The column's name.
        are_flags: Whether lists of 0 and 1 with one item for each class are flags, of several equal items certainly;
            None: not yet known, as with two classes all lists of the column tell.
        unusable: The kind of values, if they cannot be cells; else empty.
    """

    def __init__(self, field: "pa.Field", class_names: Sequence[str] = ()) -> None:
        import pyarrow

        kinds, kind = pyarrow.types, field.type
        self.name: str = field.name
        self._class_names = {str(index): name for index, name in enumerate(class_names)}
        if class_names:
            self._class_names["-1"] = ""  # no label, as in test sets
        self._boolean = kinds.is_boolean(kind)
        self._lists = kinds.is_list(kind) or kinds.is_large_list(kind) or kinds.is_fixed_size_list(kind)
        texts = pyarrow.large_string()
        value = kind.value_type if self._lists or kinds.is_dictionary(kind) else kind
        self.are_flags: bool | None = None if self._lists and len(class_names) == 2 else False
        is_flags = self._lists and kinds.is_boolean(value)
        self._steps = [pyarrow.large_list(step) for step in ([pyarrow.int8()] if is_flags else []) + [texts]]
        self._strings = texts
        self.unusable = "" if _castable(value, texts) else f"values of the type {kind}"

    def cells(self, column: "pa.Array") -> Sequence[Cell]:
        """Return the column as cells."""
        import pyarrow

        if self._lists:
            for step in self._steps:
                column = column.cast(step)
            return [_list_cell(self._named(items)) for items in column.to_pylist()]
        column = column.cast(pyarrow.int8()) if self._boolean else column
        values = column.cast(self._strings).to_pylist()
        cells: list[str] = ["" if value is None else value for value in values]
        return [self._class_names.get(cell, cell) for cell in cells] if self._class_names else cells

    def _named(self, items: list[str | None] | None) -> list[str | None] | None:
        """Return the names of classes for their indices, or for a list of as many 0 and 1."""
        if items is None or not self._class_names:
            return items
        count = len(self._class_names) - 1
        if len(items) == count and set(items) <= {"0", "1"} and (self.are_flags or len(set(items)) < count):
            return [self._class_names[str(index)] for index, item in enumerate(items) if item == "1"]
        return [None if item is None else self._class_names.get(item, item) for item in items]


def _castable(kind: "pa.DataType", strings: "pa.DataType") -> bool:
    import pyarrow

    kinds = pyarrow.types
    if kinds.is_binary(kind) or kinds.is_large_binary(kind) or kinds.is_fixed_size_binary(kind):
        return False  # it could be cast, but who wrote bytes meant no text
    try:
        pyarrow.nulls(0, kind).cast(strings)
    except pyarrow.ArrowNotImplementedError:
        return False
    return True


def _list_cell(items: list[str | None] | None) -> Cell:
    if items is None:
        return ""
    known = tuple(item for item in items if item is not None)
    return Unusable("a list", known) if len(known) == len(items) else Unusable("a list with a null")


def _decodes(cell: Any) -> bool:
    try:
        cell.as_py()
    except UnicodeDecodeError:
        return False
    return True


@contextmanager
def open_parquet(path: str, source: str) -> Iterator[Parquet]:
    """Open a Parquet file and read its columns' names; close it at the end of the `with` block.

    Raises:
        InputError: pyarrow is not installed; or the file is cut short, damaged or no Parquet file.
    """
    try:
        import pyarrow
        from pyarrow.parquet import ParquetFile
    except ImportError:
        raise missing_extra("text", "Reading Parquet files") from None
    with pyarrow.OSFile(path) as stream:
        size = stream.size()
        if stream.read(4) != MARK or size < 12 or stream.read_at(4, size - 4) != MARK:
            raise InputError(f"{source}: this Parquet file is cut short; {_AGAIN}")
        try:
            # Reads a page at a time: the part of a column in a row group may be large.
            file = ParquetFile(stream, pre_buffer=False, buffer_size=2**20)
        except (OSError, pyarrow.ArrowException) as error:
            raise InputError(f"{source}: its Parquet footer is damaged ({_one_line(error)}); {_AGAIN}") from None
        yield Parquet(file, stream, source)


def _one_line(error: Exception) -> str:
    text = " ".join(str(error).split())
    return text if len(text) <= 100 else text[:99] + "…"
