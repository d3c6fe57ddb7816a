"""Label issues, rows whose label is likely wrong, by confident learning (Northcutt et al. 2021, section 3.1).

The threshold of a class is the mean predicted probability of the class over the rows with that label:

    t[j] = mean over rows labelled j of p[j]

A row has a label issue if the most probable of the classes with p[j] >= t[j] is not its label. In multi-label
classification each label is a problem with two classes. In regression, which the paper does not treat, a row has a
label issue if its error is more than 4 robust standard deviations, 1.4826 * median of |error - median error|, from the
median error.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from slanted.report.collect.excerpts import excerpt
from slanted.report.collect.predicted_rows import Predicted
from slanted.text.labels.targets import Target

MOST_SUSPECTS = 10
FARTHEST = 4.0
ROUNDING = 1e-9  # of the mean of equal probabilities


def suspect_classes(y: np.ndarray, probabilities: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows with a label issue and their suggested classes, sorted by p[suggested] - p[label], descending.

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
    """Return the number of rows, of label issues, and the entries of the most likely issues.

    Args:
        several: Sets of predicted rows, treated as one set.
        target: The target that the model predicts.
        most: The maximum number of entries.
    """
    values = np.concatenate([predicted.values for predicted in several])
    y = np.concatenate([predicted.examples.y for predicted in several])
    find = {"single": suspect_classes, "multilabel": _suspect_labels, "regression": _far}[target.kind]
    rows, outputs = find(y, values)
    starts = np.cumsum([0, *(len(predicted.examples) for predicted in several)])
    listed = []
    for row, at in zip(rows[:most].tolist(), outputs[:most].tolist(), strict=True):
        owner = int(np.searchsorted(starts, row, side="right")) - 1
        shown = _shown(several[owner], row - int(starts[owner]))
        listed.append({**shown, **_facts(target, y[row], values[row], at)})
    return {"rows": len(y), "found": len(rows), "listed": listed}


def _facts(target: Target, y: Any, values: np.ndarray, at: int) -> dict[str, Any]:
    """Return the facts of a label issue: `at` is the index of the suggested class, of the label or of the target."""
    name = target.names[at]
    if target.kind == "single":
        return {"given": target.names[y], "suggested": name, "probability": float(values[at])}
    if target.kind == "regression":
        return {"target": name, "given": float(y[at]), "suggested": float(values[at])}
    given = bool(y[at] > 0.5)
    probability = float(1.0 - values[at] if given else values[at])
    return {"label": name, "given": "with" if given else "without", "probability": probability}


def _suspect_labels(y: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows with a label issue, the most likely first, and the index of the label of each."""
    rows, sure = [], []
    for given, chance in zip(y.T > 0.5, values.T, strict=True):
        found, _ = suspect_classes(given.astype(int), np.stack([1.0 - chance, chance], axis=1))
        rows.append(found)
        sure.append(np.where(given[found], 1.0 - chance[found], chance[found]))
    labels = np.repeat(np.arange(len(rows)), list(map(len, rows)))
    order = np.argsort(-np.concatenate(sure), kind="stable")
    return np.concatenate(rows)[order], labels[order]


def _far(y: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows with a number far from its prediction, the farthest first, and the indices of the targets."""
    errors = values - y
    off = np.abs(errors - np.median(errors, axis=0))
    spread = 1.4826 * np.median(off, axis=0)
    distances = off / np.where(spread > 0.0, spread, np.inf)
    places = np.argwhere(distances > FARTHEST)
    order = np.argsort(-distances[tuple(places.T)], kind="stable")
    return places[order, 0], places[order, 1]


def _shown(predicted: Predicted, row: int) -> dict[str, Any]:
    examples = predicted.examples
    entry = {"place": predicted.place(row), "text": excerpt(examples.texts[row])}
    return entry if examples.texts_b is None else {**entry, "text_b": excerpt(examples.texts_b[row])}
