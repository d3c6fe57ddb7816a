"""CSV and TSV: physical lines -> records of cells (RFC 4180), strictly, in bounded memory."""

import csv
import re
from collections.abc import Iterator
from itertools import chain
from typing import BinaryIO

from slanted.common.messages import plural, shown
from slanted.errors import InputError
from slanted.runtime.patches import long_csv_fields
from slanted.text.formats.cells import Record
from slanted.text.formats.line_reader import MAX_RECORD_CHARS, physical_lines
from slanted.text.formats.skipped_rows import BadRows


def read_delimited(
    stream: BinaryIO, source: str, encoding: str, delimiter: str | None = None, bad_rows: BadRows | None = None
) -> tuple[tuple[str, ...], Iterator[Record]]:
    """Return the header of a delimited file and an iterator over its records.

    The default delimiter is a comma, or a tab or semicolon if the first line has no comma. Fields are quoted as in CSV,
    whatever the delimiter.

    Empty lines are skipped, as in `csv.DictReader` and pandas. In a file of one column, however, an empty line before
    the last record is an empty cell, so that no text is lost unnoticed.

    Raises:
        InputError: The file is empty. The iterator raises it for a ragged record that is not skipped, and for an open
            quote.
    """
    lines = physical_lines(stream, source, encoding)
    number, first = _first_line(lines, source)
    reader = _Records(chain([first], lines), source, delimiter or _delimiter(first), number)
    records = iter(reader)
    header = next(records)[1]
    return tuple(header), _checked(reader, records, len(header), bad_rows or BadRows())


def _first_line(lines: Iterator[str], source: str) -> tuple[int, str]:
    for number, line in enumerate(lines, start=1):
        if line.strip("\r\n"):
            return number, line
    raise InputError(f"{source} is empty; it needs a header line and rows below it")


def _delimiter(first: str) -> str:
    if "," in first:
        return ","
    return next((mark for mark in "\t;" if mark in first), ",")


def _checked(reader: "_Records", records: Iterator[Record], width: int, bad_rows: BadRows) -> Iterator[Record]:
    empty_line = None
    for line, cells in records:
        if not cells:
            empty_line = empty_line or line
            continue
        if empty_line and width == 1:
            yield empty_line, [""]
        empty_line = None
        if len(cells) == width:
            yield line, cells
            continue
        problem = f"{plural(len(cells), 'field')}, but the header has {width:,}"
        reason = f"{problem}; put a field that holds the separator or a line break in double quotes"
        bad_rows.refuse(reader.source, "line", line, reason, reader.text.rstrip("\r\n"))


class _Records:
    """Runs `csv.reader` line by line, and stores the lines of the current record for error messages."""

    def __init__(self, lines: Iterator[str], source: str, delimiter: str, number: int) -> None:
        self.lines, self.source, self.delimiter = lines, source, delimiter
        self.number = number  # of the record's first line
        self.record_lines: list[str] = []

    def __iter__(self) -> Iterator[tuple[int, list[str]]]:
        long_csv_fields(MAX_RECORD_CHARS)
        # Strict: a lenient reader would silently change the text after a closing quote.
        reader = csv.reader(self._feed(), delimiter=self.delimiter, strict=True)
        try:
            for cells in reader:
                yield self.number, cells
                self.number += len(self.record_lines)
                self.record_lines.clear()
        except csv.Error:
            raise self._broken() from None

    @property
    def text(self) -> str:
        """The current record, as it stands in the file."""
        return "".join(self.record_lines)

    def _feed(self) -> Iterator[str]:
        size = 0
        for line in self.lines:
            size = size + len(line) if self.record_lines else len(line)
            self.record_lines.append(line)
            if size > MAX_RECORD_CHARS:
                raise self._broken()
            yield line

    def _broken(self) -> InputError:
        """Return the error that names the wrong quote of the current record and its line."""
        text = self.text
        at = _open_field(text, self.delimiter)
        quoted = _QUOTED.match(text, at)
        if text[at : at + 1] != '"' or (quoted is not None and quoted.end() == len(text)):
            problem = f"{self.source}, line {self.number}: this record is longer than {MAX_RECORD_CHARS:,} characters"
            return InputError(f"{problem}; give a CSV file with a record a line")
        problem = f"{self.source}, line {self.number + _line_breaks(text[:at])}: the quoted field that opens here"
        if quoted is not None:
            closed = self.number + _line_breaks(text[: quoted.end()])
            after = shown(text[quoted.end()])
            return InputError(f"{problem} ends on line {closed} before {after}, which is no separator; {_CLOSE}")
        if len(text) > MAX_RECORD_CHARS:
            return InputError(f"{problem} is not closed within {MAX_RECORD_CHARS:,} characters; {_CLOSE}")
        return InputError(f"{problem} is never closed; {_CLOSE}")


_CLOSE = "close its quote there, and write quotes within it twice"
_QUOTED = re.compile(r'"(?:[^"]++|"")*+"')


def _open_field(text: str, delimiter: str) -> int:
    """Return the start of the first field without a separator after it: it is malformed, or the text ends in it."""
    plain = f'[^"{delimiter}\r\n][^{delimiter}\r\n]*+'
    ended = re.compile(f"(?:(?:{_QUOTED.pattern}|{plain}|)(?:{delimiter}|\r\n|\r|\n))*+")
    match = ended.match(text)
    return 0 if match is None else match.end()


def _line_breaks(text: str) -> int:
    return text.count("\n") + text.count("\r") - text.count("\r\n")
