"""The training step of a model: the batch it trains on, and its state if it is interrupted."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import wraps
from importlib import import_module
from typing import Any

import keras
from keras.src.backend.common.stateless_scope import get_stateless_scope, in_stateless_scope

STEP, MAKE, SYNC = "train_step", "make_train_function", "jax_state_sync"
KERAS_FUNCTIONS = "train_function", "test_function", "predict_function"


def count_by_batch(model: Any, optimizers: Sequence[Any], end_run: Callable[[Any], None]) -> None:
    """Make the updates that `train_step` makes of one batch by an optimizer one step of its run.

    A later `fit` whose callbacks drive none of these optimizers, as one after Ctrl-C, ends their runs when it begins.

    Args:
        model: The model. Until `count_by_application`, it has a `train_step` that marks where a batch begins.
        optimizers: The scheduled optimizers that `train_step` applies, as they are compiled.
        end_run: Restores the plain form of such an optimizer.
    """
    made = vars(model).get(MAKE)
    if not isinstance(made, _MarkedSteps):
        made = vars(model)[MAKE] = _MarkedSteps(model, end_run)
    made.drive(optimizers)


class _MarkedSteps:
    """The `make_train_function` of a model: it compiles a `train_step` that marks where a batch begins.

    Each compilation gets a function of its own: JAX does not trace the same function again.

    Args:
        model: The model.
        end_run: Restores the plain form of an optimizer.

    Attributes:
        driven: The optimizers that callbacks of the current `fit` drive.
        compiled: The training function of the last compilation.
    """

    def __init__(self, model: Any, end_run: Callable[[Any], None]) -> None:
        self.driven, self.compiled = list[Any](), None
        self._model, self._end_run, self._earlier = model, end_run, list[Any]()
        self._history = _history_of(model)
        self._functions = _compiled_functions(model)
        self._replaced = {name: vars(model)[name] for name in (STEP, MAKE, *self._functions) if name in vars(model)}
        self._step, self._make = model.train_step, model.make_train_function

    def drive(self, optimizers: Sequence[Any]) -> None:
        """Note that a callback drives `optimizers`."""
        self._compare_history()
        self.driven.extend(optimizer for optimizer in optimizers if optimizer not in self.driven)

    def __call__(self, force: bool = False) -> Any:
        """Compile the training step, if it is not compiled yet; end the runs of an earlier `fit` before that."""
        if self._end_earlier_runs():
            if not self.driven:
                count_by_application(self._model)
                return self._model.make_train_function(force=force)
            force = True
        if force or self._model.train_function is None:
            anew = {name: function._clone(None) for name, function in self._functions.items()}
            vars(self._model).update(anew)
            vars(self._model)[STEP] = _marked(self._model, anew.get(STEP, self._step), [*self.driven])
        function = self._make(force=force)
        self.compiled = self._model.train_function
        return function

    def restore(self) -> None:
        """Restore the methods of the model."""
        for name in (STEP, MAKE, *self._functions):
            vars(self._model).pop(name, None)
        vars(self._model).update(self._replaced)

    def _compare_history(self) -> None:
        """Each `fit` gives the model another History, before it calls a callback."""
        if self._history is not _history_of(self._model):
            self._history = _history_of(self._model)
            self._earlier, self.driven = [*self._earlier, *self.driven], []

    def _end_earlier_runs(self) -> bool:
        """End the runs that no callback of this `fit` continues; return whether there are any."""
        self._compare_history()
        over = [optimizer for optimizer in self._earlier if optimizer not in self.driven]
        self._earlier = []
        for optimizer in over:
            self._end_run(optimizer)
        return bool(over)


def _history_of(model: Any) -> Any:
    return getattr(model, "history", None)


def _compiled_functions(model: Any) -> dict[str, Any]:
    """Return the methods that a user compiled with `tf.function`: what they traced holds for one optimizer class."""
    if keras.config.backend() != "tensorflow":
        return {}
    import tensorflow

    compiled = tensorflow.types.experimental.PolymorphicFunction
    every = [*vars(model).items(), *(item for base in type(model).__mro__ for item in vars(base).items())]
    own = {name for name, value in every if isinstance(value, compiled) and name not in KERAS_FUNCTIONS}
    return {name: getattr(model, name) for name in sorted(own)}


def _marked(model: Any, plain: Any, optimizers: Sequence[Any]) -> Any:
    """Return the training step `plain` that counts one batch for each optimizer, however often it applies it."""

    @wraps(plain)
    def train_step(*args: Any, **kwargs: Any) -> Any:
        try:
            if keras.config.backend() == "jax":
                return _step_of_jax(model, plain, optimizers, *args, **kwargs)
            begun = [(optimizer, optimizer.begin_batch(is_counted=True)) for optimizer in optimizers]
            result = plain(*args, **kwargs)
            with once_there_is_data(args):
                for optimizer, before in begun:
                    optimizer.count_batch(before)
            return result
        finally:
            for optimizer in optimizers:
                optimizer.end_step()

    return train_step


def _step_of_jax(
    model: Any, plain: Any, optimizers: Sequence[Any], state: Any, *args: Any, **kwargs: Any
) -> tuple[Any, Any]:
    """Take the step; count the batch for those optimizers whose variables are in the state of the step."""
    variables = [*model.non_trainable_variables, *model.optimizer.variables]
    counted = [one for one in optimizers if {*map(id, one.variables)} <= {*map(id, variables)}]
    needed = {id(variable) for optimizer in counted for variable in optimizer.variables}

    def scope_of(state: Any) -> keras.StatelessScope:
        pairs = zip(variables, [*state[1], *state[2]], strict=True)
        return keras.StatelessScope(state_mapping=[pair for pair in pairs if id(pair[0]) in needed])

    with scope_of(state):
        begun = [(optimizer, optimizer.begin_batch(is_counted=optimizer in counted)) for optimizer in optimizers]
    logs, state = plain(state, *args, **kwargs)
    with scope_of(state) as after:
        for optimizer, before in begun:
            if optimizer in counted:
                optimizer.count_batch(before)
    values = [*state[1], *state[2]]
    for at, variable in enumerate(variables):
        if id(variable) in needed:
            values[at] = after.get_current_value(variable)
    count = len(state[1])
    return logs, (state[0], values[:count], values[count:], *state[3:])


def once_there_is_data(of_batch: Any) -> AbstractContextManager[None]:
    """Return a context whose operations run only once the tensors in `of_batch` are computed: a batch, or gradients.

    With a dataset of unknown length TensorFlow starts one step too many at the end of an epoch. That step fails for
    lack of a batch, but its operations that need no batch run: Keras counts 21 iterations in three epochs of six
    batches.
    """
    if keras.config.backend() != "tensorflow":
        return nullcontext()
    import tensorflow

    flat: Any = tensorflow.nest.flatten(of_batch, expand_composites=True)
    return tensorflow.control_dependencies([value for value in flat if tensorflow.is_tensor(value)][-1:])


def is_compiled_by_batch(model: Any) -> bool:
    """Return whether the compiled step of the model marks where a batch begins."""
    return model.train_function is not None and vars(model)[MAKE].compiled is model.train_function


def count_by_application(model: Any) -> None:
    """Restore the `train_step` of the model, and forget what was compiled with the other."""
    made: Any = vars(model).get(MAKE)
    if isinstance(made, _MarkedSteps):
        made.restore()
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
