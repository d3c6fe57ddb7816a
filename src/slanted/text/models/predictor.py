"""What any fitted model does with texts: predict, score, write predictions.csv."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from slanted.text.labels.targets import Target
from slanted.text.models.persistence import packed, unpacked
from slanted.text.runs import run_folder
from slanted.text.runs.run_data import Part
from slanted.text.scoring.metrics import score_predictions
from slanted.text.scoring.thresholds import DEFAULT
from slanted.text.settings import Settings

PROBABILITY_DECIMALS = 6
NUMBER_DIGITS = 9  # as many as tell any two float32 numbers apart


class Predictor(ABC):
    """A fitted model, or several that predict together.

    Attributes:
        target: What it predicts.
        settings: What it was trained with.
        thresholds: Of several labels: from which probability on each is predicted, (labels,); None: 0.5.
        pairs: Whether it learnt from pairs of texts; None: its folder does not say.
    """

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

    def __reduce__(self) -> tuple[Any, ...]:
        """Be pickled, by scikit-learn's tools too, as the files that `save` writes."""
        return unpacked, (packed(self),)

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
        """Write predictions.csv: the row, the prediction, the probabilities."""
        write_predictions(path, self.target, self.predict(texts, texts_b), self.cuts)

    def write_labels(self, folder: Path) -> None:
        """Write labels.json."""
        labels: dict[str, Any] = {"task": self.target.kind, "labels": list(self.target.labels)}
        if self.target.kind == "multilabel":
            labels["thresholds"] = np.broadcast_to(self.cuts, len(self.target.labels)).tolist()
        run_folder.write_json(folder / run_folder.LABELS, labels)

    def write_recipe(self, folder: Path, more: dict[str, Any] | None = None) -> None:
        """Write recipe.json, with further entries."""
        own = {**self.settings.to_dict(), "pairs": self.pairs}
        run_folder.write_json(folder / run_folder.RECIPE, {**own, **(more or {})})


def write_predictions(
    path: Path,
    target: Target,
    predicted: np.ndarray,
    thresholds: float | np.ndarray,
    rows: Sequence[int] | np.ndarray | None = None,
) -> None:
    """Write a CSV file of row, prediction and probabilities, whole or not at all.

    Args:
        path: The file.
        target: What is predicted.
        predicted: Probabilities (n, labels), or numbers (n, targets).
        thresholds: Of several labels: from which probability on each is predicted; one, (labels,) or (n, labels).
        rows: The number of each row; None: from 0 on.
    """
    numbers = range(len(predicted)) if rows is None else map(int, rows)
    written = ([number, *cells] for number, cells in zip(numbers, _cells(target, predicted, thresholds), strict=True))
    run_folder.write_rows(path, _header(target), written)


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
