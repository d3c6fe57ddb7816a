"""Linear models on vectors of texts: the frozen encoder as a baseline, and the head that a run starts with.

Classes have a logistic regression, several labels one each, numbers a ridge regression. The penalty is selected by
cross-validation: C in `STRENGTHS` by the accuracy of the out-of-fold predictions, the ridge penalty 1 / C by their
mean squared error. The vectors are centred, and divided by one number, so that their mean squared length is 1: then the
same strengths serve encoders of any size. The returned coefficients are for the vectors as they are.

As a start for fine-tuning, all coefficients are multiplied by one `scale`, with which the loss on the training rows is
the out-of-fold loss. A linear model of few rows is surer of these rows than of others. Unscaled, the loss would be near
zero at step 0, and there would be little left for the encoder to learn from.
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from slanted.text.labels.splits import label_folds, plain_folds, stratified_folds
from slanted.text.labels.targets import Kind
from slanted.text.scoring.metrics import many_classes, scikit_learn
from slanted.text.scoring.outputs_and_losses import probabilities_of

STRENGTHS = (1.0, 3.0, 10.0, 30.0, 100.0)
FOLDS = 5
ROWS_TO_SELECT_BY = 2_000
MAX_ITERATIONS = 300
TOLERANCE = 1e-3
LARGEST_SCALE, HALVINGS = 4.0, 40
SMALLEST_PROBABILITY = 1e-7

Coefficients = tuple[np.ndarray, np.ndarray]  # kernel (features, outputs) and bias (outputs,)


@dataclass(frozen=True)
class LinearModel:
    """A linear model: outputs = vectors @ kernel + bias.

    Attributes:
        kernel: float64 (features, outputs).
        bias: float64 (outputs,).
        strength: The selected C; for regression the ridge penalty is 1 / C.
        quality: The out-of-fold accuracy: of rows for classes, of cells for several labels; for regression R².
        rows: The rows that the penalty was selected on: all, or a sample of many.
        out_of_fold: Their out-of-fold outputs, float64 (rows, outputs).
        scale: The factor for a start, in [0, 4]; 0 where the out-of-fold loss is not below that of equal outputs.
    """

    kernel: np.ndarray
    bias: np.ndarray
    strength: float
    quality: float
    rows: np.ndarray
    out_of_fold: np.ndarray
    scale: float

    def outputs(self, vectors: np.ndarray) -> np.ndarray:
        """Return raw outputs, float64 (n, outputs), of vectors (n, features)."""
        return vectors.astype("float64") @ self.kernel + self.bias


def fit_linear(kind: Kind, vectors: np.ndarray, y: np.ndarray, outputs: int, *, balanced: bool = False) -> LinearModel:
    """Fit a linear model with the penalty that cross-validation selects. Every call gives the same result.

    Args:
        kind: The task.
        vectors: The vectors of the training rows, (n, features).
        y: Their targets: classes (n,), labels 0 and 1 (n, labels), or standardised numbers (n, targets).
        outputs: The number of classes, labels or targets.
        balanced: Whether all classes, or both values of a label, have the same total weight.
    """
    centre = vectors.mean(axis=0, dtype="float64")
    length = np.sqrt(np.square(vectors - centre).sum(axis=1, dtype="float64").mean()) or 1.0
    x = ((vectors - centre) / length).astype("float32")
    task = _Task(kind, outputs, balanced)
    chosen = _rows_to_select_by(kind, y)
    strength, held_out, known = _select(task, x[chosen], y[chosen])
    kernel, bias = task.fit(x, y, strength)
    scale = task.scale_to(x[chosen] @ kernel + bias, y[chosen], task.losses(held_out, y[chosen])[known].mean())
    kernel = kernel / length
    quality = task.quality(held_out, y[chosen])
    return LinearModel(kernel, bias - centre @ kernel, strength, quality, chosen, held_out, scale)


def _rows_to_select_by(kind: Kind, y: np.ndarray) -> np.ndarray:
    """Return the rows for the cross-validation: all of them, or of many a seeded, stratified choice."""
    if len(y) <= ROWS_TO_SELECT_BY:
        return np.arange(len(y))
    parts = -(-len(y) // ROWS_TO_SELECT_BY)
    return np.flatnonzero(_folds(kind, y, parts) == 0)


def _folds(kind: Kind, y: np.ndarray, folds: int) -> np.ndarray:
    draw = {"single": stratified_folds, "multilabel": label_folds, "regression": plain_folds}[kind]
    return draw(y, folds, np.random.default_rng(0))


def _select(task: "_Task", x: np.ndarray, y: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
    """Return the best strength, its out-of-fold outputs, and which rows have an output that was learnt."""
    fold = _folds(task.kind, y, min(FOLDS, len(y)))
    held_out = np.zeros((len(STRENGTHS), len(y), task.outputs))
    known = np.ones(len(y), bool)
    for number in range(fold.max() + 1) if len(y) > 1 else ():
        rest, out = fold != number, fold == number
        if task.kind == "single":
            known[out] = np.isin(y[out], y[rest])  # the class of a single row is unknown without it
        for at, strength in enumerate(STRENGTHS):
            kernel, bias = task.fit(x[rest], y[rest], strength)
            held_out[at, out] = x[out] @ kernel + bias
    at = int(np.argmax([round(task.quality(outputs, y), 9) for outputs in held_out]))
    return STRENGTHS[at], held_out[at], known if known.any() else ~known


@dataclass(frozen=True)
class _Task:
    """What depends on the task: the fit, the loss and the quality of outputs."""

    kind: Kind
    outputs: int
    balanced: bool

    def fit(self, x: np.ndarray, y: np.ndarray, strength: float) -> Coefficients:
        if self.kind == "regression":
            model = scikit_learn("linear_model").Ridge(alpha=1.0 / strength).fit(x, y.reshape(len(y), self.outputs))
            return np.reshape(model.coef_, (self.outputs, -1)).T.astype("float64"), np.reshape(model.intercept_, -1)
        if self.kind == "single":
            return _fit_classes(x, y, self.outputs, self._logistic(strength))
        each = [_fit_label(x, y[:, label], self._logistic(strength)) for label in range(self.outputs)]
        return np.stack([kernel for kernel, _ in each], axis=1), np.array([bias for _, bias in each])

    def _logistic(self, strength: float) -> Callable[[], Any]:
        weights = "balanced" if self.balanced else None
        cls = scikit_learn("linear_model").LogisticRegression
        return lambda: cls(C=strength, max_iter=MAX_ITERATIONS, tol=TOLERANCE, class_weight=weights)

    def losses(self, outputs: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Return the loss of each row, (n,)."""
        if self.kind == "regression":
            return np.square(outputs - y.reshape(outputs.shape)).mean(axis=1)
        shares = probabilities_of(self.kind, outputs)
        right = shares[np.arange(len(y)), y] if self.kind == "single" else np.where(y > 0.5, shares, 1.0 - shares)
        losses = -np.log(np.maximum(right, SMALLEST_PROBABILITY))
        return losses if self.kind == "single" else losses.mean(axis=1)

    def quality(self, outputs: np.ndarray, y: np.ndarray) -> float:
        if self.kind == "single":
            return float((outputs.argmax(axis=1) == y).mean())
        if self.kind == "multilabel":
            return float(((outputs > 0.0) == (y > 0.5)).mean())
        return 1.0 - float(self.losses(outputs, y).mean() / max(np.square(y).mean(), 1e-12))

    def scale_to(self, outputs: np.ndarray, y: np.ndarray, loss: float) -> float:
        """Return the factor of the outputs with which their mean loss is `loss`; the loss falls with the factor."""
        low, high = 0.0, 1.0 if self.kind == "regression" else LARGEST_SCALE
        for _ in range(HALVINGS):
            middle = (low + high) / 2
            if self.losses(middle * outputs, y).mean() > loss:
                low = middle
            else:
                high = middle
        return low


