"""The base class of fitted models: predict, score, save, write predictions.csv."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from slanted.common import atomic_files
from slanted.text.labels.examples import Examples
from slanted.text.labels.targets import Target
from slanted.text.models.persistence import packed, unpacked
from slanted.text.models.predictions_csv import Layout, write_predictions
from slanted.text.runs import run_folder
from slanted.text.runs.artefacts import SUMS, sums_in
from slanted.text.scoring.calibration import CALIBRATION, Calibration
from slanted.text.scoring.intervals import score_intervals
from slanted.text.scoring.metrics import score_predictions
from slanted.text.scoring.thresholds import DEFAULT
from slanted.text.settings import Settings


class Predictor(ABC):
    """A fitted model, or an ensemble of models.

    Attributes:
        target: The target that the model predicts: its task, labels and scaling.
        settings: The settings of the training.
        thresholds: The decision threshold of each label in multi-label classification, (labels,); None: 0.5.
        pairs: Whether the model was trained on pairs of texts; None if its folder does not record it.
        calibration: How the model was calibrated, or None.
    """

    needs_files = False  # whether predicting reads the model's folder

    def __init__(
        self,
        target: Target,
        settings: Settings,
        thresholds: np.ndarray | None = None,
        pairs: bool | None = None,
        calibration: Calibration | None = None,
    ) -> None:
        self.target, self.settings, self.thresholds, self.pairs = target, settings, thresholds, pairs
        self.calibration = calibration

    @abstractmethod
    def predict(self, texts: Sequence[str], texts_b: Sequence[str] | None) -> np.ndarray:
        """Predict probabilities, or numbers in regression.

        Args:
            texts: n texts.
            texts_b: The second texts of pairs, or None for single texts.

        Returns:
            Float64 probabilities (n, labels) or numbers (n, targets), in the order of the texts.
        """

    def predict_both(self, texts: Sequence[str], texts_b: Sequence[str] | None) -> tuple[np.ndarray, np.ndarray]:
        """Return two arrays, each as `predict` returns it: the predictions, and those without the calibration."""
        predicted, how = self.predict(texts, texts_b), self.calibration
        return predicted, predicted if how is None else how.undone(self.target.kind, predicted)

    @abstractmethod
    def save(self, folder: Path) -> None:
        """Write the model to an existing folder."""

    @classmethod
    @abstractmethod
    def load(cls, folder: Path) -> "Predictor":
        """Return the model from a folder that `save` wrote."""

    def __reduce__(self) -> tuple[Any, ...]:
        """Support pickling, as scikit-learn's tools need it: a pickle contains the files that `save` writes."""
        return unpacked, (self.load, packed(self))

    @property
    def decision_thresholds(self) -> float | np.ndarray:
        """`thresholds`, or 0.5 where it is None."""
        return DEFAULT if self.thresholds is None else self.thresholds

    def score(self, examples: Examples, both: tuple[np.ndarray, np.ndarray] | None = None) -> dict[str, Any]:
        """Return the scores of metrics.json on some rows.

        Args:
            examples: n rows.
            both: The result of `predict_both` for these rows; None: they are predicted now.
        """
        predicted, before = self.predict_both(examples.texts, examples.texts_b) if both is None else both
        positive, thresholds = self.settings.positive, self.decision_thresholds
        return score_predictions(self.target, examples.y, predicted, positive, thresholds, before)

    def intervals(self, examples: Examples, predicted: np.ndarray) -> dict[str, list[float]]:
        """Return the 95 % intervals of the headline scores on few rows, see `score_intervals`."""
        return score_intervals(self.target, examples.y, predicted, self.decision_thresholds)

    def write_predictions(
        self, path: Path, texts: Sequence[str], texts_b: Sequence[str] | None, layout: Layout | None = None
    ) -> None:
        """Predict, and write a file of predictions to a path that the user has typed, see `write_table`.

        Args:
            path: The file; if it is a symbolic link, its target is written.
            texts: n texts.
            texts_b: The second texts of pairs, or None for single texts.
            layout: The numbers of the rows, and further columns.
        """
        predicted, layout = self.predict(texts, texts_b), layout or Layout()
        write_predictions(path, self.target, predicted, self.decision_thresholds, layout, follow_links=True)

    def write_labels(self, folder: Path) -> None:
        """Write labels.json."""
        labels: dict[str, Any] = {"task": self.target.kind, "labels": list(self.target.labels)}
        if self.target.kind == "multilabel":
            labels["thresholds"] = np.broadcast_to(self.decision_thresholds, len(self.target.labels)).tolist()
        atomic_files.write_json(folder / run_folder.LABELS, labels)

    def write_recipe(self, folder: Path, more: dict[str, Any] | None = None) -> None:
        """Write recipe.json, with additional entries `more` and the SHA-256 of the files that are there by now."""
        how = {} if self.calibration is None else {CALIBRATION: self.calibration.to_dict()}
        recipe = {**self.settings.to_dict(), "pairs": self.pairs, **how, **(more or {}), SUMS: sums_in(folder)}
        atomic_files.write_json(folder / run_folder.RECIPE, recipe)
