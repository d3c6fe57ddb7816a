"""Single steps of an optimizer, called or replaced one at a time."""

from collections.abc import Callable
from types import MethodType
from typing import Any

STEP_OF_A_VARIABLE, STEP_OF_A_LIST, CLIPPING = "update_step", "_parallel_update_step", "_clip_gradients"


def moments(optimizer: Any, variable: Any) -> tuple[Any, Any]:
    """Return Adam's two moving averages of a variable."""
    index = optimizer._get_variable_index(variable)
    return optimizer._momentums[index], optimizer._velocities[index]


def replace_step(optimizer: Any, name: str, function: Callable[..., Any]) -> None:
    """Have one optimizer call `function(optimizer, ...)` for its method `name`; other optimizers are as they were."""
    vars(optimizer)[name] = MethodType(function, optimizer)


def clipped(optimizer: Any, grads: list[Any]) -> list[Any]:
    """Return gradients clipped as Keras does, whatever stands in the place of its method."""
    return type(optimizer)._clip_gradients(optimizer, grads)
