"""Temperature scaling: all outputs are divided by one number, so that probabilities come true as often as they say.

The temperature T is the one with the smallest cross-entropy on rows that the model was not trained on (Guo et al.
2017, arXiv 1706.04599, section 4.2); the class of the largest output stays the same. A prior keeps few rows from
moving it far: ln T is normally distributed with mean 0 and standard deviation `PRIOR_DEVIATION`, so that T stays near 1
where, say, 50 of 50 rows are predicted correctly, whose cross-entropy would be smallest with T = 0.

A run without validation rows, as `auto` makes it of fewer than 2,000 rows, has none to fit T on. From 1,000 rows on a
second model then learns four fifths of them as the first one has learnt all; T is fitted on the last fifth, and is used
for the first. With fewer rows T is too uncertain, and the second model would take a large part of a short run.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from slanted.errors import InputError
from slanted.text.labels.targets import Kind
from slanted.text.scoring.outputs_and_losses import probabilities_of

CALIBRATION = "calibration"  # the entry of recipe.json and metrics.json
LEAST_ROWS = 50
LEAST_TO_HALVE = 200  # validation rows: with as many, one half selects the epoch, and the other calibrates
LEAST_TO_SPLIT, MOST_TO_SPLIT, SPLIT_SHARE = 1_000, 2_000, 0.2  # training rows, without validation rows
PRIOR_DEVIATION = 0.5
LARGEST = 20.0  # of T; the smallest is its inverse
SMALLEST_PROBABILITY = 1e-300
FROM_HALF, FROM_VALID, FROM_FOLDS = "half of the validation rows", "validation rows", "out-of-fold rows"
FROM_SPLIT = "rows that a second model did not learn"


@dataclass(frozen=True)
class Calibration:
    """The calibration of a model.

    Attributes:
        temperature: T, by which the outputs are divided; the weights of the last layer contain it.
        rows: The number of rows that it was fitted on.
        source: What these rows are.
    """

    temperature: float
    rows: int
    source: str

    @classmethod
    def fitted(cls, kind: Kind, probabilities: np.ndarray, y: np.ndarray, source: str) -> "Calibration | None":
        """Return the calibration that fits rows; None for fewer than `LEAST_ROWS`.

        Args:
            kind: "single" or "multilabel".
            probabilities: Predictions of a model that was not trained on the rows, (n, labels).
            y: The true labels, as `Target.encode` gives them.
            source: What the rows are.
        """
        return None if len(y) < LEAST_ROWS else cls(_temperature(kind, probabilities, y), len(y), source)

    @classmethod
    def of(cls, recipe: Mapping[str, Any]) -> "Calibration | None":
        """Return the calibration that a recipe.json names, or None.

        Raises:
            InputError: The entry is damaged.
        """
        entry = recipe.get(CALIBRATION)
        if entry is None:
            return None
        try:
            found = cls(float(entry["temperature"]), int(entry["rows"]), str(entry["source"]))
        except (TypeError, ValueError, LookupError, OverflowError):
            found = cls(np.nan, 0, "")
        if not 1 / LARGEST <= found.temperature <= LARGEST:
            raise InputError(f"{CALIBRATION!r} must have a temperature from {1 / LARGEST:g} to {LARGEST:g}")
        return found

    def to_dict(self) -> dict[str, Any]:
        """Return the entry of recipe.json and metrics.json."""
        return asdict(self)

    def __str__(self) -> str:
        """Return a line for the user."""
        return f"calibration: temperature {self.temperature:.3f}, fitted on {self.source} ({self.rows:,})"

    def fold_into(self, classifier: Any) -> None:
        """Divide the weights of the last layer by the temperature, so that plain KerasHub is calibrated too."""
        kernel, bias = classifier.output_dense.get_weights()
        classifier.output_dense.set_weights([kernel / self.temperature, bias / self.temperature])

    def calibrated(self, kind: Kind, probabilities: np.ndarray) -> np.ndarray:
        """Return the probabilities that the calibrated model gives where the model gives these."""
        return tempered(kind, probabilities, self.temperature)

    def undone(self, kind: Kind, probabilities: np.ndarray) -> np.ndarray:
        """Return the probabilities before calibration of those of the calibrated model."""
        return tempered(kind, probabilities, 1.0 / self.temperature)


def needs_second_model(kind: Kind, rows: int, is_validated: bool, calibrate: str) -> bool:
    """Return whether a second model is trained to find the temperature.

    Args:
        kind: The task.
        rows: The number of training rows.
        is_validated: Whether there are validation rows.
        calibrate: The setting.
    """
    wanted = calibrate != "none" and kind != "regression" and not is_validated
    return wanted and LEAST_TO_SPLIT <= rows < MOST_TO_SPLIT


def tempered(kind: Kind, probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """Return the probabilities of outputs that are divided by a temperature, from those of the outputs themselves.

    Args:
        kind: "single" or "multilabel".
        probabilities: Those of the outputs themselves, in [0, 1], of shape (n, labels).
        temperature: T, > 0.

    Returns:
        Float64 probabilities, of shape (n, labels).

    >>> tempered("single", np.array([[0.8, 0.2]]), 0.5).round(4).tolist()
    [[0.9412, 0.0588]]
    >>> tempered("multilabel", np.array([[0.8, 0.5]]), 0.5).round(4).tolist()
    [[0.9412, 0.5]]
    """
    logarithms = np.log(np.maximum(probabilities, SMALLEST_PROBABILITY)) / temperature
    if kind == "single":
        return probabilities_of("single", logarithms)
    others = np.log1p(-np.minimum(probabilities, 1.0 - np.finfo("float64").epsneg)) / temperature
    return np.exp(-np.logaddexp(0.0, others - logarithms))


def _temperature(kind: Kind, probabilities: np.ndarray, y: np.ndarray) -> float:
    from scipy.optimize import minimize_scalar

    def misfit(logarithm: float) -> float:
        seen = tempered(kind, probabilities, float(np.exp(logarithm)))
        true = seen[np.arange(len(y)), y] if kind == "single" else np.where(y > 0.5, seen, 1.0 - seen)
        loss = -np.log(np.maximum(true, SMALLEST_PROBABILITY)).sum()
        return float(loss) + 0.5 * (logarithm / PRIOR_DEVIATION) ** 2

    bound = np.log(LARGEST)
    best: Any = minimize_scalar(misfit, bounds=(-bound, bound), method="bounded", options={"xatol": 1e-6})
    return float(np.exp(best.x))
