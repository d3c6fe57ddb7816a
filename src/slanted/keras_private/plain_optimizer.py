"""What a scheduled optimizer shares with a plain one: its class and back, its saved form, its rate in a variable."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar
from weakref import WeakKeyDictionary

import keras
import numpy as np
from keras.src.utils.tracking import DotNotTrackScope

from slanted.errors import InputError
from slanted.keras_private.optimizer_state import StateApart

_adopted: dict[tuple[type, type], type] = {}


@dataclass(frozen=True)
class PastRun:
    """The run that an optimizer followed before it became a plain one again.

    Args:
        first: The number of its iterations that are no batches of the run.
        set_rate: The rate that was set by hand in the run, or None.
        left_at: The constant rate since the end of the run.
    """

    first: int
    set_rate: float | None
    left_at: float | None


_past_runs: WeakKeyDictionary[Any, PastRun] = WeakKeyDictionary()


def mixed(base: type, plain_class: type) -> type:
    """Return the class that derives from `base` and `plain_class`.

    Keras saves it under the name of `base`, whose `from_config` creates the right class. If `base` is such a class
    itself, as when `type(optimizer).from_config` is called, its mixin is used.
    """
    base = getattr(base, "mixed_in", base)
    if (base, plain_class) not in _adopted:
        made = type(plain_class.__name__, (base, plain_class), {"plain_class": plain_class, "mixed_in": base})
        register = keras.saving.register_keras_serializable(package="slanted", name=base.__name__)
        register(made)
        register(base)
        _adopted[base, plain_class] = made
    return _adopted[base, plain_class]


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


class SavedAsPlain:
    """Mixin: the variables and the configuration of the plain optimizer, without what slanted adds."""

    plain_class: ClassVar[type]

    def _track_apart(self: Any, state: StateApart) -> None:
        self._tracker.unlock()
        for variable in state.variables:
            self._track_variable(variable)

    def _track_late(self: Any, variable: Any) -> None:
        self._tracker.unlock()
        self._track_variable(variable)

    def plain_config(self: Any) -> dict[str, Any]:
        """Return the serialised optimizer without a curve, at the current learning rate."""
        with as_plain(self):
            written: Any = keras.saving.serialize_keras_object(self)
        if isinstance(self._learning_rate, keras.Variable) and "learning_rate" in written["config"]:
            written["config"]["learning_rate"] = float(self.learning_rate)
        return written

    def __reduce__(self: Any) -> Any:
        _, saved = super().__reduce__()
        return unpickled, saved

    def stateless_apply(self: Any, optimizer_variables: Any, grads: Any, trainable_variables: Any) -> Any:
        """Return the updated variables; a step that lists the optimizer's variables before `fit` passes the plain ones.

        Those of the run are then constants of the compiled step.
        """
        plain = {id(variable) for variable in self._plain_variables()}
        if len(optimizer_variables) != len(plain) or self._states_apart() != [self._run]:
            return super().stateless_apply(optimizer_variables, grads, trainable_variables)  # type: ignore[misc]
        if self._applying.updates:
            raise InputError(
                f"Several updates of {self.name!r} for one batch must pass all its variables. Received: those listed "
                "before `fit`. Read `optimizer.variables` within `train_step`."
            )
        self._applying.has_constant_run = True
        given = iter(optimizer_variables)
        values = [next(given) if id(variable) in plain else variable.value for variable in self.variables]
        updated, state = super().stateless_apply(values, grads, trainable_variables)  # type: ignore[misc]
        return updated, [value for variable, value in zip(self.variables, state, strict=True) if id(variable) in plain]

    def save_own_variables(self: Any, store: Any) -> None:
        """Write the variables of the plain optimizer, in its order; Keras saves the state of the run separately."""
        for index, variable in enumerate(self._plain_variables()):
            value = self.rate_to_read() if variable is self._learning_rate else variable
            store[str(index)] = keras.ops.convert_to_numpy(value)

    def load_own_variables(self: Any, store: Any) -> None:
        """Load the variables that `save_own_variables` or a plain optimizer wrote."""
        with self.with_plain_variables():
            self.plain_class.load_own_variables(self, store)

    @contextmanager
    def with_plain_variables(self: Any) -> Iterator[None]:
        """In this context `variables` lists those of the plain optimizer only.

        The list is replaced in `vars(self)`: `__setattr__` would store a copy, and Keras appends to the original list.
        """
        attributes = vars(self)
        tracked = attributes["_variables"]
        attributes["_variables"] = self._plain_variables()
        try:
            yield
        finally:
            attributes["_variables"] = tracked

    def variables_apart(self: Any) -> list[Any]:
        """Return the variables that the plain optimizer does not have."""
        return [variable for apart in self._states_apart() for variable in apart.variables]

    def _plain_variables(self: Any) -> list[Any]:
        state = {id(variable) for variable in self.variables_apart()}
        return [variable for variable in self._variables if id(variable) not in state]


@contextmanager
def as_plain(optimizer: Any) -> Iterator[None]:
    """Give the optimizer its plain class in this context."""
    adopted = type(optimizer)
    optimizer.__class__ = optimizer.plain_class
    try:
        yield
    finally:
        optimizer.__class__ = adopted


def release(optimizer: Any) -> None:
    """Restore the plain class and the plain variables of an optimizer whose run is over, in place."""
    run, rate = optimizer._run, optimizer._learning_rate
    _past_runs[optimizer] = PastRun(run.first, run.set_rate, _number(rate))
    _list_plain_variables(optimizer)
    for name in ("_curve", "_rate_was_set", "_before_set", "_epoch_end", "_applying", "_run"):
        delattr(optimizer, name)
    del vars(optimizer)["_rate_variable"]
    optimizer.__class__ = optimizer.plain_class


def _list_plain_variables(optimizer: Any) -> None:
    """Replace the list of variables: TensorFlow does not export an object that lost an item of a list."""
    plain, tracker = optimizer._plain_variables(), optimizer._tracker
    with DotNotTrackScope():
        optimizer._variables = plain
    is_variable, _ = tracker.config["variables"]
    tracker.config["variables"] = is_variable, optimizer._variables
    tracker.stored_ids["variables"] = set(map(id, plain))


def recall_run(optimizer: Any) -> None:
    """Restore the position in the last run: a run that was stopped may go on."""
    past = _past_runs.pop(optimizer, None)
    if past is None:
        return
    optimizer._run.steps.assign([past.first, 1])
    now = _number(optimizer._learning_rate)
    set_rate = past.set_rate if now == past.left_at else now
    if set_rate is not None:
        optimizer._run.set_by_hand(set_rate)
    optimizer._run.known = True


def unpickled(saved: Any) -> Any:
    """Load a pickled optimizer: a function of slanted, so that unpickling imports the class."""
    saveable: Any = keras.optimizers.Optimizer
    return saveable._unpickle_model(saved)


def _number(rate: Any) -> float | None:
    if not isinstance(rate, keras.Variable):
        return None
    number: Any = keras.ops.convert_to_numpy(rate)  # `float` does not read a variable that TensorFlow mirrors
    return float(number)
