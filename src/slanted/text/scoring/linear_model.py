"""Linear models on vectors of texts: the frozen encoder as a baseline, and the head that a run starts with.

Classes have a logistic regression, several labels one each, numbers a ridge regression. The penalty is selected by
cross-validation: C in `STRENGTHS` by the accuracy of the out-of-fold predictions, the ridge penalty 1 / C by their
mean squared error. The vectors are centred, and divided by one number, so that their mean squared length is 1: then the
same strengths serve encoders of any size. The returned coefficients are for the vectors as they are.

In regression a dropout of the vectors in training counts as noise of the predictions, with its expected square: strong
coefficients that cancel each other would predict well without it and badly with it. In classification it matters less.

Weights of rows count in all means, and in the fits as scikit-learn's sample weights. Their mean should be 1, because C
weighs the penalty against the sum of the losses.

As a start for fine-tuning, all coefficients are multiplied by one `scale`, with which the loss on the training rows is
the out-of-fold loss. A linear model of few rows is surer of these rows than of others. Unscaled, the loss would be near
zero at step 0, and there would be little left for the encoder to learn from.
"""

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from slanted.text.labels.splits import label_folds, plain_folds, stratified_folds
from slanted.text.labels.targets import Kind
from slanted.text.scoring.metrics import many_classes, one_blas_thread, scikit_learn
from slanted.text.scoring.outputs_and_losses import probabilities_of

STRENGTHS, FOLDS = (1.0, 3.0, 10.0, 30.0, 100.0), 5
MANY_LABELS, FEWER_STRENGTHS, FEWER_FOLDS = 20, (1.0, 10.0, 100.0), 3  # each of several labels has fits of its own
ROWS_TO_SELECT_BY = 2_000
MAX_ITERATIONS = 300
TOLERANCE = 1e-4
LARGEST_SCALE, HALVINGS = 4.0, 40
LEAST_GAIN = 0.98  # the largest out-of-fold loss of a start, relative to that of constant outputs
SMALLEST_PROBABILITY = 1e-7

Coefficients = tuple[np.ndarray, np.ndarray]  # kernel (features, outputs) and bias (outputs,)


@dataclass(frozen=True)
class Weighing:
    """How much each row counts.

    Attributes:
        balanced: Whether all classes, or both values of a label, have the same total weight.
        rows: The weights of the rows, float64 (n,), above 0 and of the mean 1; None: all are 1.
    """

    balanced: bool = False
    rows: np.ndarray | None = None


_EQUAL = Weighing()


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
        scale: The factor for a start, in [0, 4]; 0 where the out-of-fold loss is hardly below that of constant outputs.
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


def fit_linear(
    kind: Kind,
    vectors: np.ndarray,
    y: np.ndarray,
    outputs: int,
    *,
    weighing: Weighing = _EQUAL,
    dropout: float = 0.0,
) -> LinearModel:
    """Fit a linear model with the penalty that cross-validation selects. Every call gives the same result.

    Args:
        kind: The task.
        vectors: The vectors of the training rows, (n, features).
        y: Their targets: classes (n,), labels 0 and 1 (n, labels), or standardised numbers (n, targets).
        outputs: The number of classes, labels or targets.
        weighing: How much each row counts.
        dropout: The dropout rate of the vectors in training.
    """
    weights = weighing.rows
    centre = _means(vectors, weights)
    length = np.sqrt(_mean(np.square(vectors - centre).sum(axis=1, dtype="float64"), weights)) or 1.0
    x = ((vectors - centre) / length).astype("float32")
    squares = _means(np.square(vectors, dtype="float64"), weights) * dropout / (1.0 - dropout) / length**2
    task = _Task(kind, outputs, weighing.balanced, squares)
    chosen = _rows_to_select_by(kind, y)
    some = y[chosen], _of(weights, chosen)
    strength, held_out, known, noise = _select(task, x[chosen], *some)
    kernel, bias = task.fits(x, y, weights, [strength])[0]
    if kind == "regression":
        scale = task.shrinkage(held_out, *some, noise)
    else:
        loss = _mean(task.losses(held_out, some[0])[known], _of(some[1], known))
        scale = 0.0
        if loss < LEAST_GAIN * task.constant_loss(*some):
            scale = task.scale_to(x[chosen] @ kernel + bias, *some, loss)
    kernel = kernel / length
    quality = task.quality(held_out, *some)
    return LinearModel(kernel, bias - centre @ kernel, strength, quality, chosen, held_out, scale)


def _means(values: np.ndarray, weights: np.ndarray | None) -> np.ndarray:
    """Return the mean of each column over the rows."""
    return values.mean(axis=0, dtype="float64") if weights is None else np.average(values, axis=0, weights=weights)


