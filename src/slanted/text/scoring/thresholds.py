"""Per-label decision thresholds for several labels, chosen on the validation rows to maximise F1.

Each threshold has the largest F1 on the validation rows. Between two neighbouring probabilities every threshold
predicts the same: 0.5 stands for an interval that holds it, the middle for any other. Of several with the same F1 the
one nearest 0.5 is taken, so that a label whose F1 no threshold raises keeps 0.5, as does one that no validation row
has: few positives move a threshold only where that makes a difference. (Lipton et al. 2014 on thresholds and F1: the
best one lies near half of the best F1, below 0.5 for hard and rare labels.)

They are chosen once, for the best epoch: epochs are compared at 0.5, with `--best-by micro_f1` too. The thresholds of
the baselines follow the same rule. Without a test file the thresholds are chosen and scored on the same rows, which
makes the scores of both the model and the baselines too high.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

DEFAULT = 0.5


def best_thresholds(truth: np.ndarray, probabilities: np.ndarray) -> NDArray[np.float64]:
    """Return the threshold of each label, float64 of shape (labels,).

    Args:
        truth: 0 or 1, of shape (n, labels).
        probabilities: Of shape (n, labels).
    """
    columns = zip(truth.T > 0.5, probabilities.T, strict=True)
    return np.array([_best_threshold(*column) for column in columns])


def mean_thresholds(each: Sequence[np.ndarray | None]) -> np.ndarray | None:
    """Return the mean of several models' thresholds, or None if one has none."""
    known = [thresholds for thresholds in each if thresholds is not None]
    return np.mean(known, axis=0) if len(known) == len(each) else None


def _best_threshold(truth: np.ndarray, probabilities: np.ndarray) -> float:
    if not truth.any():
        return DEFAULT
    order = np.argsort(-probabilities, kind="stable")
    ranked, hits = probabilities[order], np.cumsum(truth[order])
    predicted = np.append(np.flatnonzero(np.diff(ranked)), len(ranked) - 1)  # the last row of each probability
    f1 = 2 * hits[predicted] / (predicted + 1 + truth.sum())
    lower = np.append(ranked[predicted[1:]], 0.0)  # the next probability, which is not predicted
    upper = ranked[predicted]
    middle = np.where((lower < DEFAULT) & (upper >= DEFAULT), DEFAULT, (lower + upper) / 2)
    best = np.flatnonzero(f1 == f1.max())
    return float(middle[best[np.argmin(np.abs(middle[best] - DEFAULT))]])
