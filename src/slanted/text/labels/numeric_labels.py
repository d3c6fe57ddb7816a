"""Numeric labels: columns of 0 and 1 for several labels a text, columns of real numbers for regression."""

from collections.abc import Sequence

import numpy as np

from slanted.common.messages import shown
from slanted.errors import InputError
from slanted.text.formats.cells import as_number, is_fractional
from slanted.text.labels.label_table import Label, LabelColumns

_LARGEST = float(np.finfo(np.float32).max)
# A saved model adds its bias in float32, whose numbers lie up to 2**-23 of their size apart: a deviation of 2**-20 of
# the mean spans eight of them. Below the other bound the weights times the deviation would come near float32's zero.
_LEAST_DEVIATION_OF_MEAN = 2.0**-20
_LEAST_DEVIATION = float(np.finfo(np.float32).tiny) * 2.0**20


def encode_zero_one(table: LabelColumns, undecided: bool = False) -> np.ndarray:
    """Return columns of 0 and 1, float32 of shape (n, labels).

    Args:
        table: The labels.
        undecided: Whether another task can still be chosen, as a remedy.

    Raises:
        InputError: A cell is neither; the message names its place.
    """
    values = _numbers(table)
    remedy = "correct it" + (f", or for scores give {table.option('task', 'regression')}" if undecided else "")
    _check_cells(table, (values == 0) | (values == 1), f"but each of several label columns is 0 or 1; {remedy}")
    return values.astype(np.float32)


def encode_real(table: LabelColumns, undecided: bool = False) -> np.ndarray:
    """Return columns of real numbers, float64 of shape (n, targets): float32 could not tell 1700000000.5 from the next.

    Args:
        table: The labels.
        undecided: Whether another task can still be chosen, as a remedy.

    Raises:
        InputError: A cell is no number, not finite, or beyond float32; the message names its place.
    """
    values = _numbers(table)
    remedy = "correct it" + (f", or if the labels are names give {table.option('task', 'single')}" if undecided else "")
    _check_cells(table, np.isfinite(values), f"which is no finite number, as regression needs; {remedy}")
    _check_cells(table, np.abs(values) <= _LARGEST, f"which is beyond {_LARGEST:.2g}; rescale the column")
    return values


def first_fractional(cells: Sequence[Label]) -> int | None:
    """Return the first row that holds a fractional number, or None."""
    fractional = {cell for cell in set(cells) if is_fractional(cell)}
    return next((row for row, cell in enumerate(cells) if cell in fractional), None) if fractional else None


def deviations(values: np.ndarray) -> np.ndarray:
    """Return each column's standard deviation, float64 (columns,): 0 where all rows are the same.

    Rounding alone would give equal rows of 0.1 a deviation of some 1e-17.
    """
    return np.where(np.ptp(values, axis=0) == 0, 0.0, values.std(axis=0, dtype="float64"))


def check_some_vary(table: LabelColumns, values: np.ndarray) -> None:
    """Raise if all rows are the same: several labels."""
    if not np.ptp(values, axis=0).any():
        problem = f"{table.subject}: every row has the same labels, which leaves nothing to learn"
        raise InputError(f"{problem}; add other rows")


def check_all_vary(table: LabelColumns, values: np.ndarray) -> None:
    """Raise if a column is the same in all rows, or almost: regression, which scales by the deviation."""
    constant = np.flatnonzero(np.ptp(values, axis=0) == 0)
    if len(constant):
        column = int(constant[0])
        problem = f"{table.subject}: column {shown(table.names[column])} is {shown(table.cells[column][0])}"
        raise InputError(f"{problem} in every row, which leaves nothing to learn; leave it out or add other rows")
    for name, mean, deviation in zip(table.names, values.mean(axis=0), deviations(values), strict=True):
        problem = f"{table.subject}: column {shown(name)} has the deviation {deviation:.3g}"
        if deviation < abs(mean) * _LEAST_DEVIATION_OF_MEAN:
            rule = f"too small beside its mean {mean:.3g} for the float32 numbers of a model to tell rows apart"
            raise InputError(f"{problem}, {rule}; subtract a constant from the column, such as its mean")
        if deviation < _LEAST_DEVIATION:
            raise InputError(f"{problem}, too small for the float32 numbers of a model; multiply the column")


def _numbers(table: LabelColumns) -> np.ndarray:
    """Return the cells' values, float64 of shape (n, columns), NaN where one is no number."""
    values = np.empty((len(table), len(table.names)))
    for at, cells in enumerate(table.cells):
        known = {cell: as_number(cell) for cell in set(cells)}
        values[:, at] = [known[cell] for cell in cells]
    return values


def _check_cells(table: LabelColumns, good: np.ndarray, rule: str) -> None:
    if not good.all():
        row, column = (int(place) for place in np.argwhere(~good)[0])
        raise InputError(f"{table.holds(row, column)}, {rule}")
