"""Write a table in the format that the file's name says: CSV, TSV, JSON, JSON Lines or Parquet, also compressed."""

import gzip
import io
import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, cast

from slanted.common.atomic_files import atomic_writer, csv_text
from slanted.errors import InputError, missing_extra

STANDARD_OUTPUT = Path("-")
ROWS_AT_ONCE = 2**14

Columns = Mapping[str, type]  # name -> int, float or str
Rows = Iterable[Sequence[Any]]

_TABS, _JSON, _JSON_LINES, _PARQUET = (".tsv", ".tab"), (".json",), (".jsonl", ".ndjson"), (".parquet", ".pq")
_GZIP, _ZSTD = (".gz",), (".zst", ".zstd")
_OTHERS = (".xlsx", ".xls", ".ods", ".zip", ".bz2", ".xz", ".7z", ".feather", ".arrow", ".orc", ".avro")


def write_table(path: Path, columns: Columns, rows: Rows, follow_links: bool = False) -> None:
    """Write a table to a file, atomically; or to standard output, as CSV, if `path` is `-`.

    Args:
        path: The file. Its name says the format, see `check_name`; any other name is CSV.
        columns: The names of the columns, and the type of their values in JSON and Parquet.
        rows: The cells of each row, as CSV shows them.
        follow_links: Whether to write to the target of a symbolic link, see `atomic_writer`.

    Raises:
        InputError: The file cannot be written, or pyarrow is needed and not installed.
    """
    ending, packing = check_name(path)
    write = _WRITERS.get(ending, _write_csv)
    if ending in _PARQUET or packing in _ZSTD:
        _require_pyarrow()
    if path == STANDARD_OUTPUT:
        write(_standard_output(), columns, rows)
        return
    with atomic_writer(path, follow_links) as file, _packed(cast(BinaryIO, file.buffer), packing) as stream:
        write(stream, columns, rows)


def check_name(path: Path) -> tuple[str, str]:
    """Return the ending of a file's name that says the format, and that of the compression or "", in lower case.

    Raises:
        InputError: The name says a format that is not written.
    """
    name, packing = path.name.lower(), ""
    if (last := os.path.splitext(name)[1]) in (*_GZIP, *_ZSTD):
        name, packing = name.removesuffix(last), last
    ending = os.path.splitext(name)[1]
    if ending in _OTHERS:
        known = "give .csv, .tsv, .json, .jsonl or .parquet, all but the last also with .gz or .zst behind"
        raise InputError(f"--out {path}: files in {ending} are not written; {known}")
    if packing and ending in _PARQUET:
        raise InputError(f"--out {path}: Parquet files are compressed within; leave {packing} out")
    return ending, packing


def _blocks(rows: Rows) -> Iterator[list[Sequence[Any]]]:
    rows = iter(rows)
    while block := list(islice(rows, ROWS_AT_ONCE)):
        yield block


def _write_csv(stream: BinaryIO, columns: Columns, rows: Rows, separator: str = ",") -> None:
    stream.write(csv_text([list(columns)], separator).encode())
    for block in _blocks(rows):
        stream.write(csv_text(block, separator).encode())


def _write_json_lines(stream: BinaryIO, columns: Columns, rows: Rows) -> None:
    for block in _blocks(rows):
        stream.write("".join(f"{one}\n" for one in _objects(columns, block)).encode())


def _write_json(stream: BinaryIO, columns: Columns, rows: Rows) -> None:
    before = "[\n"
    for block in _blocks(rows):
        stream.write((before + ",\n".join(_objects(columns, block))).encode())
        before = ",\n"
    stream.write(b"\n]\n" if before == ",\n" else b"[]\n")


def _objects(columns: Columns, rows: Rows) -> Iterator[str]:
    """Yield each row as a JSON object."""
    for row in rows:
        values = {name: kind(cell) for (name, kind), cell in zip(columns.items(), row, strict=True)}
        yield json.dumps(values, ensure_ascii=False, allow_nan=False)


def _write_parquet(stream: BinaryIO, columns: Columns, rows: Rows) -> None:
    import pyarrow
    from pyarrow.parquet import ParquetWriter

    types = {int: pyarrow.int64(), float: pyarrow.float64(), str: pyarrow.string()}
    schema = pyarrow.schema([(name, types[kind]) for name, kind in columns.items()])
    with ParquetWriter(stream, schema) as writer:
        for block in _blocks(rows):
            cells = zip(columns.values(), zip(*block, strict=True), strict=True)
            arrays = [pyarrow.array(map(kind, column), types[kind]) for kind, column in cells]
            writer.write_batch(pyarrow.record_batch(arrays, schema=schema))


_WRITERS: dict[str, Callable[[BinaryIO, Columns, Rows], None]] = {
    **dict.fromkeys(_TABS, partial(_write_csv, separator="\t")),
    **dict.fromkeys(_JSON, _write_json),
    **dict.fromkeys(_JSON_LINES, _write_json_lines),
    **dict.fromkeys(_PARQUET, _write_parquet),
}


def _require_pyarrow() -> None:
    try:
        import pyarrow  # noqa: F401
    except ImportError:
        raise missing_extra("text", "Writing Parquet and zstd files") from None


@contextmanager
def _packed(stream: BinaryIO, packing: str) -> Iterator[BinaryIO]:
    """Yield a stream whose content is compressed into `stream`, with the same bytes at any time."""
    if packing in _GZIP:
        with gzip.GzipFile("", "wb", compresslevel=6, fileobj=stream, mtime=0) as packed:
            yield cast(BinaryIO, packed)
    elif packing in _ZSTD:
        import pyarrow

        with pyarrow.CompressedOutputStream(pyarrow.PythonFile(_LeftOpen(stream), mode="w"), "zstd") as packed:
            yield cast(BinaryIO, packed)
    else:
        yield stream


class _LeftOpen(io.RawIOBase):
    """Writes to a stream, and leaves it open when it is closed."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def writable(self) -> bool:
        return True

    def write(self, content: Any) -> int:
        return self._stream.write(content)


def _standard_output() -> BinaryIO:
    """Return standard output as a stream of bytes, so that it has UTF-8 and LF whatever the terminal has."""
    if sys.stdout is None:
        raise InputError(f"--out {STANDARD_OUTPUT}: standard output is closed; give a file")
    sys.stdout.flush()
    return cast(BinaryIO, sys.stdout.buffer)
