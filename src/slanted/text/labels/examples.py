"""Texts with their labels as numbers: what a model learns from or is scored on."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from slanted.text.formats.row_locations import Places
from slanted.text.labels.targets import Target
from slanted.text.rows.rows import Rows
from slanted.text.rows.text_storage import take_texts


@dataclass(frozen=True)
class Part:
    """Some texts and what is true of them.

    Attributes:
        texts: n texts.
        texts_b: n second texts, or None.
        y: Their labels as `Target.encode` gives them.
        places: The file and the line of each, or None where Python gave the texts.
    """

    texts: Sequence[str]
    texts_b: Sequence[str] | None
    y: np.ndarray
    places: Places | None = None

    def __len__(self) -> int:
        return len(self.texts)

    @classmethod
    def of(cls, rows: Rows, target: Target) -> "Part":
        """Return the texts of `rows` with their labels encoded."""
        return cls(rows.texts, rows.texts_b, target.encode(rows), rows.places)

    def take(self, indices: np.ndarray) -> "Part":
        """Return the given rows, in the given order."""
        second = None if self.texts_b is None else take_texts(self.texts_b, indices)
        places = None if self.places is None else self.places.take(indices)
        return Part(take_texts(self.texts, indices), second, self.y[indices], places)
