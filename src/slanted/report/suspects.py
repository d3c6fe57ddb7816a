"""Rows whose label is likely wrong: confident learning (Northcutt et al. 2021, section 3.1).

A class's threshold is the mean probability that the model gives to it on the rows that carry it:

    t[j] = mean over rows labelled j of p[j]

A row is suspect where the most probable of the classes with p[j] >= t[j] is not its label. Several labels are so many
problems of two classes. For numbers, which the paper does not treat, a row is suspect where its error is beyond 4
robust standard deviations, 1.4826 * median of |error - median error|.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from slanted.report.excerpts import excerpt
from slanted.report.predicted import Predicted
from slanted.text.targets import Target

MOST_SUSPECTS = 10
FARTHEST = 4.0
ROUNDING = 1e-9  # of the mean of equal probabilities


def suspect_classes(y: np.ndarray, probabilities: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows whose label is likely wrong, the likeliest first, and the class suggested for each.

    They are sorted by p[suggested] - p[label].

    Args:
        y: Class indices, (n,).
        probabilities: (n, classes).

    >>> probabilities = np.array([[0.9, 0.1], [0.8, 0.2], [0.95, 0.05], [0.3, 0.7]])
    >>> suspect_classes(np.array([0, 0, 1, 1]), probabilities)
    (array([2]), array([0]))
    """
    rows, classes = np.arange(len(y)), probabilities.shape[1]
    counts = np.bincount(y, minlength=classes)
    sums = np.bincount(y, weights=probabilities[rows, y], minlength=classes)
    thresholds = np.where(counts > 0, sums / np.maximum(counts, 1), np.inf)
    confident = np.where(probabilities >= thresholds - ROUNDING, probabilities, -1.0)
    best = confident.argmax(axis=1)
    found = np.flatnonzero((confident.max(axis=1) >= 0.0) & (best != y))
    margin = probabilities[found, best[found]] - probabilities[found, y[found]]
    found = found[np.argsort(-margin, kind="stable")]
    return found, best[found]


def suspects_of(several: Sequence[Predicted], target: Target, most: int = MOST_SUSPECTS) -> dict[str, Any]:
    """Return how many of some rows are suspect, and the likeliest.

    Args:
        several: Rows, judged as one set.
        target: What is predicted.
        most: How many are described.
    """
    values = np.concatenate([predicted.values for predicted in several])
    y = np.concatenate([predicted.part.y for predicted in several])
    found = _found(y, values, target)
    owners = [(predicted, row) for predicted in several for row in range(len(predicted.part))]
    listed = [{**_shown(*owners[row]), **facts} for row, facts in found[:most]]
    return {"rows": len(y), "found": len(found), "listed": listed}


def _found(y: np.ndarray, values: np.ndarray, target: Target) -> list[tuple[int, dict[str, Any]]]:
    names = target.names
    if target.kind == "regression":
        return _far(y, values, names)
    if target.kind == "single":
        rows, better = suspect_classes(y, values)
        return [
            (int(row), {"given": names[y[row]], "suggested": names[at], "probability": float(values[row, at])})
            for row, at in zip(rows, better, strict=True)
        ]
    found = []
    for at, name in enumerate(names):
        chance = values[:, at]
        rows, better = suspect_classes((y[:, at] > 0.5).astype(int), np.stack([1.0 - chance, chance], axis=1))
        for row, suggested in zip(rows, better, strict=True):
            probability = float(chance[row] if suggested else 1.0 - chance[row])
            given = "without" if suggested else "with"
            found.append((int(row), {"label": name, "given": given, "probability": probability}))
    return sorted(found, key=lambda one: -one[1]["probability"])


def _far(y: np.ndarray, values: np.ndarray, names: Sequence[str]) -> list[tuple[int, dict[str, Any]]]:
    errors = values - y
    off = np.abs(errors - np.median(errors, axis=0))
    spread = 1.4826 * np.median(off, axis=0)
    distances = off / np.where(spread > 0.0, spread, np.inf)
    places = np.argwhere(distances > FARTHEST)
    order = np.argsort(-distances[tuple(places.T)], kind="stable")
    return [
        (int(row), {"target": names[at], "given": float(y[row, at]), "suggested": float(values[row, at])})
        for row, at in places[order]
    ]


def _shown(predicted: Predicted, row: int) -> dict[str, Any]:
    part = predicted.part
    made = {"place": predicted.place(row), "text": excerpt(part.texts[row])}
    return made if part.texts_b is None else {**made, "text_b": excerpt(part.texts_b[row])}
