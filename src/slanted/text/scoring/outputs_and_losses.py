"""A model's raw outputs -> probabilities, losses and the scores of its task."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from slanted.text.labels.numeric_labels import deviations
from slanted.text.labels.targets import Kind, Target
from slanted.text.scoring.metrics import score_predictions


@dataclass(frozen=True)
class Scaling:
    """Standardises the targets of a regression to mean 0, deviation 1, and back. Other tasks are not scaled.

    Attributes:
        mean: float64 (targets,), or None where nothing is scaled.
        deviation: float64 (targets,), or None.
    """

    mean: np.ndarray | None = None
    deviation: np.ndarray | None = None

    @classmethod
    def of(cls, kind: Kind, y: np.ndarray, weights: np.ndarray | None = None) -> "Scaling":
        """Return the scaling by the training rows' mean and deviation; a constant target is only shifted.

        Args:
            kind: The task.
            y: The targets of the training rows, (n, targets).
            weights: The weights of the rows, (n,), in mean and deviation; None: all are equal.
        """
        if kind != "regression":
            return cls()
        if weights is None:
            mean, deviation = y.mean(axis=0, dtype="float64"), deviations(y)
        else:
            y, weights = y[weights > 0], weights[weights > 0].astype("float64")
            mean = np.average(y, axis=0, weights=weights)
            spread = np.sqrt(np.average(np.square(y - mean), axis=0, weights=weights))
            deviation = np.where(np.ptp(y, axis=0) == 0, 0.0, spread)
        return cls(mean, np.where(deviation > 0.0, deviation, 1.0))

    def to_model(self, y: np.ndarray) -> np.ndarray:
        """Return standardised targets."""
        return y if self.mean is None else ((y - self.mean) / self.deviation).astype("float32")

    def to_units(self, outputs: np.ndarray) -> np.ndarray:
        """Return raw outputs in the targets' units."""
        return outputs if self.mean is None else outputs * self.deviation + self.mean

    def fold_into(self, classifier: Any) -> None:
        """Put the scaling into the last layer, so that plain KerasHub gives the units of the targets too."""
        if self.mean is not None:
            kernel, bias = classifier.output_dense.get_weights()
            classifier.output_dense.set_weights([kernel * self.deviation, bias * self.deviation + self.mean])


def task_loss(kind: Kind) -> Any:
    """Return the Keras loss that a task is trained with, on raw outputs."""
    import keras

    losses = {
        "single": lambda: keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        "multilabel": lambda: keras.losses.BinaryCrossentropy(from_logits=True),
        "regression": lambda: keras.losses.MeanSquaredError(),
    }
    return losses[kind]()


def first_bias(kind: Kind, y: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray | None:
    """Return the bias that a classifier of several labels begins with, the log odds of each; None for other tasks.

    From zero, every label would begin at a probability of a half, and at fine-tuning rates a bias hardly moves: most
    of a run would be spent on learning that rare labels are rare. Half a row is added to either side, so that a label
    that all rows have, or none, begins with finite odds. Source: Lin et al. 2017, arXiv 1708.02002, section 4.1.

    Args:
        kind: The task.
        y: The training rows' targets, for several labels 0 and 1 of shape (n, labels).
        weights: The weights of the rows, (n,), of the mean 1; None: all are 1.

    >>> first_bias("multilabel", np.array([[1, 0], [0, 0], [1, 0]])).round(3).tolist()
    [0.511, -1.946]
    """
    if kind != "multilabel":
        return None
    each = np.ones(len(y)) if weights is None else weights.astype("float64")
    return np.log((each @ y + 0.5) / (each @ (1.0 - y) + 0.5))


def probabilities_of(kind: Kind, outputs: np.ndarray) -> np.ndarray:
    """Return float64 probabilities of raw outputs (n, labels); for regression the outputs themselves."""
    outputs = outputs.astype("float64")
    if kind == "single":
        powers = np.exp(outputs - outputs.max(axis=1, keepdims=True))
        return powers / powers.sum(axis=1, keepdims=True)
    return 1.0 / (1.0 + np.exp(-outputs)) if kind == "multilabel" else outputs


def task_scores(target: Target, y: np.ndarray, outputs: np.ndarray, positive: str | None) -> dict[str, Any]:
    """Return metrics.json's scores of raw outputs against what is true.

    Args:
        target: The task and its labels.
        y: As `Target.encode` gives it.
        outputs: Raw outputs, (n, labels) or (n, targets).
        positive: The label that `f1` is of, where the task has two classes.
    """
    return score_predictions(target, y, probabilities_of(target.kind, outputs), positive)
