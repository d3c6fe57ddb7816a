"""The cells of one column of a table: each is checked as it is read, and collected."""

import json
import math
from array import array
from dataclasses import dataclass

from slanted.common.messages import is_encodable, shown
from slanted.text.formats.cells import MISSING, UNLABELLED, Cell, Unusable, as_number, is_blank
from slanted.text.rows.columns import Columns
from slanted.text.rows.label_lists import (
    LIST_SEPARATOR,
    are_lists,
    is_bracketed,
    items_of,
    problem_of_items,
    written_list,
)
from slanted.text.rows.text_storage import TextStore


@dataclass(frozen=True)
class Problem:
    """Why a row cannot be read.

    Attributes:
        reason: What is wrong and what to do.
        skippable: Whether `--bad-rows skip` may skip it; if not, it concerns the whole file, or a value that no output
            file can hold.
    """

    reason: str
    skippable: bool = True


class Texts:
    """Collects the cells of a column of texts, which may be empty if `may_be_empty`."""

    def __init__(self, name: str, may_be_empty: bool) -> None:
        self.name, self.cells, self._may_be_empty = name, TextStore(), may_be_empty

    def read(self, cell: Cell) -> str | Problem:
        """Return the text of a cell, or what is wrong with it."""
        if isinstance(cell, Unusable) or (is_blank(cell) and not self._may_be_empty):
            return missing(self.name, cell)
        return nul(self.name) if "\0" in cell else cell

    def add(self, text: str) -> None:
        """Add a text."""
        self.cells.append(text)


class Kept:
    """Collects the cells of a column that is copied to the output; lists are written as JSON."""

    def __init__(self, name: str) -> None:
        self.name, self.cells = name, TextStore()

    def read(self, cell: Cell) -> str | Problem:
        """Return the content of a cell, or what is wrong with it."""
        if isinstance(cell, Unusable):
            if cell.items is None and cell is not MISSING:
                problem = f"column {shown(self.name)} holds {cell.kind}, which is not copied"
                return Problem(f"{problem}; leave the column out of --keep", skippable=False)
            cell = "" if cell.items is None else json.dumps(cell.items, ensure_ascii=False)
        if "\0" in cell:
            return nul(self.name)
        return cell if is_encodable(cell) else _half_a_character(self.name, "a cell")

    def add(self, cell: str) -> None:
        """Add a cell."""
        self.cells.append(cell)


