"""Weights of training examples: the loss of an example is multiplied by its weight, as by Keras's sample weights.

The loss of a batch of n examples is sum(weight * loss) / n. So the weights are used as they are: twice the weight has
the gradient of the example twice, weight 0 has none, and a batch of weights 0 has the loss 0.
"""

from dataclasses import replace
from typing import Any

import numpy as np

from slanted.common.messages import shown
from slanted.errors import InputError
from slanted.text.labels.examples import Examples
from slanted.text.labels.targets import Target
from slanted.text.rows.rows import Rows

_RULE = "but a weight is a finite number >= 0; correct it"
_LARGEST = float(np.finfo(np.float32).max)


def weights_of_rows(rows: Rows) -> np.ndarray | None:
    """Return the weights of training rows, float32 (n,); None if no option names their column.

    Raises:
        InputError: A row has none, one is too large for float32, or all are 0.
    """
    if rows.weights is None:
        return None
    column = f"column {shown(rows.columns.weight)}"
    missing = np.flatnonzero(np.isnan(rows.weights))
    if len(missing):
        problem = f"{rows.locations[int(missing[0])]}: --weight: {column} is empty"
        raise InputError(f"{problem}, but a training row needs a weight; fill it in")
    large = np.flatnonzero(rows.weights > _LARGEST)
    if len(large):
        row = int(large[0])
        problem = f"{rows.locations[row]}: --weight: {column} holds {rows.weights[row]:g}"
        raise InputError(f"{problem}, which is beyond {_LARGEST:.2g}; divide all weights by a number")
    weights = rows.weights.astype("float32")
    if not weights.any():
        problem = f"{rows.source}: --weight: {column} is 0 in every training row, which leaves nothing to learn"
        raise InputError(f"{problem}; give some rows a weight above 0")
    return weights


def as_weights(sample_weight: Any, count: int) -> np.ndarray | None:
    """Return weights from Python, float32 (count,); None if they are None.

    Args:
        sample_weight: A sequence, array or Series of numbers, or None.
        count: The number of texts.

    Raises:
        InputError: The shape is another, or a weight is no finite number >= 0, or all are 0.
    """
    if sample_weight is None:
        return None
    try:
        array = np.asarray(sample_weight)
        is_numeric = array.dtype.kind in "biuf"
    except ValueError:  # rows of different lengths
        is_numeric = False
    if not is_numeric:  # NumPy makes one string of each number beside a string
        array = np.asarray(sample_weight, dtype=object)
    if array.shape != (count,):
        rule = f"sample_weight must have the shape ({count},), a weight for each text"
        raise InputError(f"{rule}, not {array.shape}; give one number for each text")
    numbers = array if is_numeric else [_number(value) for value in array.tolist()]
    with np.errstate(over="ignore", under="ignore"):  # what float32 cannot hold is refused below
        weights = np.asarray(numbers, "float32")
    wrong = np.flatnonzero(~(np.isfinite(weights) & (weights >= 0)))
    if len(wrong):
        row = int(wrong[0])
        raise InputError(f"sample_weight[{row}] is {shown(array[row : row + 1].tolist()[0])}, {_RULE}")
    if not weights.any():
        problem = "sample_weight is zero for every text, which leaves nothing to learn"
        raise InputError(f"{problem}; give some texts a weight above 0")
    return weights


def _number(value: Any) -> float:
    return float(value) if isinstance(value, int | float) else np.nan


def weighed(target: Target, examples: Examples, weights: np.ndarray | None) -> Examples:
    """Return the training examples with weights, or None.

    Raises:
        InputError: All examples that count are of one class.
    """
    if weights is not None and target.kind == "single":
        classes = np.unique(examples.y[weights > 0])
        if len(classes) == 1:
            problem = f"every row with a weight above 0 has the label {shown(target.labels[classes[0]])}"
            raise InputError(f"{problem}, but there must be two classes; give rows of other classes a weight above 0")
    return replace(examples, weights=weights)


def described(weights: np.ndarray, column: str) -> str:
    """Return a line on the weights of training rows, for the user to read."""
    zeros = int((weights == 0).sum())
    found = f"weights: column {shown(column)}, from {weights.min():g} to {weights.max():g}, mean {weights.mean():g}"
    return f"{found}; {zeros:,} of {len(weights):,} training rows have weight 0" if zeros else found