def _mean(values: np.ndarray, weights: np.ndarray | None) -> float:
    """Return the mean of all values, those of a row with the weight of the row."""
    return float(values.mean() if weights is None else np.average(values, axis=0, weights=weights).mean())


def _of(weights: np.ndarray | None, rows: np.ndarray) -> np.ndarray | None:
    return None if weights is None else weights[rows]


def _rows_to_select_by(kind: Kind, y: np.ndarray) -> np.ndarray:
    """Return the rows for the cross-validation: all of them, or of many a seeded, stratified choice."""
    if len(y) <= ROWS_TO_SELECT_BY:
        return np.arange(len(y))
    parts = -(-len(y) // ROWS_TO_SELECT_BY)
    return np.flatnonzero(_folds(kind, y, parts) == 0)


def _folds(kind: Kind, y: np.ndarray, folds: int) -> np.ndarray:
    draw = {"single": stratified_folds, "multilabel": label_folds, "regression": plain_folds}[kind]
    return draw(y, folds, np.random.default_rng(0))


def _select(
    task: "_Task", x: np.ndarray, y: np.ndarray, weights: np.ndarray | None
) -> tuple[float, np.ndarray, np.ndarray, float]:
    """Return the best strength, its out-of-fold outputs, which rows have an output that was learnt, and its noise."""
    is_large = task.kind == "multilabel" and task.outputs > MANY_LABELS
    strengths, folds = (FEWER_STRENGTHS, FEWER_FOLDS) if is_large else (STRENGTHS, FOLDS)
    fold = _folds(task.kind, y, min(folds, len(y)))
    held_out, noise = np.zeros((len(strengths), len(y), task.outputs)), np.zeros(len(strengths))
    known = np.ones(len(y), bool)
    for number in range(fold.max() + 1) if len(y) > 1 else ():
        rest, out = fold != number, fold == number
        if task.kind == "single":
            known[out] = np.isin(y[out], y[rest])  # the class of a single row is unknown without it
        for at, (kernel, bias) in enumerate(task.fits(x[rest], y[rest], _of(weights, rest), strengths)):
            held_out[at, out] = x[out] @ kernel + bias
            noise[at] += task.noise(kernel) / (fold.max() + 1)
    each = zip(held_out, noise, strict=True)
    qualities = [round(task.quality(outputs, y, weights, more), 9) for outputs, more in each]
    at = int(np.argmax(qualities))
    return strengths[at], held_out[at], known if known.any() else ~known, float(noise[at])


@dataclass(frozen=True)
class _Task:
    """What depends on the task: the fit, the loss and the quality of outputs; and the squares that dropout adds."""

    kind: Kind
    outputs: int
    balanced: bool
    squares: np.ndarray

    def fits(
        self, x: np.ndarray, y: np.ndarray, weights: np.ndarray | None, strengths: Sequence[float]
    ) -> list[Coefficients]:
        """Return the coefficients for each of rising strengths; each fit begins where the one before ended."""
        if self.kind == "regression":
            return [self._ridge(x, y, weights, strength) for strength in strengths]
        path = _Path(self._logistic(), strengths, weights)
        if self.kind == "single":
            return _fit_classes(x, y, self.outputs, path)
        each = [_fit_label(x, y[:, label], replace(path, model=self._logistic())) for label in range(self.outputs)]
        return [_joined([label[at] for label in each]) for at in range(len(strengths))]

    def _ridge(self, x: np.ndarray, y: np.ndarray, weights: np.ndarray | None, strength: float) -> Coefficients:
        model = scikit_learn("linear_model").Ridge(alpha=1.0 / strength)
        model.fit(x, y.reshape(len(y), self.outputs), sample_weight=weights)
        return np.reshape(model.coef_, (self.outputs, -1)).T.astype("float64"), np.reshape(model.intercept_, -1)

    def _logistic(self) -> Any:
        weights = "balanced" if self.balanced else None
        cls = scikit_learn("linear_model").LogisticRegression
        return cls(max_iter=MAX_ITERATIONS, tol=TOLERANCE, class_weight=weights, warm_start=True)

    def noise(self, kernel: np.ndarray) -> float:
        """Return the expected square of what dropout adds to an output, on average over the outputs."""
        return float((self.squares @ np.square(kernel)).mean())

    def shrinkage(self, outputs: np.ndarray, y: np.ndarray, weights: np.ndarray | None, noise: float) -> float:
        """Return the factor of the outputs, in [0, 1], with the smallest mean squared error under dropout."""
        product, square = _mean(outputs * y.reshape(outputs.shape), weights), _mean(np.square(outputs), weights)
        return float(np.clip(product / max(square + noise, 1e-12), 0.0, 1.0))

    def losses(self, outputs: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Return the loss of each row, (n,)."""
        if self.kind == "regression":
            return np.square(outputs - y.reshape(outputs.shape)).mean(axis=1)
        shares = probabilities_of(self.kind, outputs)
        right = shares[np.arange(len(y)), y] if self.kind == "single" else np.where(y > 0.5, shares, 1.0 - shares)
        losses = -np.log(np.maximum(right, SMALLEST_PROBABILITY))
        return losses if self.kind == "single" else losses.mean(axis=1)

    def constant_loss(self, y: np.ndarray, weights: np.ndarray | None) -> float:
        """Return the loss of the best outputs that are the same for all rows; with balanced classes, of equal ones."""
        if self.kind == "single":
            counts = np.bincount(y, weights, minlength=self.outputs)
            shares = np.full(self.outputs, 1.0 / self.outputs) if self.balanced else counts / counts.sum()
            return -_mean(np.log(shares[y]), weights)
        shares = np.clip(_means(y > 0.5, weights), 1e-7, 1.0 - 1e-7)
        shares = np.full(self.outputs, 0.5) if self.balanced else shares
        return -_mean(np.where(y > 0.5, np.log(shares), np.log(1.0 - shares)), weights)

    def quality(self, outputs: np.ndarray, y: np.ndarray, weights: np.ndarray | None, noise: float = 0.0) -> float:
        if self.kind == "single":
            return _mean(outputs.argmax(axis=1) == y, weights)
        if self.kind == "multilabel":
            return _mean((outputs > 0.0) == (y > 0.5), weights)
        square = _mean(np.square(y), weights)
        return 1.0 - (_mean(self.losses(outputs, y), weights) + noise) / max(square, 1e-12)

    def scale_to(self, outputs: np.ndarray, y: np.ndarray, weights: np.ndarray | None, loss: float) -> float:
        """Return the factor of the outputs with which their mean loss is `loss`; the loss falls with the factor."""
        low, high = 0.0, LARGEST_SCALE
        for _ in range(HALVINGS):
            middle = (low + high) / 2
            if _mean(self.losses(middle * outputs, y), weights) > loss:
                low = middle
            else:
                high = middle
        return low


@dataclass(frozen=True)
class _Path:
    """Logistic regressions of rising strengths, each of which begins where the one before ended."""

    model: Any
    strengths: Sequence[float]
    weights: np.ndarray | None

    def __call__(self, x: np.ndarray, y: np.ndarray) -> Iterator[Coefficients]:
        with one_blas_thread(), many_classes(), warnings.catch_warnings():
            # A fit that has not converged by then is still a fair start, and no reason to stop a training run.
            warnings.simplefilter("ignore", scikit_learn("exceptions").ConvergenceWarning)
            for strength in self.strengths:
                self.model.set_params(C=strength).fit(x, y, sample_weight=self.weights)
                yield self.model.coef_.T.astype("float64"), self.model.intercept_.astype("float64")


def _fit_classes(x: np.ndarray, y: np.ndarray, classes: int, path: _Path) -> list[Coefficients]:
    """Fit classes; one without a row gets the smallest bias and no kernel."""
    seen = np.unique(y)
    if len(seen) == 1:
        return [(np.zeros((x.shape[1], classes)), np.zeros(classes))] * len(path.strengths)
    found = []
    for weights, biases in path(x, y):
        if len(seen) == 2:
            weights, biases = weights * [-0.5, 0.5], biases * [-0.5, 0.5]
        kernel, bias = np.zeros((x.shape[1], classes)), np.full(classes, biases.min())
        kernel[:, seen], bias[seen] = weights, biases
        found.append((kernel, bias))
    return found


def _fit_label(x: np.ndarray, y: np.ndarray, path: _Path) -> list[Coefficients]:
    """Fit one of several labels; one that all rows have, or none, gets its log odds, with half a row on either side."""
    ones = float((y > 0.5).sum())
    if not 0 < ones < len(y):
        odds = np.log((ones + 0.5) / (len(y) - ones + 0.5))
        return [(np.zeros((x.shape[1], 1)), np.array([odds]))] * len(path.strengths)
    return list(path(x, (y > 0.5).astype(int)))


def _joined(labels: Sequence[Coefficients]) -> Coefficients:
    return np.concatenate([kernel for kernel, _ in labels], axis=1), np.concatenate([bias for _, bias in labels])
