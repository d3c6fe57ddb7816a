"""Write predictions.csv: row, prediction, probabilities."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from slanted.common.messages import shown
from slanted.errors import InputError
from slanted.text.labels.targets import Target
from slanted.text.models.table_files import write_table

PROBABILITY_DECIMALS = 6
NUMBER_DIGITS = 9  # enough to distinguish any two float32 numbers
ROW, FOLD = "row", "fold"


@dataclass(frozen=True)
class Layout:
    """What a file of predictions has beside them.

    Attributes:
        rows: The number of each row; None: counted from 0.
        kept: Further columns, after `row`: their names and n cells each.
        submission: The name of the prediction's column in a file that has only the columns `kept` and this one; None:
            all columns are written.
    """

    rows: Sequence[int] | np.ndarray | None = None
    kept: Mapping[str, Sequence[Any] | np.ndarray] = field(default_factory=dict)
    submission: str | None = None


_ALONE = Layout()


def write_predictions(
    path: Path,
    target: Target,
    predicted: np.ndarray,
    thresholds: float | np.ndarray,
    layout: Layout = _ALONE,
    follow_links: bool = False,
) -> None:
    """Write a file of row, prediction and probabilities, atomically; its name says the format, as in `write_table`.

    Args:
        path: The file.
        target: The target of the model.
        predicted: Probabilities (n, labels), or numbers (n, targets).
        thresholds: The decision thresholds of multi-label classification: a number, (labels,) or (n, labels).
        layout: The numbers of the rows, and further columns.
        follow_links: Whether to write to the target of a symbolic link, see `atomic_writer`.

    Raises:
        InputError: A prediction is not finite, or the file cannot be written.
    """
    invalid = np.flatnonzero(~np.isfinite(predicted).all(axis=1))
    if len(invalid):
        reason = f"the model's output for row {invalid[0]} is not finite: its weights are damaged"
        raise InputError(f"{path}: not written, as {reason}; restore them or train again")
    columns: dict[str, type] = {ROW: int} if layout.submission is None else {}
    numbers = range(len(predicted)) if layout.rows is None else map(int, layout.rows)
    leading: list[Iterable[Any]] = [numbers] if columns else []
    columns |= {name: int if isinstance(cells, np.ndarray) else str for name, cells in layout.kept.items()}
    leading += list(layout.kept.values())
    most, written = None, prediction_columns(target)
    if layout.submission is not None:
        most, written = 1, {layout.submission: written["prediction"]}
    cells = _cells(target, predicted, thresholds)
    rows = ([*before, *after[:most]] for *before, after in zip(*leading, cells, strict=True))
    write_table(path, columns | written, rows, follow_links)


def prediction_columns(target: Target) -> dict[str, type]:
    """Return the names of the columns of predictions, and the type of their values."""
    names, kind = target.names, target.kind
    if kind == "regression":
        return {"prediction": float} if len(names) == 1 else {f"prediction_{name}": float for name in names}
    first = (
        {"prediction": _type_of(target.labels)} if kind == "single" else {f"prediction_{name}": int for name in names}
    )
    return first | {f"probability_{name}": float for name in names}


def check_free(written: Collection[str], kept: Collection[str]) -> None:
    """Raise if a further column has the name of a column of predictions.

    Raises:
        InputError: One has.
    """
    for name in kept:
        if name == ROW or name in written:
            problem = f"--keep: the predictions have a column {shown(name)} of their own"
            raise InputError(f"{problem}; rename that of the file, or keep the others by their names")


def _type_of(labels: Sequence[Any]) -> type:
    """Return the type of all labels, str if they have several."""
    types = {type(label) for label in labels}
    return types.pop() if types in ({int}, {float}) else str


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