class Labels:
    """Collects the cells of a column of labels. They repeat, so that each distinct one is checked and stored once."""

    def __init__(self, name: str, columns: Columns) -> None:
        self.name, self.separator, self.alone = name, columns.label_separator, len(columns.labels) == 1
        self.names = columns.label_names
        self.cells: list[str] = []
        self._known: dict[Cell, str] = {}

    def read(self, cell: Cell) -> str | Problem:
        """Return the label of a cell, of a list its items with the separator between them; or what is wrong with it."""
        if (label := self._known.get(cell)) is not None:
            return label
        items = self._items(cell)
        if (problem := self._problem(cell) if items is None else self._problem_of_list(items)) is not None:
            return problem
        if items is None:
            label = str(cell)
        elif self.names:
            flagged = (name for name, item in zip(self.names, items, strict=True) if as_number(item))
            label = LIST_SEPARATOR.join(flagged)
        else:
            label = (self.separator or "").join(items)
        return self._known.setdefault(cell, self._known.setdefault(label, label))

    def add(self, label: str) -> None:
        """Add a label."""
        self.cells.append(label)

    def _items(self, cell: Cell) -> tuple[str, ...] | None:
        """Return the items of a cell that is read as a list, else None."""
        if self.separator is None or not self.alone:
            return None
        if isinstance(cell, Unusable) or self.separator == LIST_SEPARATOR:
            return items_of(cell)
        return None

    def _problem(self, cell: Cell) -> Problem | None:
        if isinstance(cell, Unusable):
            return self._late_list() if cell.items is not None and self.alone else missing(self.name, cell)
        if is_blank(cell) and (self.separator is None or self.names):
            return missing(self.name, cell)
        if "\0" in cell:
            return nul(self.name)
        if self.alone and self.separator in (None, LIST_SEPARATOR) and self._is_odd(cell):
            return self._late_list() if self.separator is None else self._no_list(cell)
        return None if is_encodable(cell) else _half_a_character(self.name, "a label")

    def _is_odd(self, cell: str) -> bool:
        """Return whether a cell is a list in a column of single labels, or no list in a column of lists."""
        if self.separator is None:
            return are_lists([cell]) and written_list(cell) is not None
        return bool(self.names) or is_bracketed(cell)

    def _problem_of_list(self, items: tuple[str, ...]) -> Problem | None:
        separator = self.separator or ""
        if (reason := problem_of_items(items, self.names)) is not None:
            return Problem(f"column {shown(self.name)} holds {shown(list(items))}, which {reason}", skippable=False)
        for item in items:
            if separator in item:
                problem = f"column {shown(self.name)} holds the label {shown(item)}, in which stands the separator"
                return Problem(f"{problem} {shown(separator)}; rename it")
            if not is_encodable(item):
                return _half_a_character(self.name, "a label")
            if "\0" in item:
                return nul(self.name)
        return None

    def _no_list(self, cell: str) -> Problem:
        """Return the problem of a cell in a column of lists that cannot be read as one: an object, or nested lists."""
        rule = "which is no list of labels as its other cells are"
        remedy = "write lists such as ['a', 'b'], or a column of 0 and 1 for each label"
        return Problem(f"column {shown(self.name)} holds {shown(cell)}, {rule}; {remedy}", skippable=False)

    def _late_list(self) -> Problem:
        """Return the problem of labels that turn into lists: all rows from there on would be skipped."""
        taken = "but was taken for one of single labels, as no list is among its first rows"
        remedy = "make every cell a list, [] for no label, or every cell a single label"
        return Problem(f"column {shown(self.name)} holds a list, {taken}; {remedy}", skippable=False)


def _half_a_character(name: str, what: str) -> Problem:
    rule = "which no result can hold; correct it"
    return Problem(f"column {shown(name)} holds {what} with half a character, {rule}")


def nul(name: str) -> Problem:
    """Return the problem of a NUL character, which no CSV file can hold: the CSV reader refuses the file too."""
    return Problem(f"a NUL character stands here, in column {shown(name)}; remove it", skippable=False)


def missing(name: str, cell: Cell) -> Problem:
    """Return the problem of an empty cell, or of one that is no text."""
    if isinstance(cell, Unusable):
        if cell is MISSING:
            return Problem(f"key {shown(name)} is missing; give every line the keys that are read")
        if cell is UNLABELLED:
            return Problem("no word begins with __label__; put the label first, or join the line to the one before")
        rule = "not a string or a number; write it as one or remove the row"
        return Problem(f"column {shown(name)} holds {cell.kind}, {rule}")
    return Problem(f"column {shown(name)} is empty; fill it in or remove the row")


class Names(Labels):
    """Collects the cells of a column of groups or of parts."""

    def __init__(self, name: str) -> None:
        super().__init__(name, Columns(name))


class Weights:
    """Collects the cells of a column of weights, as numbers.

    Args:
        name: The column.
        may_be_empty: Whether a cell may be empty, or its key missing: a row to test on needs no weight.
    """

    def __init__(self, name: str, may_be_empty: bool) -> None:
        self.name, self.cells, self._may_be_empty = name, array("d"), may_be_empty

    def read(self, cell: Cell) -> str | Problem:
        """Return a cell with a weight, "nan" for an empty one, or what is wrong with it."""
        if cell is MISSING or (isinstance(cell, str) and is_blank(cell)):
            return "nan" if self._may_be_empty else missing(self.name, cell)
        if isinstance(cell, Unusable):
            return missing(self.name, cell)
        value = as_number(cell)
        if value is None or not 0.0 <= value < math.inf:
            rule = "but a weight is a finite number >= 0; correct it"
            return Problem(f"--weight: column {shown(self.name)} holds {shown(cell)}, {rule}", skippable=False)
        return cell

    def add(self, weight: str) -> None:
        """Add a weight."""
        self.cells.append(float(weight))
