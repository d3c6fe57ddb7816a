"""predictions.csv: the row, the prediction, the probabilities."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from slanted.common import atomic_files
from slanted.errors import InputError
from slanted.text.labels.targets import Target

PROBABILITY_DECIMALS = 6


NUMBER_DIGITS = 9  # as many as tell any two float32 numbers apart


def write_predictions(
    path: Path,
    target: Target,
    predicted: np.ndarray,
    thresholds: float | np.ndarray,
    rows: Sequence[int] | np.ndarray | None = None,
    follow_links: bool = False,
) -> None:
    """Write a CSV file of row, prediction and probabilities, whole or not at all.

    Args:
        path: The file.
        target: What is predicted.
        predicted: Probabilities (n, labels), or numbers (n, targets).
        thresholds: Of several labels: from which probability on each is predicted; one, (labels,) or (n, labels).
        rows: The number of each row; None: from 0 on.
        follow_links: As in `written_whole`: whether the user has typed the path.

    Raises:
        InputError: The model gives what is no finite number, or the file cannot be written.
    """
    unsound = np.flatnonzero(~np.isfinite(predicted).all(axis=1))
    if len(unsound):
        found = f"the model gives what is no finite number for row {unsound[0]}: its weights are damaged"
        raise InputError(f"{path}: not written, as {found}; restore them or train again")
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
    over = predicted >= thresholds
    for row, values in enumerate(predicted):
        if target.kind == "regression":
            yield [f"{value:.{NUMBER_DIGITS}g}" for value in values]
            continue
        shown = [f"{value:.{PROBABILITY_DECIMALS}f}" for value in values]
        if target.kind == "single":
            yield [target.labels[int(values.argmax())], *shown]
        else:
            yield [*map(int, over[row]), *shown]
