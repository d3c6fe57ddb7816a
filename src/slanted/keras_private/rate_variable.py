"""The learning rate of an optimizer that follows a curve, in the form of the variable that a constant rate is."""

from typing import Any

import keras
import numpy as np


class RateVariable(keras.Variable):
    """Reads as the learning rate of `optimizer`; assigning a number sets the rate, as `optimizer.learning_rate = x`.

    Keras keeps a constant rate in a variable, so that loggers and callbacks use `float(rate)`, `rate.numpy()` and
    `rate.assign(x)`.

    Args:
        optimizer: An optimizer with `rate_to_read`; if it has none any more, its own learning rate is read.
    """

    def __init__(self, optimizer: Any) -> None:
        super().__init__(0.0, dtype="float32", trainable=False, autocast=False, name="learning_rate")
        self._path = f"{optimizer.name}/learning_rate"
        self._optimizer = optimizer

    @property
    def value(self) -> Any:
        """The learning rate, a float32 scalar tensor."""
        optimizer = self._optimizer
        read = getattr(optimizer, "rate_to_read", None)
        return keras.ops.convert_to_tensor(optimizer.learning_rate if read is None else read(), dtype="float32")

    def assign(self, value: Any) -> Any:
        """Set the learning rate."""
        self._optimizer.learning_rate = value
        return value

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        return np.array(keras.ops.convert_to_numpy(self.value), dtype=dtype)

    def __format__(self, specification: str) -> str:
        return format(float(self), specification) if specification else str(self)

    def __repr__(self) -> str:
        return f"<Variable path={self.path}, shape=(), dtype={self.dtype}, value={float(self)}>"
