"""File -> its header and its records, each with the line it starts on. One reader a file format."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO

from slanted.errors import InputError
from slanted.text.delimited import read_delimited
from slanted.text.lines import check_encoding
from slanted.text.wording import file_name


@dataclass(frozen=True)
class Table:
    """A file's column names and its records, whatever its format.

    Attributes:
        source: The file's name in messages.
        header: The column names, in the file's order.
        records: Yields each record's 1-based line and its cells, always as many as the header has. Read once.
    """

    source: str
    header: tuple[str, ...]
    records: Iterator[tuple[int, list[str]]]


@contextmanager
def open_table(path: str | os.PathLike[str], encoding: str = "utf-8") -> Iterator[Table]:
    """Open a CSV or TSV file, read its header, and close it at the end of the `with` block.

    Files whose name ends in `.tsv` or `.tab` are tab-separated; the header of any other decides (`read_delimited`).

    Raises:
        InputError: The file cannot be read, its header is unusable, or (from `records`) a record is.
    """
    check_encoding(encoding)
    source = file_name(os.fspath(path))
    tabs = os.fspath(path).lower().endswith((".tsv", ".tab"))
    with _open(path, source) as stream:
        header, records = read_delimited(stream, source, encoding, delimiter="\t" if tabs else None)
        yield Table(source, header, records)


def _open(path: str | os.PathLike[str], source: str) -> BinaryIO:
    try:
        return open(path, "rb")
    except FileNotFoundError:
        raise InputError(f"{source}: no such file; check the path") from None
    except IsADirectoryError:
        raise InputError(f"{source} is a folder; name a file in it") from None
    except OSError as error:
        raise InputError(f"{source} cannot be opened ({error.strerror}); check its permissions and path") from None
