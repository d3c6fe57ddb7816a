"""The base of all fitted models: predict, score, save, write predictions.csv."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from slanted.common import atomic_files
from slanted.text.labels.examples import Part
from slanted.text.labels.targets import Target
from slanted.text.models.persistence import packed, unpacked
from slanted.text.models.predictions_csv import write_predictions
from slanted.text.runs import run_folder
from slanted.text.scoring.metrics import score_predictions
from slanted.text.scoring.thresholds import DEFAULT
from slanted.text.settings import Settings


class Predictor(ABC):
    """A fitted model, or several that predict together.

    Attributes:
        target: What it predicts.
        settings: What it was trained with.
        thresholds: Of several labels: from which probability on each is predicted, (labels,); None: 0.5.
        pairs: Whether it learnt from pairs of texts; None: its folder does not say.
    """

    needs_files = False  # whether its folder is read again after `load`

    def __init__(
        self, target: Target, settings: Settings, thresholds: np.ndarray | None = None, pairs: bool | None = None
    ) -> None:
        self.target, self.settings, self.thresholds, self.pairs = target, settings, thresholds, pairs

    @abstractmethod
    def predict(self, texts: Sequence[str], texts_b: Sequence[str] | None) -> np.ndarray:
        """Return float64 probabilities (n, labels), or numbers (n, targets), in the texts' order."""

    @abstractmethod
    def save(self, folder: Path) -> None:
        """Write what `load` reads to a folder that exists."""

    @classmethod
    @abstractmethod
    def load(cls, folder: Path) -> "Predictor":
        """Return the model that `save` wrote to a folder."""

    def __reduce__(self) -> tuple[Any, ...]:
        """Be pickled, by scikit-learn's tools too, as the files that `save` writes."""
        return unpacked, (self.load, packed(self))

    @property
    def cuts(self) -> float | np.ndarray:
        """The thresholds, or 0.5."""
        return DEFAULT if self.thresholds is None else self.thresholds

    def score(self, part: Part, predicted: np.ndarray | None = None) -> dict[str, Any]:
        """Return metrics.json's scores on some rows.

        Args:
            part: n rows.
            predicted: What `predict` returns for them; None: they are predicted now.
        """
        if predicted is None:
            predicted = self.predict(part.texts, part.texts_b)
        return score_predictions(self.target, part.y, predicted, self.settings.positive, self.cuts)

    def write_predictions(self, path: Path, texts: Sequence[str], texts_b: Sequence[str] | None) -> None:
        """Write predictions.csv to a path that the user has typed: the row, the prediction, the probabilities."""
        write_predictions(path, self.target, self.predict(texts, texts_b), self.cuts, follow_links=True)

    def write_labels(self, folder: Path) -> None:
        """Write labels.json."""
        labels: dict[str, Any] = {"task": self.target.kind, "labels": list(self.target.labels)}
        if self.target.kind == "multilabel":
            labels["thresholds"] = np.broadcast_to(self.cuts, len(self.target.labels)).tolist()
        atomic_files.write_json(folder / run_folder.LABELS, labels)

    def write_recipe(self, folder: Path, more: dict[str, Any] | None = None) -> None:
        """Write recipe.json, with further entries."""
        own = {**self.settings.to_dict(), "pairs": self.pairs}
        atomic_files.write_json(folder / run_folder.RECIPE, {**own, **(more or {})})
