"""How a delimited file is written: its separator, its quotes and its header, from its first lines and the options.

In a file with tabs or bars between its fields quotes may enclose fields, as in CSV, or be part of the texts.
"""

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Self

from slanted.common.messages import shown
from slanted.errors import InputError
from slanted.text.settings import QUOTES, ReadOptions

AUTO, CSV, NONE = QUOTES
TEXT = "text"
_SEPARATORS = ",\t;|"
UNQUOTED = "\t|"  # the separators of files that are often written without a rule for quotes
LOOK_AHEAD = 1000  # lines
LOOK_AHEAD_CHARS = 2**22
_DOUBLED = re.compile(r'[^\t|\r\n]""|""[^\t|\r\n]')
_NAMED_FIRST = re.compile(r"sep=(.)(?:\r\n|\n|\r)?", re.IGNORECASE)  # the first line, for a spreadsheet


@dataclass(frozen=True)
class Form:
    """How a delimited file is written.

    Attributes:
        lines: The lines of the file, from the header on or, without a header, from the first row.
        number: The 1-based number of the first of them.
        separator: Between two fields; None: each line is one field.
        quotes: "csv": they enclose fields; "none": they are part of the texts; "auto": the rows tell.
        columns: The names of the columns, if the file has no header.
        assumes_header: Whether the first line is taken for a header that no option says to be there.
    """

    lines: Iterator[str]
    number: int
    separator: str | None
    quotes: str
    columns: tuple[str, ...] | None
    assumes_header: bool

    @classmethod
    def of(
        cls, lines: Iterator[str], source: str, options: ReadOptions, separator: str | None, *, is_list: bool
    ) -> Self:
        """Return the form of a file.

        The separator is `options.separator`; else that of a first line `sep=;`; else `separator`; else of a comma, tab,
        semicolon and bar the one that makes the first line name a column; else the first of them in that line.

        Args:
            lines: All lines of the file.
            source: The file's name in messages.
            options: How text files are written, and the names of the columns.
            separator: That of files with this name; None: any.
            is_list: Whether the file is a list of texts, unless the options or its first line say otherwise.

        Raises:
            InputError: The file is empty, or the options leave its columns without names.
        """
        number, first = _first_line(lines, source)
        if mark := _NAMED_FIRST.fullmatch(first):
            separator = mark[1]
            after, first = _first_line(lines, source)
            number += after
        separator = options.separator or separator or _separator(first, options.named)
        has_names = _names_a_column(first, separator, options.named)
        if options.columns and options.header is not False and not is_list:
            raise InputError("--columns names the columns of files without a header; add --no-header, or leave it out")
        columns = options.columns or None
        if is_list and options.header is None and columns is None and not has_names:
            return cls(chain([first], lines), number, options.separator, NONE, (TEXT,), assumes_header=False)
        if options.header is False and columns is None:
            if separator in first:
                problem = f"{source}: --no-header leaves its columns without names"
                raise InputError(f"{problem}; name them with --columns, such as --columns text,label")
            columns = (TEXT,)
        quotes = CSV if options.quotes == AUTO and separator not in UNQUOTED else options.quotes
        assumes = columns is None and not options.header
        return cls(chain([first], lines), number, separator, quotes, columns, assumes)


def _first_line(lines: Iterator[str], source: str) -> tuple[int, str]:
    for number, line in enumerate(lines, start=1):
        if line.strip("\r\n"):
            return number, line
    raise InputError(f"{source} is empty; it needs a header line and rows below it")


def _separator(first: str, names: Sequence[str]) -> str:
    present = [mark for mark in _SEPARATORS if mark in first]
    return next((mark for mark in present if _names_a_column(first, mark, names)), (present or [","])[0])


def _names_a_column(first: str, separator: str, names: Sequence[str]) -> bool:
    known = {name.strip().casefold() for name in names}
    return any(field.strip().strip('"').strip().casefold() in known for field in first.split(separator))


def check_is_row(cells: Sequence[str], columns: Sequence[str], where: str) -> None:
    """Raise if the first row of a file without a header is the names of its columns.

    Raises:
        InputError: It is.
    """
    if [cell.strip().casefold() for cell in cells] == [name.casefold() for name in columns]:
        raise InputError(f"{where}: holds the names of the columns, {shown(', '.join(cells))}; leave --no-header out")


def opening_quote(separator: str) -> re.Pattern[str]:
    """Return the pattern of a field that begins with a quote."""
    return re.compile(f'(?:^|{re.escape(separator)})"')


def has_doubled(lines: Sequence[str]) -> bool:
    """Return whether a quote stands twice within a field, as in CSV."""
    return any(_DOUBLED.search(line) for line in lines)


def is_row_each(lines: Sequence[str], separator: str, width: int) -> bool:
    """Return whether each line is a row of `width` fields, if quotes are part of the texts."""
    return all(line.count(separator) == width - 1 for line in lines)


def quotes_enclose(lines: Sequence[str], separator: str, width: int | None) -> bool:
    r"""Return whether quotes enclose fields, from the lines from the first field that begins with a quote on.

    They do not if that leaves a field malformed, or makes one row of several lines of `width` fields each. They do if a
    field has doubled quotes, the separator or a line break within. If no line tells, most lines must have quotes
    around a field: a writer of CSV puts them around every text or only where they are needed.

    Args:
        lines: Some lines, the first of which has such a field.
        separator: Between two fields.
        width: The number of fields of a row; None: the first line is the header.

    >>> quotes_enclose(['"Yes," he said.\tx\n'], "\t", 2), quotes_enclose(['"a ""b"" c"\tx\n'], "\t", 2)
    (False, True)
    """
    opening = opening_quote(separator)
    at, enclosed, is_needed = 0, 0, False
    while at < len(lines):
        if not opening.search(lines[at]):
            at += 1
            continue
        cells, count = _record(lines, at, separator)
        if width is None:
            return cells is not None
        record = lines[at : at + count]
        is_plain = is_row_each(record, separator, width)
        if is_plain and (cells is None or count > 1) and not (cells and has_doubled(record)):
            return False
        if cells is None or len(cells) != width:
            at += 1
            continue
        is_needed = is_needed or not is_plain or has_doubled(record)
        enclosed += count
        at += count
    return is_needed or 2 * enclosed > len(lines)


def _record(lines: Sequence[str], at: int, separator: str) -> tuple[list[str] | None, int]:
    """Return the cells of the record that begins here if quotes enclose fields, None if malformed; and its lines."""
    reader = csv.reader(iter(lines[at:]), delimiter=separator, strict=True)
    try:
        return next(reader), reader.line_num
    except csv.Error:
        return None, max(1, reader.line_num)
