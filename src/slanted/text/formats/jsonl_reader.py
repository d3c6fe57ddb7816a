"""JSON Lines, an object a line, or an array of objects -> records of cells."""

import json
import re
from collections.abc import Iterator
from io import BufferedReader
from itertools import chain, islice
from typing import Any

from slanted.common.messages import is_encodable, shown
from slanted.errors import InputError
from slanted.text.formats.cells import MISSING, Cell, Record, Unusable
from slanted.text.formats.line_reader import MAX_RECORD_CHARS, begins_with, decoded_blocks, physical_lines
from slanted.text.formats.skipped_rows import BadRows

FIRST_OBJECTS = 100  # whose keys are the columns

_A_LINE = "write one whole JSON object a line"
_SPACE = re.compile(r"\s*")


Objects = Iterator[tuple[int, dict[str, Cell], str]]  # the line, the cells and the text of each object


def read_json_lines(
    stream: BufferedReader, source: str, encoding: str, bad_rows: BadRows
) -> tuple[tuple[str, ...], Iterator[Record]]:
    """Return the keys of the first objects, and an iterator over the records.

    The file is JSON Lines, or one JSON array of objects. Strings are unchanged, lone surrogates too; numbers are as
    they are spelt; true and false as 1 and 0; null as an empty cell; lists and objects as `Unusable`, with the items of
    a list of strings, numbers or booleans; the value of a key that is missing as `MISSING`. Empty lines are skipped.

    Raises:
        InputError: There is no object, a record is too long, or a bad row is not skipped.
    """
    is_array = begins_with(stream, "[", encoding)
    objects = (_elements if is_array else _objects)(stream, source, encoding, bad_rows)
    first = list(islice(objects, FIRST_OBJECTS))
    if not first:
        if bad_rows.count:
            raise bad_rows.all_bad(source)
        raise InputError(f"{source} is empty; it needs JSON objects{'' if is_array else ', one a line'}")
    lines: dict[str, int] = {}
    for line, cells, _ in first:
        lines = {**dict.fromkeys(cells, line), **lines}
    header = tuple(dict.fromkeys(chain.from_iterable(cells for _, cells, _ in first)))
    for name in header:
        if not is_encodable(name):
            raise InputError(f"{source}, line {lines[name]}: key {shown(name)} holds half a character; rename it")
    return header, _records(chain(first, objects), header)


def _records(objects: Objects, header: tuple[str, ...]) -> Iterator[Record]:
    for line, cells, _ in objects:
        if tuple(cells) == header:
            yield line, list(cells.values())
        else:
            yield line, [cells.get(name, MISSING) for name in header]


def _objects(stream: BufferedReader, source: str, encoding: str, bad_rows: BadRows) -> Objects:
    """Yield the objects of JSON Lines."""
    for line, text in enumerate(physical_lines(stream, source, encoding), start=1):
        if len(text) > MAX_RECORD_CHARS:
            problem = f"{source}, line {line}: this line is longer than {MAX_RECORD_CHARS:,} characters"
            raise InputError(f"{problem}; {_A_LINE}")
        if not text.strip():
            continue
        try:
            yield line, _cells(text), text
        except _Bad as bad:
            bad_rows.refuse(source, "line", line, str(bad), text.rstrip("\r\n"))


def _elements(stream: BufferedReader, source: str, encoding: str, bad_rows: BadRows) -> Objects:
    """Yield the objects of one JSON array, on one line or on many."""
    array = _Array(decoded_blocks(stream, source, encoding), source)
    before = "["
    while array.mark() == before or (before == "," and array.mark() == "]"):
        is_last = array.mark() == "]"
        array.skip_mark()
        if is_last or (array.mark() == "]" and before == "["):
            if not is_last:
                array.skip_mark()
            if array.mark():
                raise array.damaged("there is text after its end")
            return
        before = ","
        line, value, text = array.element()
        try:
            yield line, _cells_of(value), text
        except _Bad as bad:
            bad_rows.refuse(source, "line", line, str(bad), text)
    raise array.damaged("a comma or its end is missing")


class _Array:
    """The text of a JSON array, of which a part is in memory.

    Attributes:
        line: The 1-based line of the position that is reached.
    """

    def __init__(self, blocks: Iterator[str], source: str) -> None:
        self._blocks, self._source = blocks, source
        self._text, self._at, self.line = "", 0, 1

    def mark(self) -> str:
        """Return the next character that is no white space, "" at the end."""
        while True:
            self._pass(_SPACE.match(self._text, self._at).end())  # pyright: ignore[reportOptionalMemberAccess]
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._more():
                return ""

    def skip_mark(self) -> None:
        """Pass the next character."""
        self._pass(self._at + 1)

    def element(self) -> tuple[int, Any, str]:
        """Return the line, the value and the text of the next element."""
        self.mark()
        while True:
            try:
                value, end = _DECODER.raw_decode(self._text, self._at)
            except json.JSONDecodeError as error:
                if len(self._text) - self._at > MAX_RECORD_CHARS or not self._more():
                    raise self.damaged(error.msg.removesuffix(" at")) from None
            except RecursionError:
                raise self.damaged("it is nested too deeply") from None
            except _Bad as bad:
                raise self.damaged(str(bad)) from None
            else:
                line, text = self.line, self._text[self._at : end]
                self._pass(end)
                return line, value, text

    def damaged(self, how: str) -> InputError:
        """Return the error for an array that cannot be read from here on."""
        return InputError(f"{self._source}, line {self.line}: this JSON array is damaged: {how}; correct it")

    def _more(self) -> bool:
        block = next(self._blocks, None)
        self._text, self._at = self._text[self._at :] + (block or ""), 0
        return block is not None

    def _pass(self, end: int) -> None:
        self.line += self._text.count("\n", self._at, end)
        self._at = end


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
    return _cells_of(values)


def _cells_of(values: Any) -> dict[str, Cell]:
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
    if not isinstance(value, list):
        return Unusable("an object")
    return Unusable("a nested list" if any(isinstance(item, list | dict) for item in value) else "a list with a null")
