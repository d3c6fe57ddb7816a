"""Rows with what a model says of them, as predictions.csv has it."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from slanted.text.data import Part
from slanted.text.targets import Target


@dataclass(frozen=True)
class Predicted:
    """Rows, what is true of them and what a model says.

    Attributes:
        part: n rows.
        values: float64: probabilities (n, labels), or numbers (n, targets).
        decided: Class indices (n,); or 0 and 1, (n, labels); or the numbers.
    """

    part: Part
    values: np.ndarray
    decided: np.ndarray

    @property
    def truth(self) -> np.ndarray:
        """The labels in the shape of `values`: one-hot for classes."""
        if self.part.y.ndim == 1:
            return np.equal.outer(self.part.y, np.arange(self.values.shape[1])).astype("float64")
        return self.part.y.astype("float64")

    def place(self, row: int) -> str:
        """Return `train.csv, line 7`, or `row 5` where Python gave the texts."""
        return f"row {row}" if self.part.places is None else self.part.places[row]


def read_predicted(path: Path, part: Part, target: Target) -> Predicted:
    """Return the rows of `part` with what a predictions.csv says of them.

    The decisions are the file's own, whatever the thresholds they were taken by.
    """
    with open(path, encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))[1:]
    if target.kind == "single":
        index = {name: at for at, name in enumerate(target.names)}
        decided = np.array([index[row[1]] for row in rows])
        return Predicted(part, np.array([row[2:] for row in rows], "float64"), decided)
    numbers = np.array([row[1:] for row in rows], "float64")
    if target.kind == "regression":
        return Predicted(part, numbers, numbers)
    count = len(target.labels)
    return Predicted(part, numbers[:, count:], numbers[:, :count])


def predict_parts(model: Any, parts: Sequence[Part], target: Target) -> list[Predicted]:
    """Predict several sets of rows at once: each set of lengths compiles on JAX.

    Args:
        model: A fitted model: `predict` and the thresholds `cuts`.
        parts: Rows, all with second texts or all without.
        target: What the model predicts.
    """
    texts = [text for part in parts for text in part.texts]
    pairs = parts[0].texts_b is not None
    values = model.predict(texts, [text for part in parts for text in part.texts_b or ()] if pairs else None)
    if target.kind == "single":
        decided = values.argmax(axis=1)
    else:
        decided = (values >= model.cuts).astype("int64") if target.kind == "multilabel" else values
    ends = np.cumsum([len(part) for part in parts])[:-1]
    pieces = zip(parts, np.split(values, ends), np.split(decided, ends), strict=True)
    return [Predicted(*piece) for piece in pieces]
