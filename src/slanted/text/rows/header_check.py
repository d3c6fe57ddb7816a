"""Whether the first line of a text file, which was taken for the header, looks like a row instead."""

from collections.abc import Collection

from slanted.common.messages import listed
from slanted.errors import InputError
from slanted.text.formats.cells import as_number, is_blank, is_zero_or_one
from slanted.text.rows.columns import Header

_LONGEST_NAME = 40  # characters
_MOST_WORDS = 4
_ENDS = (".", "!", "?", "…")


def check_is_header(header: Header, known: Collection[str], named: Collection[str | None] = ()) -> None:
    """Raise if the names of the columns look like a row of the file, and none of them is known.

    They do if one of them is a value of its column in another row, a number in a column of numbers, or a sentence in a
    column of texts. They do not if a column of numbers has a name that is none, or if several columns of 0 and 1 are
    named 0, 1, 2 and so on. Where an option names a column, a sentence is its name, and one such value is not enough.

    Args:
        header: The names, and some rows.
        known: The names of columns that a header may have, case aside.
        named: The names of columns that options give.

    Raises:
        InputError: They do.
    """
    columns, folded = range(len(header.names)), {name.strip().casefold() for name in known}
    if not header.is_assumed or any(name.strip().casefold() in folded for name in header.names):
        return
    if any(_is_name(header, at) for at in columns) or _are_positions(header):
        return
    given = [at for at in columns if header.names[at] in named and _is_value(header, at, is_named=True)]
    others = (_is_value(header, at) for at in columns if header.names[at] not in named)
    if len(given) > 1 or any(others):
        count = len(header.names)
        row = f"its first line looks like a row: {listed(header.names)}"
        names = "text" if count == 1 else f"A,B with the names of its {count} columns, such as text and label"
        remedy = f"give --no-header --columns {names}, or --header if it is one"
        raise InputError(f"{header.source}: seems to have no header, as {row}; {remedy}")


def _cells(header: Header, at: int) -> list[str]:
    """Return the cells of a column that are not blank, without rows that repeat the header."""
    records = [cells for _, cells in header.sample if len(header.names) == 1 or tuple(cells) != header.names]
    return [cell for cells in records if isinstance(cell := cells[at], str) and not is_blank(cell)]


def _is_name(header: Header, at: int) -> bool:
    """Return whether a name differs in kind from all cells of its column: text among numbers, a number among texts."""
    cells = _cells(header, at)
    kinds = {as_number(cell) is not None for cell in cells}
    return len(kinds) == 1 and kinds != {as_number(header.names[at]) is not None}


def _are_positions(header: Header) -> bool:
    """Return whether the names that are numbers are 0, 1, 2 and so on, above cells of 0 and 1."""
    numbers = [at for at, name in enumerate(header.names) if as_number(name) is not None]
    if len(numbers) < 3 or [header.names[at].strip() for at in numbers] != [str(at) for at in range(len(numbers))]:
        return False
    return all(is_zero_or_one(cell) for at in numbers for cell in _cells(header, at))


def _is_value(header: Header, at: int, is_named: bool = False) -> bool:
    name, cells = header.names[at].strip(), _cells(header, at)
    if not name or not cells:
        return False
    if name in map(str.strip, cells):
        return True
    if as_number(name) is not None:
        return all(as_number(cell) is not None for cell in cells)
    if is_named:
        return False
    is_sentence = len(name) > _LONGEST_NAME or len(name.split()) > _MOST_WORDS or name.endswith(_ENDS)
    return is_sentence and any(len(cell.split()) > 2 for cell in cells)
