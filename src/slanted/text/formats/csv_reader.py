"""CSV and TSV: physical lines -> records of cells (RFC 4180), strictly, in bounded memory."""

import csv
import re
from collections.abc import Iterator, Sequence
from itertools import chain

from slanted.common.messages import plural, shown
from slanted.errors import InputError
from slanted.runtime.patches import long_csv_fields
from slanted.text.formats.cells import Record
from slanted.text.formats.delimited_form import (
    AUTO,
    CSV,
    NONE,
    Form,
    check_is_row,
    has_doubled,
    is_row_each,
    opening_quote,
    quotes_enclose,
    some_lines,
)
from slanted.text.formats.line_reader import MAX_RECORD_CHARS
from slanted.text.formats.skipped_rows import BadRows


def read_delimited(
    form: Form, source: str, bad_rows: BadRows | None = None
) -> tuple[tuple[str, ...], Iterator[Record]]:
    """Return the header of a delimited file and an iterator over its records.

    Empty lines are skipped, as in `csv.DictReader` and pandas. In a file of one column, however, an empty line before
    the last record is an empty cell, so that no text is lost unnoticed.

    Args:
        form: The lines of the file, and how it is written.
        source: The file's name in messages.
        bad_rows: Collects the ragged records; None refuses them.

    Raises:
        InputError: The iterator raises it for a ragged record that is not skipped, and for an open quote.
    """
    reader = _Records(form, source)
    records = iter(reader)
    header = next(records)[1] if form.columns is None else form.columns
    reader.width = len(header)
    return tuple(header), _checked(reader, records, header, bad_rows or BadRows())


def _checked(
    reader: "_Records", records: Iterator[Record], header: Sequence[str], bad_rows: BadRows
) -> Iterator[Record]:
    empty_line, width, is_first = None, len(header), reader.form.columns is not None
    for line, cells in records:
        if not cells:
            empty_line = empty_line or line
            continue
        if is_first:
            is_first = False
            check_is_row([str(cell) for cell in cells], header, f"{reader.source}, line {line}")
        if empty_line and width == 1:
            yield empty_line, [""]
        empty_line = None
        if len(cells) == width:
            yield line, cells
            continue
        has = "the header has" if reader.form.columns is None else f"--columns {','.join(header)} names"
        problem = f"{plural(len(cells), 'field')}, but {has} {width:,}; {reader.remedy(len(cells))}"
        bad_rows.refuse(reader.source, "line", line, problem, reader.text.rstrip("\r\n"))


