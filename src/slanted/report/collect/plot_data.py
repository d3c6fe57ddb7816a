"""Data of the plots of predictions: confusion matrix, outcomes of labels, calibration, scatter plot, text lengths."""

from typing import Any

import numpy as np

from slanted.report.collect.predicted_rows import Predicted
from slanted.text.labels.targets import Target
from slanted.text.models.predictions_csv import NUMBER_DIGITS
from slanted.text.scoring.calibration import Calibration
from slanted.text.scoring.metrics import CALIBRATION_BINS

MOST_POINTS = 500
MOST_PLOTS = 12


def quality_of(predicted: Predicted, target: Target, how: Calibration | None = None) -> dict[str, Any]:
    """Return the data of the plots for a task.

    Args:
        predicted: The rows, with the predictions of one model or of several that were calibrated together.
        target: The target that is predicted.
        how: How the model was calibrated, or None.

    Returns:
        Classification: `confusion`, [true, predicted, rows] of every pair that occurs, and `calibration`. Multi-label
        classification: `outcomes`, {"found", "missed", "wrong"} for each label, and `calibration`. Regression:
        `scatter`, [true, predicted] of at most 500 rows for each target. Where the model was calibrated,
        `uncalibrated` is what `calibration` was before.
    """
    if target.kind == "regression":
        return {"scatter": scatter(predicted.examples.y, predicted.values)}
    if target.kind == "multilabel":
        truth = predicted.truth
        shown: dict[str, Any] = {"outcomes": outcomes(truth, predicted.decided)}
        confidences, right = (lambda values: values.ravel()), truth.ravel()
    else:
        y, decided = predicted.examples.y, predicted.decided
        shown = {"confusion": confusion(y, decided)}
        confidences, right = (lambda values: values[np.arange(len(decided)), decided]), decided == y
    shown["calibration"] = calibration(confidences(predicted.values), right)
    if how is not None:
        shown["uncalibrated"] = calibration(confidences(how.undone(target.kind, predicted.values)), right)
    return shown


def confusion(y: np.ndarray, decided: np.ndarray) -> list[list[int]]:
    """Return [true, predicted, rows] of every pair of classes that occurs.

    >>> confusion(np.array([0, 0, 1]), np.array([0, 1, 1]))
    [[0, 0, 1], [0, 1, 1], [1, 1, 1]]
    """
    pairs, counts = np.unique(np.stack([y, decided], axis=1), axis=0, return_counts=True)
    return [[int(true), int(said), int(rows)] for (true, said), rows in zip(pairs, counts, strict=True)]


def outcomes(truth: np.ndarray, decided: np.ndarray) -> list[dict[str, int]]:
    """Return, for each label, the number of rows in which it was predicted correctly, missed and predicted wrongly."""
    truth, given = truth > 0.5, decided > 0.5
    counts = {"found": truth & given, "missed": truth & ~given, "wrong": ~truth & given}
    return [{name: int(hits[:, at].sum()) for name, hits in counts.items()} for at in range(truth.shape[1])]


def calibration(confidence: np.ndarray, outcome: np.ndarray) -> list[dict[str, float]]:
    """Return the mean confidence, the share of correct outcomes and the rows of every bin of confidence with rows.

    The bins are those of the expected calibration error: 15 of equal width.
    """
    bins = np.clip(np.ceil(confidence * CALIBRATION_BINS).astype(int) - 1, 0, CALIBRATION_BINS - 1)
    rows = np.bincount(bins, minlength=CALIBRATION_BINS)
    said, came = (np.bincount(bins, weights=values, minlength=CALIBRATION_BINS) for values in (confidence, outcome))
    filled = np.flatnonzero(rows)
    return [
        {"confidence": float(said[at] / rows[at]), "share": float(came[at] / rows[at]), "rows": int(rows[at])}
        for at in filled
    ]


def scatter(y: np.ndarray, values: np.ndarray) -> list[list[list[float]]]:
    """Return [true, predicted] of at most 500 rows, drawn at random, for each of the first 12 targets."""
    rows = np.arange(len(y))
    if len(y) > MOST_POINTS:
        rows = np.sort(np.random.default_rng(0).choice(len(y), MOST_POINTS, replace=False))
    columns = range(min(values.shape[1], MOST_PLOTS))
    return [[[_short(y[row, at]), _short(values[row, at])] for row in rows] for at in columns]


def _short(value: float) -> float:
    return float(f"{value:.{NUMBER_DIGITS}g}")


def length_bins(lengths: np.ndarray, truncated: np.ndarray, most: int = 32) -> list[list[int]]:
    """Return [from, to, complete texts, truncated texts] of each bin of token lengths; bins have equal width.

    >>> length_bins(np.array([3, 4, 9]), np.array([False, False, True]), most=4)
    [[3, 4, 2, 0], [5, 6, 0, 0], [7, 8, 0, 0], [9, 10, 0, 1]]
    """
    low, high = int(lengths.min()), int(lengths.max())
    width = -(-(high - low + 1) // most)
    bins = (lengths - low) // width
    count = int(bins.max()) + 1
    whole, cut = (np.bincount(bins[chosen], minlength=count) for chosen in (~truncated, truncated))
    starts = range(low, low + count * width, width)
    return [[start, start + width - 1, int(whole[at]), int(cut[at])] for at, start in enumerate(starts)]
