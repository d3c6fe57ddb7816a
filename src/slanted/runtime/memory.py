"""Give back the memory of variables that nothing will read again.

TensorFlow keeps each traced step for as long as the process lives, and with the step the variables it reads, also when
model and optimizer are long gone (tf-keras issue 286). Nothing but their values can be let go. PyTorch and JAX free
them with the objects that hold them.
"""

from collections.abc import Iterable
from importlib import import_module
from typing import Any

import keras


def release(variables: Iterable[Any]) -> None:
    """Empty Keras variables on TensorFlow; none of them can be read afterwards. Elsewhere nothing is done."""
    if keras.config.backend() != "tensorflow":
        return
    tf: Any = import_module("tensorflow")
    for variable in variables:
        empty = tf.zeros([0], variable.value.dtype)
        tf.raw_ops.AssignVariableOp(resource=variable.value.handle, value=empty, validate_shape=False)
