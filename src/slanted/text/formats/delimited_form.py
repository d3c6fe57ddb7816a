"""How a delimited file is written: its separator, its quotes and its header, from its first lines and the options.

In a file with tabs or bars between its fields quotes may enclose fields, as in CSV, or be part of the texts.
"""

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
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

        The separator is `options.separator`; else that of a first line `sep=;`; else `separator`; else, if the options
        name the columns, the one that divides most of the first lines into as many fields; else of a comma, tab,
        semicolon and bar the one that makes the first line name a column; else the first of them in that line.

        Args:
            lines: All lines of the file.
            source: The file's name in messages.
            options: How text files are written, and the names of the columns.
            separator: That of files with this name; None: any.
            is_list: Whether the file is a list of texts, unless the options or its first line say otherwise.

        Raises:
            InputError: The file is empty, or the options contradict each other or leave its columns without names.
        """
        columns, header = options.columns or None, options.header
        if columns and header:
            raise InputError(f"{_COLUMNS}, but --header says that it has one; give one of the two")
        if columns and header is None and not is_list:
            raise InputError(f"{_COLUMNS}; add --no-header, or --header in its place if the file has one")
        needs = "rows" if columns or is_list or header is False else "a header line and rows below it"
        number, first = _first_line(lines, source, needs)
        if mark := _NAMED_FIRST.fullmatch(first):
            separator = mark[1]
            after, first = _first_line(lines, source, needs)
            number += after
        separator = options.separator or separator
        ahead = [first]
        if separator is None and (columns or is_list):
            ahead += some_lines(lines)
        separator = separator or (_dividing(ahead, len(columns)) if columns else _separator(first, options.named))
        lines = chain(ahead, lines)
        if is_list and not header and not options.separator and len(columns or ()) < 2:
            is_header = columns is None and header is None and _is_header(ahead, separator, options.named)
            if not is_header:
                return cls(lines, number, None, NONE, columns or (TEXT,), assumes_header=False)
        if is_list and header is None and columns is None and not _names_a_column(first, separator, options.named):
            problem = f"{source}: --separator makes a table of it, whose columns have no names"
            raise InputError(f"{problem}; name them with --columns, or give --header if its first line does")
        if header is False and columns is None:
            if separator in first:
                problem = f"{source}: --no-header leaves its columns without names"
                raise InputError(f"{problem}; name them with --columns, such as --columns text,label")
            columns = (TEXT,)
        quotes = options.quotes or AUTO
        quotes = CSV if quotes == AUTO and separator not in UNQUOTED else quotes
        assumes = columns is None and not header
        return cls(lines, number, separator, quotes, columns, assumes)


_COLUMNS = "--columns, given here or in training, names the columns of a file without a header"


def _first_line(lines: Iterator[str], source: str, needs: str) -> tuple[int, str]:
    for number, line in enumerate(lines, start=1):
        if line.strip("\r\n"):
            return number, line
    raise InputError(f"{source} is empty; it needs {needs}")


def some_lines(lines: Iterator[str]) -> Iterator[str]:
    """Yield the next lines, as far as they are read ahead."""
    size = 0
    for line in islice(lines, LOOK_AHEAD):
        size += len(line)
        yield line
        if size > LOOK_AHEAD_CHARS:
            return


def _separator(first: str, names: Sequence[str]) -> str:
    present = [mark for mark in _SEPARATORS if mark in first]
    return next((mark for mark in present if _names_a_column(first, mark, names)), (present or [","])[0])


def _dividing(lines: Sequence[str], width: int) -> str:
    """Return the separator that divides most of the lines into so many fields; of several the rarest in texts."""
    counts = {mark: 0 for mark in (_SEPARATORS if width == 1 else "\t|;,")}
    for mark in counts:
        counts[mark] = sum(len(_fields(line, mark)) == width for line in lines)
    best = max(counts, key=lambda mark: counts[mark])
    return best if counts[best] else _separator(lines[0], ())


def _fields(line: str, separator: str) -> list[str]:
    """Return the fields of a line, with or without quotes around them; none if its quotes leave no fields."""
    cells, _ = _record([line], 0, separator)
    return cells or (line.split(separator) if separator in UNQUOTED else [])


def _is_header(lines: Sequence[str], separator: str, names: Sequence[str]) -> bool:
    """Return whether the first line is a header, not a text that holds the name of a column between separators.

    A header is one field, or single words, or else as many fields as the next line, without a space after a comma.
    """
    if not _names_a_column(lines[0], separator, names):
        return False
    fields = _fields(lines[0], separator)
    if len(fields) == 1 or (fields and all(len(field.split()) < 2 and field[:1] != " " for field in fields)):
        return True
    below = next((line for line in lines[1:] if line.strip("\r\n")), "")
    return ", " not in lines[0] and len(_fields(below, separator)) == len(fields)


def _names_a_column(first: str, separator: str, names: Sequence[str]) -> bool:
    known = {name.strip().casefold() for name in names}
    return any(field.strip().strip('"').strip().casefold() in known for field in first.split(separator))


def check_is_row(cells: Sequence[str], columns: Sequence[str], where: str) -> None:
    """Raise if the first row of a file without a header is the names of its columns.

    Raises:
        InputError: It is.
    """
    if [cell.strip().casefold() for cell in cells] == [name.casefold() for name in columns]:
        problem = f"{where}: holds the names of the columns, {shown(', '.join(cells))}"
        raise InputError(f"{problem}; give --header in place of --no-header and --columns")


def opening_quote(separator: str) -> re.Pattern[str]:
    """Return the pattern of a field that begins with a quote."""
    return re.compile(f'(?:^|{re.escape(separator)})"')


def has_doubled(lines: Sequence[str]) -> bool:
    """Return whether a quote stands twice within a field, as in CSV."""
    return any(_DOUBLED.search(line) for line in lines)


def is_row_each(lines: Sequence[str], separator: str, width: int) -> bool:
    """Return whether each line is a row of `width` fields, if quotes are part of the texts."""
    return all(line.count(separator) == width - 1 for line in lines)


def quotes_enclose(lines: Sequence[str], separator: str, width: int | None, *, commas_are_bare: bool = False) -> bool:
    r"""Return whether quotes enclose fields, from the lines from the first field that begins with a quote on.

    They do not if that leaves a field malformed, or makes one row of several lines of `width` fields each, at least
    two. They do if a field has doubled quotes, the separator or a line break within, or if the fields with a comma are
    those that are enclosed, as spreadsheets write them. If no line tells, most lines must have quotes around a field: a
    writer of CSV puts them around every text or only where they are needed.

    Args:
        lines: Some lines, the first of which has such a field.
        separator: Between two fields.
        width: The number of fields of a row; None: the first line is the header.
        commas_are_bare: Whether a line before has a comma.

    >>> quotes_enclose(['"Yes," he said.\tx\n'], "\t", 2), quotes_enclose(['"a ""b"" c"\tx\n'], "\t", 2)
    (False, True)
    """
    opening, field = opening_quote(separator), re.compile(f'(?:^|{re.escape(separator)})("(?:[^"]++|"")*+")')
    at, enclosed, is_needed, are_bare, have_commas = 0, 0, False, commas_are_bare, True
    while at < len(lines):
        if not opening.search(lines[at]):
            are_bare = are_bare or "," in lines[at]
            at += 1
            continue
        cells, count = _record(lines, at, separator)
        if width is None:
            return cells is not None
        record = lines[at : at + count]
        is_each = is_row_each(record, separator, width)
        if is_each and (cells is None or (count > 1 and width > 1 and not has_doubled(record))):
            return False
        if cells is None or len(cells) != width:
            at += 1
            continue
        is_needed = is_needed or not is_each or count > 1 or has_doubled(record)
        text = "".join(record)
        are_bare = are_bare or "," in field.sub("", text)
        have_commas = have_commas and all("," in quoted for quoted in field.findall(text))
        enclosed += count
        at += count
    return is_needed or (enclosed > 0 and have_commas and not are_bare) or 2 * enclosed > len(lines)


def _record(lines: Sequence[str], at: int, separator: str) -> tuple[list[str] | None, int]:
    """Return the cells of the record that begins here if quotes enclose fields, None if malformed; and its lines."""
    reader = csv.reader(iter(lines[at:]), delimiter=separator, strict=True)
    try:
        return next(reader), reader.line_num
    except csv.Error:
        return None, max(1, reader.line_num)
