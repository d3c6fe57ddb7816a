"""The scores of metrics.json, computed from arrays, as plain floats.

A score that is undefined for the rows is left out; no score is NaN.
"""

import importlib
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import numpy as np

from slanted.errors import InputError, TrainingFailed, missing_extra
from slanted.text.labels.targets import Target

Scores = dict[str, Any]

CALIBRATION_BINS = 15
SMALLEST_PROBABILITY = 1e-15


def score_predictions(
    target: Target,
    y: np.ndarray,
    predictions: np.ndarray,
    positive: str | None = None,
    thresholds: float | np.ndarray = 0.5,
    uncalibrated: np.ndarray | None = None,
) -> Scores:
    """Score probabilities or predicted numbers with the metrics of the task; `loss` is computed from them.

    The loss is the mean cross-entropy, of probabilities no smaller than 1e-15; for regression the mean squared error.

    Args:
        target: The task and its labels.
        y: Encoded labels, as `Target.encode` gives them.
        predictions: Probabilities (n, labels), or numbers (n, targets).
        positive: The class that `f1` looks at, of two.
        thresholds: Several labels: the probability from which a label is predicted; one, or one a label.
        uncalibrated: The probabilities before calibration, of which `ece_uncalibrated` is then added.

    Returns:
        What `score_single`, `score_multilabel` or `score_regression` returns.
    """
    if target.kind == "regression":
        return score_regression(y, predictions, target.names, float(np.square(predictions - y).mean()))
    if target.kind == "multilabel":
        loss = _cross_entropy(np.where(y > 0.5, predictions, 1.0 - predictions))
        scores = score_multilabel(y, predictions, target.names, loss, thresholds)
    else:
        loss = _cross_entropy(predictions[np.arange(len(y)), y])
        scores = score_single(y, predictions, target.names, loss, positive)
    before = {} if uncalibrated is None else {"ece_uncalibrated": calibration_error(y, uncalibrated)}
    return scores | before


def calibration_error(y: np.ndarray, probabilities: np.ndarray) -> float:
    """Return the expected calibration error of the predicted classes, or of all (row, label) pairs.

    Args:
        y: Class indices (n,), or 0 and 1 of shape (n, labels).
        probabilities: Shape (n, classes) or (n, labels).
    """
    if y.ndim == 1:
        return expected_calibration_error(probabilities.max(axis=1), probabilities.argmax(axis=1) == y)
    return expected_calibration_error(probabilities.ravel(), (y > 0.5).ravel())


def _cross_entropy(probabilities: np.ndarray) -> float:
    return float(-np.log(np.maximum(probabilities, SMALLEST_PROBABILITY)).mean())


def score_single(
    labels: np.ndarray, probabilities: np.ndarray, names: Sequence[str], loss: float, positive: str | None = None
) -> Scores:
    """Score predictions of one class a row; the class of the largest probability is the prediction.

    `macro_f1` is the mean over the classes that occur among the labels or the predictions. `roc_auc` and
    `average_precision` are those of the positive class, or with more classes the mean of one against the rest, left
    out when the rows lack a class. `ece` takes the confidence of the predicted class. `matthews` is 0 when all
    predictions are one class, and left out when all labels are.

    Args:
        labels: Whole numbers of shape (n,), each an index into `names`.
        probabilities: Shape (n, classes), rows summing to 1.
        names: The class names, in the order of the columns.
        loss: The mean cross-entropy, reported as it is.
        positive: The class that `f1` looks at; the last of `names` by default. Two classes only.

    Returns:
        `loss, accuracy, macro_f1, micro_f1, f1, matthews, roc_auc, average_precision, ece, per_class`.

    Raises:
        InputError: `positive` is none of `names`, or there are more than two.
        TrainingFailed: A probability or the loss is not a finite number.
    """
    labels, probabilities = np.asarray(labels), _finite(probabilities, loss)
    chosen = positive_index(names, positive)
    predicted = probabilities.argmax(axis=1)
    truth = np.equal.outer(labels, np.arange(len(names)))
    correct = predicted == labels
    scores: Scores = {"loss": float(loss), "accuracy": float(correct.mean())}
    scores |= f1_scores(truth, np.equal.outer(predicted, np.arange(len(names))), names)
    if chosen is not None:
        scores["f1"] = scores["per_class"][names[chosen]]["f1"]
    if np.ptp(labels) > 0:
        with many_classes():
            scores["matthews"] = float(scikit_learn("metrics").matthews_corrcoef(labels, predicted))
    columns = slice(None) if chosen is None else [chosen]
    scores |= _ranking_scores(truth[:, columns], probabilities[:, columns])
    return scores | {"ece": calibration_error(labels, probabilities)}


