"""The training step of a model: the batch it trains on, and its state if it is interrupted."""

from collections.abc import Sequence
from functools import wraps
from importlib import import_module
from typing import Any

import keras
from keras.src.backend.common.stateless_scope import get_stateless_scope, in_stateless_scope

STEP, MAKE, SYNC = "train_step", "make_train_function", "jax_state_sync"


def count_by_batch(model: Any, optimizers: Sequence[Any]) -> None:
    """Make the updates that `train_step` makes of one batch by an optimizer one step of its run.

    Each compilation gets a function of its own: JAX does not trace the same function again.

    Args:
        model: The model. Until `count_by_application`, it has a `train_step` that marks where a batch begins.
        optimizers: The scheduled optimizers that `train_step` applies.
    """
    made: Any = vars(model).get(MAKE)
    if made is not None and hasattr(made, "counted"):
        made.counted.extend(optimizer for optimizer in optimizers if optimizer not in made.counted)
        return
    replaced = {name: vars(model)[name] for name in (STEP, MAKE) if name in vars(model)}
    plain_step, plain_make, counted = model.train_step, model.make_train_function, list(optimizers)

    def make_train_function(force: bool = False) -> Any:
        if force or model.train_function is None:
            vars(model)[STEP] = _marked(plain_step, counted)
        function = plain_make(force=force)
        marking.compiled = model.train_function
        return function

    marking: Any = make_train_function
    marking.counted, marking.replaced, marking.compiled = counted, replaced, None
    vars(model)[MAKE] = marking


def _marked(plain: Any, optimizers: Sequence[Any]) -> Any:
    @wraps(plain)
    def train_step(*args: Any, **kwargs: Any) -> Any:
        for optimizer in optimizers:
            optimizer.begin_step()
        try:
            return plain(*args, **kwargs)
        finally:
            for optimizer in optimizers:
                optimizer.end_step()

    return train_step


def is_compiled_by_batch(model: Any) -> bool:
    """Return whether the compiled step of the model marks where a batch begins."""
    return model.train_function is not None and vars(model)[MAKE].compiled is model.train_function


def count_by_application(model: Any) -> None:
    """Restore the `train_step` of the model, and forget what was compiled with the other."""
    made: Any = vars(model).get(MAKE)
    if hasattr(made, "counted"):
        for name in (STEP, MAKE):
            vars(model).pop(name, None)
        vars(model).update(made.replaced)
    forget_state(model)
    model.train_function = None


def save_state(model: Any) -> None:
    """Keep the state on JAX until the first step is over, so that `fit` restores it if that step is interrupted.

    Keras takes the state out of the model, and puts back what the last step returned. The step deletes the arrays that
    are kept here, which it replaces, so that they take no memory.
    """
    if keras.config.backend() != "jax":
        return
    vars(model).pop(SYNC, None)
    variables = [*model.variables, *getattr(model.optimizer, "variables", ()), *model.metrics_variables]
    saved = [(variable, variable._value) for variable in variables]
    put_back = model.jax_state_sync

    def jax_state_sync() -> None:
        put_back()
        if not getattr(model, "_jax_state", None):
            for variable, value in saved:
                if variable._value is None and not value.is_deleted():
                    variable._value = value

    vars(model)[SYNC] = jax_state_sync


def forget_state(model: Any) -> None:
    """Undo `save_state`."""
    vars(model).pop(SYNC, None)


def has_other_variables(optimizer: Any, model: Any) -> bool:
    """Return whether an optimizer was built for variables of another model.

    Keras refuses it on TensorFlow and PyTorch. On JAX it would use the moments of the other variables. A custom
    `train_step` may train a part of the model with it, also one that is not trainable now.
    """
    known = {id(variable) for variable in optimizer._trainable_variables} if optimizer.built else set()
    if not known or not model.trainable_variables:
        return False
    if type(model).train_step is not keras.Model.train_step:
        return not any(id(variable) in known for variable in model.variables)
    return not all(id(variable) in known for variable in model.trainable_variables)


def is_readable(variable: Any) -> bool:
    """Return whether the variable has a value here: the compiled step of JAX has those of its arguments alone."""
    if keras.config.backend() != "jax":
        return True
    if in_stateless_scope():
        scope: Any = get_stateless_scope()
        return scope.get_current_value(variable) is not None
    return variable._value is not None and not _is_traced(variable._value)


def is_on_host(variable: Any) -> bool:
    """Return whether the variable has a value that NumPy can read here."""
    if keras.config.backend() == "tensorflow":
        import tensorflow

        return tensorflow.executing_eagerly()
    return is_readable(variable) and not in_stateless_scope()


def _is_traced(value: Any) -> bool:
    jax: Any = import_module("jax")
    return isinstance(value, jax.core.Tracer)
