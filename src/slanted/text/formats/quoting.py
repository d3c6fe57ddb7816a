"""Whether the quotes of a file with tabs or bars between its fields enclose them, as in CSV, or are text."""

import csv
import re
from collections.abc import Sequence

UNQUOTED = "\t|"  # the separators of files that are often written without a rule for quotes
LOOK_AHEAD = 1000  # lines
LOOK_AHEAD_CHARS = 2**22
_DOUBLED = re.compile(r'[^\t|\r\n]""|""[^\t|\r\n]')


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
