"""An optimizer whose learning rate is a curve over a run, evaluated in the compiled training step."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

import keras
from keras.src.backend.common.symbolic_scope import in_symbolic_scope

from slanted.curves.curve import Curve
from slanted.errors import InputError
from slanted.keras_private.optimizer_state import Applying, RunState, StateApart
from slanted.keras_private.plain_optimizer import RateVariable, SavedAsPlain, mixed, recall_run
from slanted.keras_private.training_step import is_on_host, is_readable, once_there_is_data

ops: Any = keras.ops


@keras.saving.register_keras_serializable(package="slanted")
class ScheduledOptimizer(SavedAsPlain):
    """Mixin for an optimizer class: its learning rate is a curve over a run, evaluated in the compiled training step.

    `adopt` converts an optimizer, built or not, in place.
    """

    plain_class: ClassVar[type]

    @classmethod
    def adopt(cls, optimizer: Any) -> Any:
        """Replace the class of `optimizer`, in place, by one that follows curves, and return `optimizer`.

        Raises:
            InputError: It is a `MultiOptimizer`, which has several learning rates, or a `ScheduleFreeAdamW`.
        """
        if isinstance(optimizer, cls):
            return optimizer
        if isinstance(optimizer, keras.optimizers.MultiOptimizer):
            raise InputError(
                "A curve drives one optimizer for the whole model. Received: MultiOptimizer. "
                "Pass the optimizers inside it as `optimizer=` of the callback, "
                "or use `slanted.LayerwiseOptimizer` for a rate per layer group."
            )
        if isinstance(optimizer, keras.optimizers.ScheduleFreeAdamW):
            raise InputError(
                "ScheduleFreeAdamW takes no curve and no layer rates: its average of weights counts each step alike, "
                "whatever the rate, and Keras does not evaluate that average. Use AdamW."
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
        self._before_set: tuple[int, float] | None = None
        self._epoch_end: int | None = None
        self._applying = Applying()
        self._run = RunState(self._track_late)
        self._track_apart(self._run)
        recall_run(self)
        vars(self)["_rate_variable"] = RateVariable(self)  # `__setattr__` would track it

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
        first = self._run.first if elapsed is None else self.batches_seen - elapsed
        keep_set_rate = (elapsed is None and self._run.known) or self._rate_was_set
        set_rate = self._run.set_rate if keep_set_rate else None
        self._run.steps.assign([first, total_steps])
        self._run.assign(constants, set_rate)
        self._run.known = True
        self._before_set = None

    def await_run(self: Any, driver: Any = None) -> None:
        """Prepare for a new run, driven by `driver`: a learning rate set by hand applied to the run before it only."""
        self._rate_was_set = False
        self._applying.driver = driver

    @property
    def driver(self: Any) -> Any:
        """The callback that bound the curve last."""
        return self._applying.driver

    def begin_epoch(self: Any, steps: int | None) -> None:
        """Note that an epoch begins, of `steps` batches if that is known."""
        self._epoch_end = None if steps is None else self.elapsed + steps

    def end_epoch(self: Any) -> None:
        """Note that an epoch is over: until the next begins, the learning rate is that of its last batch."""
        self._epoch_end = self.elapsed

    def end_run(self: Any) -> None:
        """Stop following the curve; the learning rate stays at that of the last batch, or at that set by hand."""
        if self._follows:
            rate = self._run.set_rate
            if rate is None and self.elapsed and self._applying.is_traced:
                rate = self.last_rate()
            self._curve = None
            if rate is not None and isinstance(self._learning_rate, keras.Variable):
                self.plain_class.learning_rate.fset(self, rate)
        self._epoch_end = self._before_set = None

    def last_rate(self: Any) -> float:
        """Return the learning rate of the last batch, before any rate that was set by hand since."""
        if self._is_set_again():
            return self._before_set[1]
        return float(ops.convert_to_numpy(self._rate(back=True)))

    def _is_set_again(self: Any) -> bool:
        """Return whether a rate was set by hand since the last batch."""
        return self._before_set is not None and self._before_set[0] == self.elapsed

    @property
    def batches_seen(self: Any) -> int:
        """The number of times this optimizer has been applied; each accumulated batch counts."""
        return int(ops.convert_to_numpy(self._iterations))

    @property
    def elapsed(self: Any) -> int:
        """The number of batches of the run trained so far, from the current or restored state."""
        return self.batches_seen - self._run.first

    def begin_batch(self: Any, *, is_counted: bool) -> Any:
        """Note that a training step begins; `is_counted`: it ends with `count_batch`. Its updates are of one batch."""
        self._applying.begin_step(is_counted)
        if is_counted and keras.config.backend() == "jax":
            self._applying.rate_of_step = self._rate()

    def count_batch(self: Any, _: Any) -> None:
        """Count the batch of the training step, however often the step applied this optimizer."""
        self._run.set_elapsed(self._run.elapsed(self._iterations) + 1, self._iterations)

    def end_step(self: Any) -> None:
        """Note that the training step is over."""
        self._applying.end_step()

    def apply(self: Any, grads: Any, trainable_variables: Any = None) -> None:
        """Update the variables; outside a training step that counts its batch, count a batch."""
        if not (grads := list(grads)):
            super().apply(grads, trainable_variables)  # type: ignore[misc]
            return
        with self.rate_of_this_batch(grads):
            elapsed = self._run.elapsed(self._iterations)
            super().apply(grads, trainable_variables)  # type: ignore[misc]
            if self._applying.is_counted:
                self._run.set_elapsed(elapsed, self._iterations)

    def _backend_apply_gradients(self: Any, grads: Any, trainable_variables: Any) -> None:
        with self.rate_of_this_batch():
            super()._backend_apply_gradients(grads, trainable_variables)  # type: ignore[misc]

    @contextmanager
    def rate_of_this_batch(self: Any, grads: Any = ()) -> Iterator[None]:
        """Evaluate the rate once there are `grads`, record it, and use it for all updates in this context."""
        # PyTorch compiles a step with one context around an update, and fails with two.
        with once_there_is_data(grads):
            if self._applying.rate is not None:
                yield
                return
            # Keras reads the rate once for each variable, and evaluating a curve takes some twenty operations.
            self._applying.begin(self._get_current_learning_rate())
            try:
                yield
            finally:
                self._applying.end()

    @property
    def _follows(self: Any) -> bool:
        return self._curve is not None and self._run.known

    def _rate(self: Any, back: bool = False) -> Any:
        """Return the learning rate of the next batch, or with `back` of the batch before it."""
        if not self._follows:
            return super()._get_current_learning_rate()  # type: ignore[misc]
        steps, rates = ops.convert_to_tensor(self._run.steps), ops.convert_to_tensor(self._run.rates)
        elapsed = self._run.elapsed(self._iterations)
        if back:
            elapsed = ops.maximum(elapsed - 1, 0)
        followed = self._curve.on_device(elapsed, ops.absolute(steps[1]), self._run.constants())
        return ops.where(steps[1] < 0, rates[-1], followed)

    def rate_to_read(self: Any) -> Any:
        """Return the learning rate of the batch that is trained, else of the next batch.

        After the last batch of an epoch and in a compiled evaluation it is that of the last batch.

        Raises:
            InputError: A compiled step of JAX reads it, which has no value of it.
        """
        if not self._follows or in_symbolic_scope():
            return super()._get_current_learning_rate()  # type: ignore[misc]
        if not is_readable(self._iterations):
            if self._applying.rate_of_step is None:
                raise InputError(
                    f"The learning rate of {self.name!r} must be read in the training step, after its update, or "
                    "outside compiled steps on JAX. Received: a read in another compiled step. "
                    "Use history['learning_rate'] of `fit`, or leave it out of the metrics for validation."
                )
            return self._applying.rate_of_step
        if self._applying.in_step:
            return self._rate()
        if not is_on_host(self._iterations):
            return self._rate(back=True)
        return self._rate(back=self._epoch_end is not None and self.elapsed >= self._epoch_end)

    def _get_current_learning_rate(self: Any) -> Any:
        if self._applying.rate is not None:
            return self._applying.rate
        return self._rate()

    @property
    def learning_rate(self: Any) -> Any:
        """The learning rate, as a variable; setting a number replaces the curve for the rest of the run.

        It is the rate of the next batch, and at the end of an epoch that of its last batch.
        """
        return self._rate_variable if self._applying.rate is None else self._get_current_learning_rate()

    @learning_rate.setter
    def learning_rate(self: Any, learning_rate: Any) -> None:
        if callable(learning_rate):
            self._curve = None
        if not self._follows:
            self.plain_class.learning_rate.fset(self, learning_rate)
        if not callable(learning_rate):
            self._applying.check_settable(self.name)
            if self._follows and is_on_host(self._iterations):
                before = self._run.set_rate
                last = self.last_rate() if before is None or self._is_set_again() else before
                self._before_set = self.elapsed, last
            self._run.set_by_hand(learning_rate)
            self._rate_was_set = True

    def get_config(self: Any) -> dict[str, Any]:
        """Return the learning rate, and the configurations of the plain optimizer and of the curve."""
        curve = None if self._curve is None else keras.saving.serialize_keras_object(self._curve)
        plain = self.plain_config()
        return {"learning_rate": plain["config"].get("learning_rate"), "optimizer": plain, "curve": curve}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Any:
        """Create the optimizer and its curve.

        A curve without `total_steps` is followed from the next run on, begun or loaded; until then the learning rate is
        that of the configuration.
        """
        plain = config["optimizer"]
        if config.get("learning_rate") is not None:
            plain = {**plain, "config": {**plain["config"], "learning_rate": config["learning_rate"]}}
        made = keras.saving.deserialize_keras_object(plain, custom_objects=custom_objects)
        optimizer = ScheduledOptimizer.adopt(made)
        if config["curve"] is not None:
            curve = keras.saving.deserialize_keras_object(config["curve"], custom_objects=custom_objects)
            optimizer.follow(curve)
            if curve.total_steps is not None:
                optimizer.begin_run(curve.total_steps, 0)
        return optimizer


def _shape_of(curve: Curve) -> tuple[type, dict[str, Any]]:
    """Return the constants of the compiled step."""
    return type(curve), {name: value for name, value in curve.get_config().items() if name != "total_steps"}
