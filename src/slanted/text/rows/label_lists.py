"""Cells that hold a list of labels, of JSON and Parquet or written as text; and lists of 0 and 1, a label each."""

import ast
import json
import re
from collections.abc import Sequence

from slanted.text.formats.cells import MISSING, Cell, Unusable, as_number, is_blank, is_zero_or_one

LIST_SEPARATOR = "\x1f"  # ASCII's unit separator

_QUOTED = r"'(?:[^'\\]|\\.)*'" + r'|"(?:[^"\\]|\\.)*"'
_WORDS = r"[^\s,;'\"\[\](){}:]++(?:[ ]++[^\s,;'\"\[\](){}:]++)*+"
_CALL = re.compile(r"(?:np\.)?(?:array|tensor|set|frozenset|list|tuple)\(")
_MOST_CALLS = 3  # array(list([1, 0]))
_BRACKETS = {"[": "]", "(": ")", "{": "}"}
_ITEMS = re.compile(rf"\s*+(?:(?:{_QUOTED}|{_WORDS})\s*+,\s*+)*+(?:(?:{_QUOTED}|{_WORDS})\s*+,?)?\s*+", re.DOTALL)
_SPACED = re.compile(rf"\s*(?:(?:{_QUOTED})\s*|[-+0-9.eE]+\s+|(?:True|False)\s+)+", re.DOTALL)
_ITEM, _SPACED_ITEM = re.compile(f"{_QUOTED}|{_WORDS}", re.DOTALL), re.compile(rf"{_QUOTED}|\S+", re.DOTALL)
_IS_NO_NAME = re.compile(r"[,:'\"]|[\[({]\s*(?:[\[\])}]|[-+]?\d)")  # where a class may be named [sport] or (sport)
_IS_TUPLE = re.compile(r"['\"]|\(\s*(?:[-+]?\d|True|False|\))")  # where a class may be named (sport, live)
_FLAGS = {"True": "1", "true": "1", "False": "0", "false": "0"}
_MISSING = ("None", "null", "nan", "NaN")
_DECIMAL = re.compile(r"\s*[-+]?\d+,\d+\s*")  # or two of 0 and 1
_BARE = re.compile(r"\s*[01](?:\.0*)?(?:[ ,;|\t]+[01](?:\.0*)?)+\s*")


def is_bracketed(cell: str) -> bool:
    """Return whether a cell has brackets around it, as a list or an object has that was written as text.

    >>> is_bracketed("[1, 0]"), is_bracketed("array([1, 0])"), is_bracketed("sport (live)")
    (True, True, False)
    """
    text = cell.strip()
    return _called(text) is not None or (len(text) > 1 and _BRACKETS.get(text[0]) == text[-1])


def written_list(cell: str) -> tuple[str, ...] | None:
    """Return the items of a list that is written as text, in JSON or as Python or NumPy print it; None for other text.

    >>> written_list("[1, 0]"), written_list("[1. 0.]"), written_list("['a b', 'c']"), written_list("{'a': 1}")
    (('1', '0'), ('1.', '0.'), ('a b', 'c'), None)
    """
    text = cell.strip()
    for _ in range(_MOST_CALLS):
        text = text if (inside := _called(text)) is None else inside
    if not is_bracketed(text):
        return () if text == "" and cell.strip() else None
    inside = text[1:-1]
    if _SPACED.fullmatch(inside + " ") and "," not in _outside_quotes(inside):
        items = _SPACED_ITEM.findall(inside)
    elif _ITEMS.fullmatch(inside):
        items = _ITEM.findall(inside)
    else:
        return None
    if all(item in _FLAGS for item in items):
        return tuple(_FLAGS[item] for item in items)
    plain = [None if item in _MISSING else _unquoted(item) for item in items]
    return None if None in plain else tuple(value for value in plain if value is not None)


def items_of(cell: Cell) -> tuple[str, ...] | None:
    """Return the items of a list, of JSON and Parquet or written as text, also `1,0,0` alone; None for other cells.

    >>> items_of("1 0 0"), items_of("1"), items_of(Unusable("a list", ("a",)))
    (('1', '0', '0'), None, ('a',))
    """
    if isinstance(cell, Unusable):
        return cell.items
    return tuple(re.findall(r"[01](?:\.0*)?", cell)) if _BARE.fullmatch(cell) else written_list(cell)


