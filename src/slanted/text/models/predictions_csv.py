"""Write predictions.csv: row, prediction, probabilities."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from slanted.common import atomic_files
from slanted.errors import InputError
from slanted.text.labels.targets import Target

PROBABILITY_DECIMALS = 6


NUMBER_DIGITS = 9  # enough to distinguish any two float32 numbers


def write_predictions(
    path: Path,
    target: Target,
    predicted: np.ndarray,
    thresholds: float | np.ndarray,
    rows: Sequence[int] | np.ndarray | None = None,
    follow_links: bool = False,
) -> None:
    """Write a CSV file of row, prediction and probabilities, atomically.

    Args:
        path: The file.
        target: The target of the model.
        predicted: Probabilities (n, labels), or numbers (n, targets).
        thresholds: The decision thresholds of multi-label classification: a number, (labels,) or (n, labels).
        rows: The number of each row; None: counted from 0.
        follow_links: Whether to write to the target of a symbolic link, see `atomic_writer`.

    Raises:
        InputError: A prediction is not finite, or the file cannot be written.
    """
    invalid = np.flatnonzero(~np.isfinite(predicted).all(axis=1))
    if len(invalid):
        reason = f"the model's output for row {invalid[0]} is not finite: its weights are damaged"
        raise InputError(f"{path}: not written, as {reason}; restore them or train again")
    numbers = range(len(predicted)) if rows is None else map(int, rows)
    written = ([number, *cells] for number, cells in zip(numbers, _cells(target, predicted, thresholds), strict=True))
    atomic_files.write_rows(path, _header(target), written, follow_links)


def _header(target: Target) -> list[str]:
    names, kind = target.names, target.kind
    if kind == "regression":
        return ["row", "prediction"] if len(names) == 1 else ["row", *(f"prediction_{name}" for name in names)]
    first = ["prediction"] if kind == "single" else [f"prediction_{name}" for name in names]
    return ["row", *first, *(f"probability_{name}" for name in names)]


def _cells(target: Target, predicted: np.ndarray, thresholds: float | np.ndarray) -> Iterator[list[Any]]:
    above = predicted >= thresholds
    for row, values in enumerate(predicted):
        if target.kind == "regression":
            yield [f"{value:.{NUMBER_DIGITS}g}" for value in values]
            continue
        probabilities = [f"{value:.{PROBABILITY_DECIMALS}f}" for value in values]
        if target.kind == "single":
            yield [target.labels[int(values.argmax())], *probabilities]
        else:
            yield [*map(int, above[row]), *probabilities]