def score_multilabel(
    targets: np.ndarray,
    probabilities: np.ndarray,
    names: Sequence[str],
    loss: float,
    thresholds: float | np.ndarray = 0.5,
) -> Scores:
    """Score predictions of any number of labels a row; a label is predicted from its threshold upward.

    `accuracy` counts the rows whose labels are all right. `macro_f1` is the mean over the labels that occur among the
    targets or the predictions, `roc_auc` and `average_precision` are means over all labels, left out when the rows
    lack one. `ece` pools all (row, label) pairs and compares the probability with the share of pairs that are 1, so it
    does not depend on the thresholds.

    Args:
        targets: 0 or 1, of shape (n, labels).
        probabilities: Shape (n, labels).
        names: The label names, in the order of the columns.
        loss: The mean binary cross-entropy, reported as it is.
        thresholds: One probability, or one a label.

    Returns:
        `loss, accuracy, macro_f1, micro_f1, roc_auc, average_precision, ece, per_class`.

    Raises:
        TrainingFailed: A probability or the loss is not a finite number.
    """
    probabilities = _finite(probabilities, loss)
    truth = np.asarray(targets) > 0.5
    predicted = probabilities >= thresholds
    scores: Scores = {"loss": float(loss), "accuracy": float((truth == predicted).all(axis=1).mean())}
    scores |= f1_scores(truth, predicted, names) | _ranking_scores(truth, probabilities)
    return scores | {"ece": calibration_error(np.asarray(targets), probabilities)}


def score_regression(targets: np.ndarray, predictions: np.ndarray, names: Sequence[str], loss: float) -> Scores:
    """Score predicted numbers, in the units of the targets.

    With several targets each score is the mean over them, and `per_target` has each apart. Correlations are left out
    when the targets or the predictions are all equal, `r2` when the targets are.

    Args:
        targets: Shape (n,) or (n, targets).
        predictions: The same shape.
        names: The target names, in the order of the columns.
        loss: The mean loss, reported as it is.

    Returns:
        `loss, pearson, spearman, mae, rmse, r2`, and `per_target` when there are several.

    Raises:
        TrainingFailed: A prediction or the loss is not a finite number.
    """
    columns = _finite(predictions, loss).reshape(len(predictions), -1).T
    truths = np.asarray(targets, np.float64).reshape(len(targets), -1).T
    each = [_target_scores(truth, column) for truth, column in zip(truths, columns, strict=True)]
    shared = [key for key in each[0] if all(key in scores for scores in each)]
    means: Scores = {key: float(np.mean([scores[key] for scores in each])) for key in shared}
    per_target = {"per_target": dict(zip(names, each, strict=True))} if len(each) > 1 else {}
    return {"loss": float(loss)} | means | per_target


def positive_index(names: Sequence[str], positive: str | None) -> int | None:
    """Return the index of the positive class: the one named, else the last of two; None with more than two.

    Raises:
        InputError: `positive` is none of `names`, or there are more than two.
    """
    if positive is None:
        return 1 if len(names) == 2 else None
    if len(names) != 2:
        raise InputError(f"`--positive` {positive!r} needs two classes, the data has {len(names)}; leave it out")
    if positive not in names:
        raise InputError(f"`--positive` {positive!r} is not a label of the data; choose {names[0]!r} or {names[1]!r}")
    return list(names).index(positive)