class _Records:
    """Runs `csv.reader` line by line, and stores the lines of the current record for error messages.

    Attributes:
        width: The number of fields of a record; None as long as the header is not read.
        commas_are_bare: Whether a line before the first quoted field has a comma.
    """

    def __init__(self, form: Form, source: str) -> None:
        self.form, self.source, self.delimiter = form, source, form.separator or ","
        self.number, self.quotes = form.number, form.quotes
        self.width: int | None = None if form.columns is None else len(form.columns)
        self.record_lines: list[str] = []
        self.commas_are_bare = False

    def __iter__(self) -> Iterator[tuple[int, list[str]]]:
        long_csv_fields(MAX_RECORD_CHARS)
        lines = self.form.lines
        if self.form.separator is None:
            yield from self._whole_lines(lines)
            return
        if self.quotes == AUTO:  # equal with and without a rule for quotes as far as no field begins with one
            first: list[str] = []
            yield from self._parsed(self._until_quoted(lines, first), NONE)
            first += some_lines(lines)
            are_bare = self.commas_are_bare
            is_csv = not first or quotes_enclose(first, self.delimiter, self.width, commas_are_bare=are_bare)
            self.quotes = CSV if is_csv else NONE
            lines = chain(first, lines)
        yield from self._parsed(lines, self.quotes)

    def _until_quoted(self, lines: Iterator[str], first: list[str]) -> Iterator[str]:
        """Yield the lines before the first with a field that begins with a quote, which is added to `first`."""
        opening = opening_quote(self.delimiter)
        for line in lines:
            if '"' in line and opening.search(line):
                first.append(line)
                return
            self.commas_are_bare = self.commas_are_bare or "," in line
            yield line

    def _parsed(self, lines: Iterator[str], quotes: str) -> Iterator[tuple[int, list[str]]]:
        quoting = csv.QUOTE_NONE if quotes == NONE else csv.QUOTE_MINIMAL
        # Strict: a lenient reader would silently change the text after a closing quote.
        reader = csv.reader(self._feed(lines), delimiter=self.delimiter, strict=True, quoting=quoting)
        decided = self.form.quotes == AUTO
        try:
            for cells in reader:
                if decided and len(self.record_lines) > 1:
                    self._check_is_one_row(cells)
                yield self.number, cells
                self.number += len(self.record_lines)
                self.record_lines.clear()
        except csv.Error:
            raise self._broken() from None

    def _whole_lines(self, lines: Iterator[str]) -> Iterator[tuple[int, list[str]]]:
        for line in self._feed(lines):
            cell = line.rstrip("\r\n")
            yield self.number, [cell] if cell else []
            self.number += 1
            self.record_lines.clear()

    def _check_is_one_row(self, cells: Sequence[str]) -> None:
        """Raise for a record whose every line has as many fields as the header: its quotes may be part of the texts."""
        lines, width = self.record_lines, self.width or len(cells)
        if width > 1 and is_row_each(lines, self.delimiter, width) and not has_doubled(lines):
            problem = f"{self.source}, line {self.number}: the quotes from here on make one row of {_NOT_ONE}"
            raise InputError(problem.format(len(self.record_lines)))

    def remedy(self, fields: int) -> str:
        """Return the advice for a record with the wrong number of fields."""
        if self.form.columns is not None and fields == 1:
            return "give --separator, or --columns text if its lines are texts"
        if self.quotes == NONE:
            quoted = "or if quotes enclose the fields give --quotes csv"
            return f"take the separator or the line break out of its fields, {quoted}"
        other = "" if self.form.columns is None else ", or give another --separator"
        return f"put a field that holds the separator or a line break in double quotes{other}"

    @property
    def text(self) -> str:
        """The current record, as it stands in the file."""
        return "".join(self.record_lines)

    def _feed(self, lines: Iterator[str]) -> Iterator[str]:
        size = 0
        for line in lines:
            size = size + len(line) if self.record_lines else len(line)
            self.record_lines.append(line)
            if size > MAX_RECORD_CHARS:
                raise self._broken()
            yield line

    def _broken(self) -> InputError:
        """Return the error that names the wrong quote of the current record and its line."""
        text, close = self.text, _CLOSE if self.delimiter == "," else f"{_CLOSE}; {_OR_NONE}"
        at = _open_field(text, self.delimiter)
        quoted = _QUOTED.match(text, at)
        if text[at : at + 1] != '"' or (quoted is not None and quoted.end() == len(text)):
            problem = f"{self.source}, line {self.number}: this record is longer than {MAX_RECORD_CHARS:,} characters"
            return InputError(f"{problem}; give a CSV file with a record a line")
        problem = f"{self.source}, line {self.number + _line_breaks(text[:at])}: the quoted field that opens here"
        if quoted is not None:
            closed = self.number + _line_breaks(text[: quoted.end()])
            after = shown(text[quoted.end()])
            return InputError(f"{problem} ends on line {closed} before {after}, which is no separator; {close}")
        if len(text) > MAX_RECORD_CHARS:
            return InputError(f"{problem} is not closed within {MAX_RECORD_CHARS:,} characters; {close}")
        return InputError(f"{problem} is never closed; {close}")


_CLOSE = "close its quote there, and write quotes within it twice"
_OR_NONE = "or if quotes are part of the texts give --quotes none"
_NOT_ONE = "{} lines, each of which is a row; give --quotes none if they are part of the texts, else --quotes csv"
_QUOTED = re.compile(r'"(?:[^"]++|"")*+"')


def _open_field(text: str, delimiter: str) -> int:
    """Return the start of the first field without a separator after it: it is malformed, or the text ends in it."""
    mark = re.escape(delimiter)
    plain = f'[^"{mark}\r\n][^{mark}\r\n]*+'
    ended = re.compile(f"(?:(?:{_QUOTED.pattern}|{plain}|)(?:{mark}|\r\n|\r|\n))*+")
    match = ended.match(text)
    return 0 if match is None else match.end()


def _line_breaks(text: str) -> int:
    return text.count("\n") + text.count("\r") - text.count("\r\n")
