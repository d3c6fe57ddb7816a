"""JSON Lines: an object a line -> records of cells, every object with the keys of the first."""

import json
from collections.abc import Iterator
from itertools import chain
from typing import Any, BinaryIO

from slanted.common.messages import is_encodable, listed, shown
from slanted.errors import InputError
from slanted.text.formats.cells import Cell, Record, Unusable
from slanted.text.formats.line_reader import MAX_RECORD_CHARS, physical_lines
from slanted.text.formats.skipped_rows import BadRows

_A_LINE = "write one whole JSON object a line"


def read_json_lines(
    stream: BinaryIO, source: str, encoding: str, bad_rows: BadRows
) -> tuple[tuple[str, ...], Iterator[Record]]:
    """Return the keys of the first object, and an iterator over the records.

    Strings are unchanged, lone surrogates too; numbers are as they are spelt; true and false as 1 and 0; null as an
    empty cell; lists and objects as `Unusable`, with the items of a list of strings or numbers. Empty lines are
    skipped.

    Raises:
        InputError: There is no object, the file is one JSON array, a line is too long, or a bad row is not skipped.
    """
    objects = _objects(stream, source, encoding, bad_rows)
    first = next(objects, None)
    if first is None:
        if bad_rows.count:
            raise bad_rows.all_bad(source)
        raise InputError(f"{source} is empty; it needs JSON objects, one a line")
    header = tuple(first[1])
    for name in header:
        if not is_encodable(name):
            raise InputError(f"{source}, line {first[0]}: key {shown(name)} holds half a character; rename it")
    return header, _records(chain([first], objects), source, bad_rows, header, first[0])


def _records(
    objects: Iterator[tuple[int, dict[str, Cell], str]],
    source: str,
    bad_rows: BadRows,
    header: tuple[str, ...],
    first_line: int,
) -> Iterator[Record]:
    for line, cells, text in objects:
        if tuple(cells) == header:
            yield line, list(cells.values())
        elif len(cells) == len(header) and all(name in cells for name in header):
            yield line, [cells[name] for name in header]
        else:
            problem = f"the keys are {listed(tuple(cells)) or 'none'}, but those of line {first_line} {listed(header)}"
            bad_rows.refuse(source, "line", line, f"{problem}; give every line the same keys", text.rstrip("\r\n"))


def _objects(
    stream: BinaryIO, source: str, encoding: str, bad_rows: BadRows
) -> Iterator[tuple[int, dict[str, Cell], str]]:
    """Yield the line number, the cells and the text of each line that is an object."""
    started = False
    for line, text in enumerate(physical_lines(stream, source, encoding), start=1):
        if len(text) > MAX_RECORD_CHARS:
            problem = f"{source}, line {line}: this line is longer than {MAX_RECORD_CHARS:,} characters"
            raise InputError(f"{problem}; {_A_LINE}")
        if not text.strip():
            continue
        if not started and text.lstrip().startswith("["):
            raise InputError(f"{source} is one JSON array, not JSON Lines; {_A_LINE}, as `jq -c '.[]'` does")
        started = True
        try:
            yield line, _cells(text), text
        except _Bad as bad:
            bad_rows.refuse(source, "line", line, str(bad), text.rstrip("\r\n"))


class _Bad(ValueError):
    """The line is not a JSON object of cells."""


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        seen: set[str] = set()
        twice = next(name for name, _ in pairs if name in seen or seen.add(name))
        raise _Bad(f"the key {shown(twice)} stands here twice; remove one")
    return values


# Numbers stay as they are spelt, so that the label 1.0 is predicted as 1.0.
_DECODER = json.JSONDecoder(object_pairs_hook=_once, parse_int=str, parse_float=str, parse_constant=str)


def _cells(text: str) -> dict[str, Cell]:
    try:
        values = _DECODER.decode(text)
    except json.JSONDecodeError as error:
        wrong = f"{error.msg.removesuffix(' at')} at character {error.pos + 1}"
        raise _Bad(f"this is no whole JSON object ({wrong}); {_A_LINE}") from None
    except RecursionError:
        raise _Bad(f"this JSON is nested too deeply to be read; {_A_LINE}, of strings and numbers") from None
    if not isinstance(values, dict):
        raise _Bad(f"this is JSON, but no object; {_A_LINE}")
    return {name: value if type(value) is str else _cell(value) for name, value in values.items()}


def _cell(value: Any) -> Cell:
    if isinstance(value, bool):
        return "1" if value else "0"
    if value is None:
        return ""
    if isinstance(value, list) and all(isinstance(item, str | bool) for item in value):
        return Unusable("a list", tuple(item if isinstance(item, str) else str(int(item)) for item in value))
    return Unusable("a nested list" if isinstance(value, list) else "an object")