def _fit_classes(x: np.ndarray, y: np.ndarray, classes: int, make: Callable[[], Any]) -> Coefficients:
    """Fit classes; one without a row gets the smallest bias and no kernel."""
    seen = np.unique(y)
    kernel, bias = np.zeros((x.shape[1], classes)), np.zeros(classes)
    if len(seen) == 1:
        return kernel, bias
    model = _fitted(make(), x, y)
    weights, biases = model.coef_.T.astype("float64"), model.intercept_.astype("float64")
    if len(seen) == 2:
        weights, biases = weights * [-0.5, 0.5], biases * [-0.5, 0.5]
    kernel[:, seen], bias[:] = weights, biases.min()
    bias[seen] = biases
    return kernel, bias


def _fit_label(x: np.ndarray, y: np.ndarray, make: Callable[[], Any]) -> tuple[np.ndarray, float]:
    """Fit one of several labels; one that all rows have, or none, gets its log odds, with half a row on either side."""
    ones = float((y > 0.5).sum())
    if not 0 < ones < len(y):
        return np.zeros(x.shape[1]), float(np.log((ones + 0.5) / (len(y) - ones + 0.5)))
    model = _fitted(make(), x, (y > 0.5).astype(int))
    return model.coef_[0].astype("float64"), float(model.intercept_[0])


def _fitted(model: Any, x: np.ndarray, y: np.ndarray) -> Any:
    with many_classes(), warnings.catch_warnings():
        # A fit that has not converged by then is still a fair start, and no reason to stop a training run.
        warnings.simplefilter("ignore", scikit_learn("exceptions").ConvergenceWarning)
        return model.fit(x, y)
