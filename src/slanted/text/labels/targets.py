"""Labels -> the target of a model: the task, its classes or columns, and encoded labels."""

from dataclasses import dataclass, field

import numpy as np

from slanted.common.messages import listed, shown
from slanted.errors import InputError
from slanted.text.labels.class_labels import classes_of, encode_classes
from slanted.text.labels.label_table import Label, LabelColumns, as_label_columns
from slanted.text.labels.multilabel_cells import encode_sets, set_labels
from slanted.text.labels.numeric_labels import (
    check_all_vary,
    check_some_vary,
    encode_real,
    encode_zero_one,
    first_fractional,
)
from slanted.text.rows.label_lists import LIST_SEPARATOR
from slanted.text.settings import TASKS, Kind


@dataclass(frozen=True)
class Target:
    """The target of a model: one class a text, several labels a text, or numbers.

    Attributes:
        kind: The task.
        labels: The classes in order; or the names of the label columns; or those of the regression targets. Classes
            have the type that Python gave them; from a file they are the cells as they stand. Integers are in numerical
            order, also when they are strings; everything else is sorted as text.
        reason: Why the task was chosen, for the user to read.
    """

    kind: Kind
    labels: tuple[Label, ...]
    reason: str = field(default="", compare=False)

    @property
    def names(self) -> tuple[str, ...]:
        """The labels as strings, for the names of columns."""
        return tuple(str(label) for label in self.labels)

    def encode(self, labels: object) -> np.ndarray:
        """Return labels as numbers.

        Args:
            labels: `Rows`, or labels of Python (`as_label_columns`).

        Returns:
            Class indices, int32 (n,); or 0 and 1, float32 (n, labels); or numbers, float64 (n, targets).

        Raises:
            InputError: A label is not in the training data, or not the number it must be; the message names its place.
        """
        table = as_label_columns(labels)
        if table.separator is not None and self.kind == "multilabel":
            return encode_sets(self.labels, table)
        expected = 1 if self.kind == "single" else len(self.labels)
        if len(table.names) != expected:
            problem = f"{table.subject}: {len(table.names)} label columns, where the training data has {expected}"
            raise InputError(f"{problem}; give the same columns")
        if self.kind == "single":
            return encode_classes(self.labels, table)
        return encode_zero_one(table) if self.kind == "multilabel" else encode_real(table)

    def decode(self, indices: np.ndarray) -> list[Label]:
        """Return the class of each index of shape (n,), in its original type."""
        return [self.labels[index] for index in np.asarray(indices)]


def infer_target(labels: object, task: str = "auto") -> Target:
    """Return the target of training labels, after checking that they leave something to learn.

    With "auto", one column is regression if any value is a fractional number, else classes; several columns are
    regression if each holds a fractional number, else several labels, each 0 or 1. A column whose cells hold any number
    of labels makes several labels, whatever they are; lists of one label each make classes.

    Args:
        labels: `Rows`, or labels of Python (`as_label_columns`).
        task: "auto", "single", "multilabel" or "regression".

    Raises:
        InputError: The labels do not fit the task.
    """
    table = as_label_columns(labels)
    if task not in TASKS:
        raise InputError(f"{table.option('task', task)} is unknown; give one of {listed(TASKS)}")
    if table.separator is not None:
        return _sets(table, task)
    kind, reason = _infer(table) if task == "auto" else (task, f"{table.option('task', task)} says so")
    if kind == "single":
        return _single(table, reason)
    if kind == "multilabel":
        check_some_vary(table, encode_zero_one(table, undecided=True))
        return Target("multilabel", table.names, reason)
    check_all_vary(table, encode_real(table, undecided=True))
    return Target("regression", table.names, reason)


def _infer(table: LabelColumns) -> tuple[str, str]:
    rows = [first_fractional(cells) for cells in table.cells]
    if rows[0] is not None and None not in rows:
        return "regression", f"{table.holds(rows[0])}, a fractional number"
    if len(table.names) > 1:
        return "multilabel", f"{table.subject}: {len(table.names)} label columns of 0 and 1"
    return "single", f"{table.subject}: one column of labels without fractional numbers"


def _sets(table: LabelColumns, task: str) -> Target:
    is_list = table.separator == LIST_SEPARATOR
    if is_list and not table.label_names and task in ("auto", "single") and _is_one_each(table):
        reason = f"{table.subject}: column {shown(table.names[0])} holds lists of one label"
        return Target("single", classes_of(table), reason)
    between = "lists" if is_list else f"labels with {shown(table.separator)} between them"
    reason = f"{table.subject}: column {shown(table.names[0])} holds {between}"
    if task not in ("auto", "multilabel"):
        remedy = f"leave {table.option('task', task)} out, or give a column of one value a row"
        raise InputError(f"{reason}, which makes several labels a row; {remedy}")
    if table.label_names:
        reason += f" of {len(table.label_names)} numbers 0 or 1, a label each"
    target = Target("multilabel", table.label_names or set_labels(table), reason)
    check_some_vary(table, target.encode(table))
    return target


def _is_one_each(table: LabelColumns) -> bool:
    """Return whether each cell of a column of lists has one label."""
    return all(cell and LIST_SEPARATOR not in str(cell) for cell in set(table.cells[0]))


def _single(table: LabelColumns, reason: str) -> Target:
    if len(table.names) > 1:
        problem = f"{table.subject}: {table.option('task', 'single')} takes one label column, not {len(table.names)}"
        raise InputError(f"{problem}; keep one of {listed(table.names)}")
    return Target("single", classes_of(table), reason)