def expected_calibration_error(confidence: np.ndarray, outcome: np.ndarray) -> float:
    """Return the expected calibration error over 15 equal-width bins of confidence (Guo et al. 2017, eq. 3).

    ECE = sum over bins b of n_b / n * |mean outcome in b - mean confidence in b|; bin i holds (i/15, (i+1)/15].

    Args:
        confidence: Probabilities of shape (n,).
        outcome: 1 where what was predicted with that confidence came true, else 0; shape (n,).

    >>> round(expected_calibration_error(np.array([0.9, 0.9, 0.6]), np.array([1, 1, 0])), 3)
    0.267
    """
    bins = np.clip(np.ceil(confidence * CALIBRATION_BINS).astype(int) - 1, 0, CALIBRATION_BINS - 1)
    gaps = np.bincount(bins, weights=outcome - confidence)
    return float(np.abs(gaps).sum() / len(confidence))


def f1_scores(truth: np.ndarray, predicted: np.ndarray, names: Sequence[str]) -> Scores:
    """Return macro, micro and per-class F1 of two boolean arrays (n, classes); 0/0 counts as 0 within a class."""
    hits, chosen, support = (truth & predicted).sum(axis=0), predicted.sum(axis=0), truth.sum(axis=0)
    f1 = _ratio(2 * hits, chosen + support)
    columns = zip(names, _ratio(hits, chosen), _ratio(hits, support), f1, support, strict=True)
    per_class = {
        name: {"precision": float(p), "recall": float(r), "f1": float(f), "support": int(s)}
        for name, p, r, f, s in columns
    }
    occurs = chosen + support > 0
    if not occurs.any():
        return {"per_class": per_class}
    micro = 2 * hits.sum() / (chosen + support).sum()
    return {"macro_f1": float(f1[occurs].mean()), "micro_f1": float(micro), "per_class": per_class}


def _ratio(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    return numerator / np.maximum(denominator, 1)


def _ranking_scores(truth: np.ndarray, probabilities: np.ndarray) -> Scores:
    """Mean area under the ROC curve and mean average precision over the columns, as far as every column has one."""
    metrics = scikit_learn("metrics")
    columns = list(zip(truth.T, probabilities.T, strict=True))
    positives = truth.sum(axis=0)
    scores: Scores = {}
    if (positives > 0).all() and (positives < len(truth)).all():
        scores["roc_auc"] = float(np.mean([metrics.roc_auc_score(*column) for column in columns]))
    if (positives > 0).all():
        scores["average_precision"] = float(np.mean([metrics.average_precision_score(*column) for column in columns]))
    return scores


def _target_scores(truth: np.ndarray, predicted: np.ndarray) -> dict[str, float]:
    error = predicted - truth
    scores = {"mae": float(np.abs(error).mean()), "rmse": float(np.sqrt(np.square(error).mean()))}
    if np.ptp(truth) > 0 and np.ptp(predicted) > 0:
        scores["pearson"] = float(np.corrcoef(truth, predicted)[0, 1])
        scores["spearman"] = float(np.corrcoef(_ranks(truth), _ranks(predicted))[0, 1])
    if np.ptp(truth) > 0:
        scores["r2"] = float(1.0 - np.square(error).sum() / np.square(truth - truth.mean()).sum())
    return scores


def _ranks(values: np.ndarray) -> np.ndarray:
    """Ranks from 1, equal values sharing the mean of theirs."""
    _, position, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts - 1) / 2)[position]


def _finite(predictions: np.ndarray, loss: float) -> np.ndarray:
    predictions = np.asarray(predictions, np.float64)
    if not (np.isfinite(predictions).all() and np.isfinite(loss)):
        raise TrainingFailed(
            "the model's predictions are not all finite numbers; train again with a lower --lr or --precision float32"
        )
    return predictions


def scikit_learn(submodule: str) -> ModuleType:
    """Import a part of scikit-learn, or say how to install it."""
    try:
        return importlib.import_module(f"sklearn.{submodule}")
    except ModuleNotFoundError as error:
        raise missing_extra("text", "scoring predictions") from error


@contextmanager
def many_classes() -> Iterator[None]:
    """Keep scikit-learn from warning that so many classes for so few rows might be numbers: they are not."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The number of unique classes", UserWarning)
        yield


def one_blas_thread() -> Any:
    """Return a context in which NumPy's matrix products have one thread.

    The matrices of a linear model are so small that two threads wait for each other: fits of trec6's vectors took 1.8 s
    with one and 11.7 s with two, TF-IDF's 2.2 s and 4.0 s.
    """
    return importlib.import_module("threadpoolctl").threadpool_limits(1, user_api="blas")
