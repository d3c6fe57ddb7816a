"""95 % intervals of scores on few rows: how far they may be from those on many rows of the same kind."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from slanted.text.labels.targets import Target
from slanted.text.scoring.headline import HEADLINE
from slanted.text.scoring.metrics import f1_scores, score_regression

FEW_ROWS = 200
TEST_INTERVALS = "test_intervals"  # the entry of metrics.json
RESAMPLES, SEED = 1000, 0
_LEVEL = (2.5, 97.5)  # percentiles

Intervals = dict[str, list[float]]


def wilson_interval(share: float, rows: int) -> tuple[float, float]:
    """Return the 95 % interval of a share (Wilson's score interval).

    >>> [round(bound, 3) for bound in wilson_interval(0.5, 100)]
    [0.404, 0.596]
    """
    z2 = 1.959964**2
    middle = (share + z2 / (2 * rows)) / (1 + z2 / rows)
    half = math.sqrt(z2 * (share * (1 - share) / rows + z2 / (4 * rows**2))) / (1 + z2 / rows)
    return max(0.0, middle - half), min(1.0, middle + half)


def score_intervals(
    target: Target, y: np.ndarray, predictions: np.ndarray, thresholds: float | np.ndarray = 0.5
) -> Intervals:
    """Return the 95 % intervals of the headline scores of a task, if the rows are fewer than 200.

    That of the accuracy is Wilson's. The others are the percentile bootstrap (Efron 1979) with 1,000 samples of the
    rows and a fixed seed. A score that is the same in all samples, such as an F1 of 1, has no interval: the bootstrap
    cannot tell how far it is from that of other rows.

    Args:
        target: The task and its labels.
        y: The n encoded labels, as `Target.encode` returns them.
        predictions: Probabilities (n, labels), or numbers (n, targets).
        thresholds: The decision thresholds of multi-label classification: a number, or (labels,).

    Returns:
        The lower and the upper end for each score; empty for 200 rows or more.
    """
    rows = len(y)
    if rows >= FEW_ROWS:
        return {}
    score = _scorer(target, np.asarray(y), np.asarray(predictions, np.float64), thresholds)
    draw = np.random.default_rng(SEED)
    samples = [score(draw.integers(rows, size=rows)) for _ in range(RESAMPLES)]
    intervals: Intervals = {}
    for key in HEADLINE[target.kind]:
        values = [sample[key] for sample in samples if key in sample]
        if key == "accuracy":
            intervals[key] = list(wilson_interval(score(np.arange(rows))[key], rows))
        elif values and min(values) < max(values):
            intervals[key] = np.percentile(values, _LEVEL).tolist()
    return intervals


def _scorer(
    target: Target, y: np.ndarray, predictions: np.ndarray, thresholds: float | np.ndarray
) -> Callable[[np.ndarray], Mapping[str, Any]]:
    """Return a function that scores the rows at some positions."""
    names = target.names
    if target.kind == "regression":
        return lambda at: score_regression(y[at], predictions[at], names, 0.0)
    if target.kind == "multilabel":
        truth, predicted = y > 0.5, predictions >= thresholds
        return lambda at: f1_scores(truth[at], predicted[at], names)
    labels, classes = predictions.argmax(axis=1), np.arange(len(names))
    truth, predicted, correct = np.equal.outer(y, classes), np.equal.outer(labels, classes), labels == y
    return lambda at: {"accuracy": correct[at].mean(), **f1_scores(truth[at], predicted[at], names)}
