"""Rows with their predictions, from a model or from predictions.csv."""

import csv
import io
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from slanted.common.regular_files import MOST_BYTES, open_regular
from slanted.errors import InputError
from slanted.text.labels.examples import Examples
from slanted.text.labels.targets import Target

ROWS_AT_ONCE = 2**16


@dataclass(frozen=True)
class Predicted:
    """Rows with their predictions.

    Attributes:
        examples: n rows.
        values: float64: probabilities (n, labels), or numbers (n, targets).
        decided: Class indices (n,); or 0 and 1, (n, labels); or the numbers.
    """

    examples: Examples
    values: np.ndarray
    decided: np.ndarray

    @property
    def truth(self) -> np.ndarray:
        """The labels in the shape of `values`: one-hot for classes."""
        if self.examples.y.ndim == 1:
            return np.equal.outer(self.examples.y, np.arange(self.values.shape[1])).astype("float64")
        return self.examples.y.astype("float64")

    def place(self, row: int) -> str:
        """Return the location of a row: `train.csv, line 7`, or `row 5` for texts from Python."""
        return f"row {row}" if self.examples.locations is None else self.examples.locations[row]


def read_predicted(path: Path, examples: Examples, target: Target, numbers: np.ndarray | None = None) -> Predicted:
    """Return the rows of `examples` with what a predictions.csv says of them.

    The decisions are read from the file, so that its thresholds do not matter. The file is read row by row, so that
    memory has only its numbers.

    Args:
        path: The file.
        examples: The rows.
        target: The target that the model predicts.
        numbers: The number of each row in the column `row`; None: counted from 0.

    Raises:
        InputError: The file does not contain the predictions of these rows.
    """
    count = len(target.labels)
    values = np.empty((len(examples), count))
    shapes = {"single": (len(examples),), "multilabel": values.shape}
    decided = np.empty(shapes[target.kind], "int64") if target.kind in shapes else values
    index, rows = {name: at for at, name in enumerate(target.names)}, 0
    try:
        with io.TextIOWrapper(open_regular(path), "utf-8", newline="") as file:
            lines = iter(partial(file.readline, MOST_BYTES), "")  # pieces of a line that would fill the memory
            for at, row in enumerate(itertools.islice(csv.reader(lines), 1, None)):
                if int(row[0]) != (at if numbers is None else numbers[at]):
                    raise ValueError(f"row {row[0]} is out of place")
                values[at] = list(map(float, row[-count:]))
                if target.kind == "single":
                    decided[at] = index[row[-count - 1]]
                elif target.kind == "multilabel":
                    decided[at] = list(map(int, row[-2 * count : -count]))
                rows = at + 1
    except (OSError, ValueError, LookupError, csv.Error) as error:
        raise _not_of_these_rows(path, repr(error)) from None
    if rows != len(examples):
        raise _not_of_these_rows(path, f"{rows} of {len(examples)} are there")
    if not np.isfinite(values).all() or (target.kind == "multilabel" and not np.isin(decided, (0, 1)).all()):
        raise _not_of_these_rows(path, "a number is not finite, or a decision is not 0 or 1")
    return Predicted(examples, values, decided)


def _not_of_these_rows(path: Path, why: str) -> InputError:
    return InputError(f"{path}: does not match the rows ({why}); restore the file or train again")


def predict_examples(model: Any, several: Sequence[Examples], target: Target) -> list[Predicted]:
    """Predict several sets of rows together, because JAX compiles each set of lengths; large sets one at a time.

    Args:
        model: A fitted model: `predict` and `decision_thresholds`.
        several: Rows, all with second texts or all without.
        target: What the model predicts.
    """
    if len(several) > 1 and sum(map(len, several)) > ROWS_AT_ONCE:  # their texts may be too many for memory
        return [one for examples in several for one in predict_examples(model, [examples], target)]
    texts, texts_b = several[0].texts, several[0].texts_b
    if len(several) > 1:
        texts = [text for examples in several for text in examples.texts]
        texts_b = None if texts_b is None else [text for examples in several for text in examples.texts_b or ()]
    values = model.predict(texts, texts_b)
    if target.kind == "single":
        decided = values.argmax(axis=1)
    else:
        decided = (values >= model.decision_thresholds).astype("int64") if target.kind == "multilabel" else values
    ends = np.cumsum([len(examples) for examples in several])[:-1]
    pieces = zip(several, np.split(values, ends), np.split(decided, ends), strict=True)
    return [Predicted(*piece) for piece in pieces]
