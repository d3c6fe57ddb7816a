"""File -> its header and its records, each with the line it starts on. One reader a file format."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import BufferedReader
from itertools import chain, islice

from slanted.common.messages import listed, shown
from slanted.errors import InputError
from slanted.text.formats.cells import Record
from slanted.text.formats.csv_reader import read_delimited
from slanted.text.formats.decompression import unpacked
from slanted.text.formats.delimited_form import Form
from slanted.text.formats.input_paths import STANDARD_INPUT, PathLike, open_source, source_name
from slanted.text.formats.jsonl_reader import read_json_lines
from slanted.text.formats.line_reader import begins_with, check_encoding, is_labelled, labelled_lines, physical_lines
from slanted.text.formats.parquet_reader import MARK, open_parquet
from slanted.text.formats.skipped_rows import BadRows
from slanted.text.settings import ReadOptions

SAMPLE_ROWS = 100

_DEFAULT = ReadOptions()
_PACKED = (".gz", ".zst", ".zstd")
_JSON = (".jsonl", ".ndjson", ".json")
_TABS = (".tsv", ".tab")
_PARQUET = (".parquet", ".pq")
_LABELLED = ("text", "label")


@dataclass(frozen=True)
class Table:
    """An open file, whatever its format.

    Attributes:
        source: The file's name in messages.
        unit: What its records are counted by in messages: "line", or "row" of a Parquet file.
        header: The column names, in the file's order.
        sample: Returns the first records, with the cells of all columns.
        records: Yields all records, the sample too, with the cells of the named columns in that order. Read once.
        assumes_header: Whether the header is the first line of a text file, which may be a row.
    """

    source: str
    unit: str
    header: tuple[str, ...]
    sample: Callable[[], list[Record]]
    records: Callable[[Sequence[str]], Iterator[Record]]
    assumes_header: bool = False


@contextmanager
def open_table(path: PathLike, options: ReadOptions = _DEFAULT, bad_rows: BadRows | None = None) -> Iterator[Table]:
    """Open a file, read its header, and close it at the end of the `with` block.

    Parquet, gzip and zstd are known by their first bytes. Of the rest, names in `.jsonl`, `.ndjson` or `.json` are JSON
    Lines or a JSON array, those in `.tsv` or `.tab` tab-separated, and in `.csv` separated as `Form.of` says, with or
    without `.gz` or `.zst` behind. Any other name, standard input too, is JSON Lines if it begins with `{`. A file in
    `.txt` has a text a line and no header, unless its first line names a column or an option says so.

    A file whose first line begins with `__label__`, or in `.txt` has a word that does, has fastText's lines of texts
    and labels, unless options say that it has a separator, a header or other columns.

    Args:
        path: The file, or `-` for standard input.
        options: How text files are written, and the names of the columns.
        bad_rows: Collects the rows that cannot be read; None refuses them.

    Raises:
        InputError: The file cannot be read, its header is unusable, or (from `records`) a record is.
    """
    check_encoding(options.encoding)
    source = source_name(path)
    with open_source(path) as stream:
        if stream.peek(4)[:4] == MARK or ending_of(path) in _PARQUET:
            with _parquet(path, source, stream) as table:
                yield _checked(table)
        else:
            yield _checked(_text(path, source, unpacked(stream, source), options, bad_rows or BadRows()))


def ending_of(path: PathLike) -> str:
    """Return the extension of a file in lower case, without that of the compression."""
    name = str(path).lower()
    for packed in _PACKED:
        name = name.removesuffix(packed)
    return name[name.rfind(".") :]


def _text(path: PathLike, source: str, stream: BufferedReader, options: ReadOptions, bad_rows: BadRows) -> Table:
    ending, assumes_header = ending_of(path), False
    known = ending in (*_TABS, ".csv")
    if ending in _JSON or (not known and begins_with(stream, "{", options.encoding)):
        header, records = read_json_lines(stream, source, options.encoding, bad_rows)
    else:
        lines = physical_lines(stream, source, options.encoding)
        ahead = list(_until_filled(lines))
        lines = chain(ahead, lines)
        is_table = options.separator or options.columns or options.header
        if not is_table and ahead and is_labelled(ahead[-1], is_text=ending == ".txt"):
            rows = _Stream(_LABELLED, labelled_lines(lines, source))
            return Table(source, "line", _LABELLED, rows.sample, rows.records)
        form = Form.of(lines, source, options, "\t" if ending in _TABS else None, is_list=ending == ".txt")
        header, records = read_delimited(form, source, bad_rows)
        assumes_header = form.assumes_header
    rows = _Stream(header, records)
    return Table(source, "line", header, rows.sample, rows.records, assumes_header)


def _until_filled(lines: Iterator[str]) -> Iterator[str]:
    """Yield the first lines, up to the first that is not blank."""
    for line in lines:
        yield line
        if not line.isspace():
            return


class _Stream:
    """Records that can be read once, of which the first are buffered as a sample."""

    def __init__(self, header: tuple[str, ...], records: Iterator[Record]) -> None:
        self._header, self._rest = header, records
        self._sample: list[Record] = []

    def sample(self) -> list[Record]:
        self._sample = list(islice(self._rest, SAMPLE_ROWS))
        return self._sample

    def records(self, names: Sequence[str]) -> Iterator[Record]:
        index = {name: at for at, name in enumerate(self._header)}
        positions = [index[name] for name in names]
        for line, cells in chain(self._sample, self._rest):
            yield line, [cells[at] for at in positions]


@contextmanager
def _parquet(path: PathLike, source: str, stream: BufferedReader) -> Iterator[Table]:
    if str(path) == STANDARD_INPUT:
        raise InputError(f"{source} is Parquet, which is not read from front to back; write it to a file and name that")
    start = stream.peek(4)[:4]
    if start != MARK:
        problem = "is empty" if not start else "is named as Parquet, but does not begin as such a file does"
        raise InputError(f"{source} {problem}; give a file that a Parquet writer has finished")
    with open_parquet(str(path), source) as file:
        yield Table(source, "row", file.header, lambda: list(islice(file.records(), SAMPLE_ROWS)), file.records)


def _checked(table: Table) -> Table:
    name = next((name for name in table.header if "\0" in name), None)
    if name is not None:
        raise InputError(f"{table.source}: the name of column {shown(name)} holds a NUL character; rename it")
    return table


def check_same_columns(table: Table, paths: Sequence[str], options: ReadOptions, bad_rows: BadRows) -> None:
    """Raise unless the files at `paths` have the columns of `table`, in any order.

    Raises:
        InputError: A file has other columns, or cannot be read.
    """
    for path in paths:
        with open_table(path, options, BadRows("skip" if bad_rows.skip else "fail")) as other:
            if sorted(other.header) != sorted(table.header):
                problem = f"{other.source}: its columns are {listed(other.header)}"
                those = f"where {table.source} has {listed(table.header)}"
                raise InputError(f"{problem}, {those}; several files must have the same columns")
