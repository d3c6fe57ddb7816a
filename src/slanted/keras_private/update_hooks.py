"""The update step, clipping, weight decay and moments of an optimizer, called or replaced one at a time."""

from collections.abc import Callable
from types import MethodType
from typing import Any

STEP_OF_A_VARIABLE, STEP_OF_A_LIST, CLIPPING = "update_step", "_parallel_update_step", "_clip_gradients"
DECAY = "_apply_weight_decay"


def moments(optimizer: Any, variable: Any) -> tuple[Any, Any]:
    """Return the first and second moment of a variable in Adam."""
    index = optimizer._get_variable_index(variable)
    return optimizer._momentums[index], optimizer._velocities[index]


def is_decayed(optimizer: Any, variable: Any) -> bool:
    """Return whether the weight decay of an optimizer applies to a variable."""
    return optimizer.weight_decay is not None and optimizer._use_weight_decay(variable)


def replace_step(optimizer: Any, name: str, function: Callable[..., Any]) -> None:
    """Replace the method `name` of one optimizer by `function(optimizer, ...)`; other optimizers do not change."""
    vars(optimizer)[name] = MethodType(function, optimizer)


def clipped(optimizer: Any, grads: list[Any]) -> list[Any]:
    """Return the gradients clipped by Keras, even if the method of `optimizer` is replaced."""
    return type(optimizer)._clip_gradients(optimizer, grads)