def are_lists(cells: Sequence[Cell]) -> bool:
    """Return whether a column holds lists: one cell is a list of JSON or Parquet, or all are written as lists are.

    >>> are_lists(["['a', 'b']", "[]"]), are_lists(["[sport]", "[politics]"])
    (True, False)
    """
    cells = [cell for cell in cells if cell is not MISSING]
    if any(isinstance(cell, Unusable) for cell in cells):
        return any(isinstance(cell, Unusable) and cell.items is not None for cell in cells)
    texts = [cell for cell in cells if isinstance(cell, str) and not is_blank(cell)]
    if not texts or not all(is_bracketed(text) or _BARE.fullmatch(text) for text in texts):
        return False
    return any(_BARE.fullmatch(text) or _is_no_name(text) for text in texts)


def have_decimal_commas(cells: Sequence[Cell]) -> bool:
    """Return whether the cells of a column are numbers, of which one has a comma: 1,0 may also be a list of 1 and 0.

    >>> have_decimal_commas(["1,0", "2", ""]), have_decimal_commas(["1,0,0"]), have_decimal_commas(["1", "0"])
    (True, False, False)
    """
    texts = [cell for cell in cells if isinstance(cell, str) and not is_blank(cell)]
    decimals = [_DECIMAL.fullmatch(text) is not None for text in texts]
    are_numbers = all(is_one or as_number(text) is not None for text, is_one in zip(texts, decimals, strict=True))
    return any(decimals) and are_numbers


def positions_of(cells: Sequence[Cell]) -> tuple[str, ...]:
    """Return the names of the positions, from 0, if all cells are lists of as many 0 and 1, at least two; else ().

    >>> positions_of(["[1, 0, 1]", "[0, 0, 0]"]), positions_of(["[0]", "[0, 1]"])
    (('0', '1', '2'), ())
    """
    lists = [items_of(cell) for cell in cells if isinstance(cell, Unusable) or not is_blank(cell)]
    lengths = {len(items) for items in lists if items is not None}
    if not lists or None in lists or len(lengths) != 1 or min(lengths) < 2:
        return ()
    if not all(is_zero_or_one(item) for items in lists for item in items or ()):
        return ()
    return tuple(map(str, range(lengths.pop())))


def problem_of_items(items: tuple[str, ...], names: Sequence[str]) -> str | None:
    """Return why a list is no set of labels and no list of 0 and 1, with the remedy; None if it is one.

    Args:
        items: The items.
        names: The labels of the positions of lists of 0 and 1; empty: the items are labels.
    """
    if names:
        if len(items) == len(names) and all(is_zero_or_one(item) for item in items):
            return None
        return f"is no list of {len(names)} numbers 0 or 1, as in the first rows; correct it"
    numbers = [as_number(item) for item in items]
    if None in numbers or not numbers:
        return None
    rule = "write a column of numbers for each label or target"
    if any(number is not None and number % 1 for number in numbers):
        return f"is a list with fractional numbers, which are no labels; {rule}"
    if len(set(numbers)) < len(numbers):
        return f"is a list with a repeated number, which is no set of labels; {rule}"
    return None


def _called(text: str) -> str | None:
    """Return the arguments of a call such as `array([1, 0])`, as Python and NumPy print lists; None for other text."""
    call = _CALL.match(text)
    if call is None or not text.endswith(")"):
        return None
    inside = text[call.end() : -1].strip()
    before, dtype, after = inside.rpartition("dtype=")
    is_cut = dtype and ")" not in after and before.rstrip().endswith(",")
    return before.rstrip()[:-1].rstrip() if is_cut else inside


def _is_no_name(text: str) -> bool:
    """Return whether a cell in brackets is a list, not the name of a class in brackets."""
    if not text.lstrip().startswith("("):
        return _IS_NO_NAME.search(text) is not None
    return _IS_TUPLE.search(text) is not None and written_list(text) is not None


def _outside_quotes(text: str) -> str:
    return re.sub(_QUOTED, "", text, flags=re.DOTALL)


def _unquoted(item: str) -> str | None:
    if item[:1] not in "'\"":
        return item
    try:
        return str(json.loads(item) if item[0] == '"' else ast.literal_eval(item))
    except (ValueError, SyntaxError):
        return None
