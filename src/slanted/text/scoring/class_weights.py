"""`--class-weight balanced`: the training loss with rare classes counted for more, as scikit-learn weighs them.

    weight of class c = n / (classes * n_c)

with n training examples, n_c of them of class c: every class has the same share of the loss, and the mean weight over
the examples is 1. Where examples have weights, n and n_c are sums of these, and the weights are multiplied. Of several
labels each is weighed by itself, as two classes, 0 and 1. The weights are part of the loss, which is what
scikit-learn's and Keras's sample weights amount to (mean over the batch of weight times loss): the loss in history.csv
is the one that is minimised, weights included. Validation and test losses are never weighted, so
that they can be compared with those of any other run. Regression has no classes and is refused.
"""

from typing import Any

import keras
import numpy as np

from slanted.text.labels.targets import Kind


def balanced_weights(kind: Kind, y: np.ndarray, labels: int, weights: np.ndarray | None = None) -> np.ndarray:
    """Return the weight of each class, float32 (classes,); of several labels those of 0 and of 1, (2, labels).

    Args:
        kind: "single" or "multilabel".
        y: The training examples' labels, as `Target.encode` gives them.
        labels: How many classes or labels there are; one without an example weighs as if it had one.
        weights: The weights of the examples, (n,), which are multiplied by those of the classes; None: all are 1.

    >>> balanced_weights("single", np.array([0, 0, 0, 1]), 2).round(3).tolist()
    [0.6669999957084656, 2.0]
    """
    each = np.ones(len(y)) if weights is None else weights.astype("float64")
    counts = np.bincount(y, each, minlength=labels) if kind == "single" else np.stack([each @ (1 - y), each @ y])
    return (each.sum() / (len(counts) * np.where(counts > 0, counts, 1))).astype("float32")


class BalancedLoss(keras.losses.Loss):
    """The mean over the batch of each row's cross-entropy times the weight of its class, or of its labels' values.

    Args:
        kind: "single" or "multilabel".
        weights: As `balanced_weights` gives them.
    """

    def __init__(self, kind: Kind, weights: np.ndarray) -> None:
        super().__init__(name="balanced_loss")
        self.kind, self.weights = kind, weights

    @property
    def description(self) -> str:
        """The weights' range, for the user to read."""
        return f"class weights: balanced, from {self.weights.min():.3g} to {self.weights.max():.3g}"

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Return the weighted loss of each row, of shape (rows,)."""
        ops: Any = keras.ops
        if self.kind == "single":
            classes = ops.cast(y_true, "int32")
            losses = ops.sparse_categorical_crossentropy(classes, y_pred, from_logits=True)
            return losses * ops.take(ops.convert_to_tensor(self.weights), classes)
        losses = ops.binary_crossentropy(y_true, y_pred, from_logits=True)
        zero, one = map(ops.convert_to_tensor, self.weights)
        return ops.mean(losses * (zero + (one - zero) * y_true), axis=-1)
