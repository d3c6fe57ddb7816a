"""Texts with their labels as numbers: what a model learns from, is scored on or predicts."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from slanted.text.formats.row_locations import RowLocations
from slanted.text.labels.targets import Target
from slanted.text.rows.rows import Rows
from slanted.text.rows.text_storage import take_texts


@dataclass(frozen=True)
class Examples:
    """n texts, or pairs of texts, and their labels.

    Attributes:
        texts: The texts.
        texts_b: The second texts of pairs, or None.
        labels: Their labels as `Target.encode` returns them, or None: the texts are only to be predicted.
        locations: The file and the line of each example, or None for texts from Python.
        groups: int64 array of shape (n,), the group of each example, or None: each is a group of its own.
        weights: float array of shape (n,), by which the losses are multiplied in training; None: all are 1.
    """

    texts: Sequence[str]
    texts_b: Sequence[str] | None = None
    labels: np.ndarray | None = None
    locations: RowLocations | None = None
    groups: np.ndarray | None = None
    weights: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.texts)

    @property
    def y(self) -> np.ndarray:
        """The labels, which must be there."""
        assert self.labels is not None, "these examples have no labels"
        return self.labels

    @classmethod
    def of(cls, rows: Rows, target: Target) -> "Examples":
        """Return the texts of `rows` with their labels encoded."""
        groups = None if "group" not in rows.names else np.unique(rows.names["group"], return_inverse=True)[1]
        return cls(rows.texts, rows.texts_b, target.encode(rows), rows.locations, groups)

    def take(self, indices: np.ndarray) -> "Examples":
        """Return the examples at these positions, in this order."""
        texts_b = None if self.texts_b is None else take_texts(self.texts_b, indices)
        labels = None if self.labels is None else self.labels[indices]
        locations = None if self.locations is None else self.locations.take(indices)
        groups = None if self.groups is None else self.groups[indices]
        weights = None if self.weights is None else self.weights[indices]
        return Examples(take_texts(self.texts, indices), texts_b, labels, locations, groups, weights)

    def that_count(self) -> "Examples":
        """Return the examples whose weight is not 0, with weights of the mean 1, for models of all examples at once."""
        if self.weights is None:
            return self
        counting = self.take(np.flatnonzero(self.weights))
        weights = self.weights[self.weights > 0].astype("float64")
        return replace(counting, weights=weights / weights.mean())

    def where(self, row: int) -> str:
        """Return `train.csv, line 7`, or `labels[5]` for examples from Python."""
        return f"labels[{row}]" if self.locations is None else self.locations[row]
