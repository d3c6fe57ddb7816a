"""Free the memory of variables that are no longer needed.

TensorFlow keeps each traced step until the process ends, and with the step the variables that it reads, even after
model and optimizer have been deleted (tf-keras issue 286). Only the values of these variables can be freed. PyTorch
and JAX free variables together with the objects that refer to them.
"""

from collections.abc import Iterable
from importlib import import_module
from typing import Any

import keras


def release(variables: Iterable[Any]) -> None:
    """Free the values of Keras variables on TensorFlow; they cannot be read afterwards. Other backends: do nothing."""
    if keras.config.backend() != "tensorflow":
        return
    tf: Any = import_module("tensorflow")
    for variable in variables:
        empty = tf.zeros([0], variable.value.dtype)
        tf.raw_ops.AssignVariableOp(resource=variable.value.handle, value=empty, validate_shape=False)
