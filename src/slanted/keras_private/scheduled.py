"""An optimizer whose learning rate is a curve over a run, evaluated in the compiled training step."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, ClassVar

import keras

from slanted.curves.curve import Curve
from slanted.errors import InputError
from slanted.keras_private.optimizer_state import FIRST, FOLLOW_THE_CURVE, Applying, RunState, StateApart

ops: Any = keras.ops
_adopted: dict[tuple[type, type], type] = {}


@keras.saving.register_keras_serializable(package="slanted")
class ScheduledOptimizer:
    """Mixin for an optimizer class: its learning rate is a curve over a run, evaluated in the compiled training step.

    `adopt` converts an optimizer, built or not, in place.
    """

    plain_class: ClassVar[type]

    @classmethod
    def adopt(cls, optimizer: Any) -> Any:
        """Replace the class of `optimizer`, in place, by one that follows curves, and return `optimizer`.

        Raises:
            InputError: It is a `MultiOptimizer`, which has several learning rates.
        """
        if isinstance(optimizer, cls):
            return optimizer
        if isinstance(optimizer, keras.optimizers.MultiOptimizer):
            raise InputError(
                "A curve drives one optimizer for the whole model. Received: MultiOptimizer. "
                "For a rate per layer group use `slanted.LayerwiseOptimizer`."
            )
        scheduled = isinstance(optimizer, ScheduledOptimizer)
        optimizer.__class__ = cls._mixed_with(optimizer.plain_class if scheduled else type(optimizer))
        if not scheduled:
            optimizer._add_run_state()
        return optimizer

    @classmethod
    def _mixed_with(cls, plain_class: type) -> type:
        return mixed(cls, plain_class)

    def _add_run_state(self: Any) -> None:
        self._curve = None
        self._rate_was_set = False
        self._applying = Applying()
        self._run = RunState(self._track_late)
        self._track_apart(self._run)

    def _track_apart(self: Any, state: StateApart) -> None:
        self._tracker.unlock()
        for variable in state.variables:
            self._track_variable(variable)

    def _track_late(self: Any, variable: Any) -> None:
        self._tracker.unlock()
        self._track_variable(variable)

    def _states_apart(self: Any) -> list[StateApart]:
        return [self._run]

    @property
    def curve(self: Any) -> Curve | None:
        """The curve that the learning rate follows, or None."""
        return self._curve

    def follow(self: Any, curve: Curve) -> bool:
        """Follow `curve` from now on; return whether the training step must be compiled again."""
        same = self._curve is not None and _shape_of(self._curve) == _shape_of(curve)
        self._curve = curve
        self._run.count = curve.constants_count
        return self._run.make_room(self._run.count) or not same

    def begin_run(self: Any, total_steps: int, elapsed: int | None) -> None:
        """Bind the curve to a run of `total_steps` batches, `elapsed` of them done.

        Args:
            total_steps: T, in batches.
            elapsed: The number of batches trained before; None: the position restored from a checkpoint.

        Raises:
            InputError: The number of the curve's constants depends on the length of the run.
        """
        constants = self._curve.constants(total_steps)
        if len(constants) != self._run.count:
            raise InputError(
                f"{type(self._curve).__name__} must have the same number of constants in a run of any length. "
                f"Received: {len(constants)} for {total_steps} steps, {self._run.count} for 1. Mend its `constants`."
            )
        first = self._run_first() if elapsed is None else self.batches_seen - elapsed
        self._run.steps.assign([first, total_steps])
        keep_set_rate = elapsed is None or self._rate_was_set
        rate = float(self._run.rates.numpy()[FIRST]) if keep_set_rate else FOLLOW_THE_CURVE
        self._run.assign(constants, rate)
        self._run.known = True

    def await_run(self: Any) -> None:
        """Prepare for a new run: a learning rate set by hand applied to the run before it only."""
        self._rate_was_set = False

    def _run_first(self: Any) -> int:
        return int(self._run.steps.numpy()[0])

    @property
    def batches_seen(self: Any) -> int:
        """The number of batches this optimizer has been applied to; each accumulated batch counts."""
        return int(ops.convert_to_numpy(self._iterations))

    @property
    def elapsed(self: Any) -> int:
        """The number of batches of the run trained so far, from the current or restored state."""
        return self.batches_seen - self._run_first()

    def apply(self: Any, grads: Any, trainable_variables: Any = None) -> None:
        """Update the variables, and count the batch."""
        with once_there_is_data(grads):
            super().apply(grads, trainable_variables)  # type: ignore[misc]

    def _backend_apply_gradients(self: Any, grads: Any, trainable_variables: Any) -> None:
        with self.rate_of_this_batch():
            super()._backend_apply_gradients(grads, trainable_variables)  # type: ignore[misc]

    @contextmanager
    def rate_of_this_batch(self: Any) -> Iterator[None]:
        """Evaluate the learning rate once, record it, and use it for all updates in this context; contexts may nest."""
        if self._applying.rate is not None:
            yield
            return
        # Keras reads the rate once for each variable, and evaluating a curve takes some twenty operations.
        self._applying.rate = self._get_current_learning_rate()
        self._applying.record(self._applying.rate)
        try:
            yield
        finally:
            self._applying.rate = None

    def _get_current_learning_rate(self: Any) -> Any:
        if self._applying.rate is not None:
            return self._applying.rate
        if self._curve is None:
            return super()._get_current_learning_rate()  # type: ignore[misc]
        if not self._run.known:
            self._curve.run_length()  # raises if there is none: created from a config, and no run has begun
        steps, set_rate = ops.convert_to_tensor(self._run.steps), ops.convert_to_tensor(self._run.rates)[FIRST]
        elapsed = ops.cast(self._iterations, "int32") - steps[0]
        followed = self._curve.on_device(elapsed, steps[1], self._run.constants())
        return ops.where(set_rate < 0.0, followed, set_rate)

    @property
    def learning_rate(self: Any) -> Any:
        """The learning rate of the next batch; setting a number replaces the curve for the rest of the run."""
        return self._get_current_learning_rate()

    @learning_rate.setter
    def learning_rate(self: Any, learning_rate: Any) -> None:
        if callable(learning_rate):
            self._curve = None
        if self._curve is None:
            self.plain_class.learning_rate.fset(self, learning_rate)
        if not callable(learning_rate):
            first = ops.convert_to_tensor(self._run.rates)[:FIRST]
            rate = ops.reshape(ops.cast(learning_rate, "float32"), (1,))
            self._run.rates.assign(ops.concatenate([first, rate]))
            self._rate_was_set = True

    def plain_config(self: Any) -> dict[str, Any]:
        """Return the serialised optimizer without a curve."""
        plain: Any = self.plain_class
        written: Any = keras.saving.serialize_keras_object(plain.from_config(plain.get_config(self)))
        return written

    def get_config(self: Any) -> dict[str, Any]:
        """Return the configurations of the plain optimizer and of the curve."""
        curve = None if self._curve is None else keras.saving.serialize_keras_object(self._curve)
        return {"optimizer": self.plain_config(), "curve": curve}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Any:
        """Create the optimizer and its curve; without `total_steps` it needs a run, begun or loaded, before a step."""
        made = keras.saving.deserialize_keras_object(config["optimizer"], custom_objects=custom_objects)
        optimizer = ScheduledOptimizer.adopt(made)
        if config["curve"] is not None:
            curve = keras.saving.deserialize_keras_object(config["curve"], custom_objects=custom_objects)
            optimizer.follow(curve)
            if curve.total_steps is not None:
                optimizer.begin_run(curve.total_steps, 0)
        return optimizer

    def save_own_variables(self: Any, store: Any) -> None:
        """Write the variables of the plain optimizer, in its order; Keras saves the state of the run separately."""
        for index, variable in enumerate(self._plain_variables()):
            value = self.learning_rate if variable is self._learning_rate and self._run.known else variable
            store[str(index)] = ops.convert_to_numpy(value)

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

    @property
    def room(self: Any) -> int:
        """The number of curve constants that the variables have space for."""
        return self._run.room

    def make_room(self: Any, count: int) -> None:
        """Add variables until there is space for `count` constants of a curve."""
        self._run.make_room(count)

    def _plain_variables(self: Any) -> list[Any]:
        state = {id(variable) for variable in self.variables_apart()}
        return [variable for variable in self._variables if id(variable) not in state]


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


def _shape_of(curve: Curve) -> tuple[type, dict[str, Any]]:
    """Return the constants of the compiled step: the class and the arguments, but for the length of the run."""
    return type(curve), {name: value for name, value in curve.get_config().items() if name != "total_steps"}


def once_there_is_data(grads: Any) -> AbstractContextManager[None]:
    """Return a context whose operations run only after a gradient is computed.

    With a dataset of unknown length TensorFlow starts one step too many at the end of an epoch. That step fails for
    lack of a batch, but its operations that need no batch run: Keras counts 21 iterations in three epochs of six
    batches.
    """
    if keras.config.backend() != "tensorflow":
        return nullcontext()
    import tensorflow

    return tensorflow.control_dependencies([gradient for gradient in grads if gradient is not None][-1:])
