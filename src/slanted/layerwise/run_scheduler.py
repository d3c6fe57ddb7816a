"""Callbacks that train with a curve over the whole run of `fit`."""

import itertools
from collections.abc import Sequence
from typing import Any
from weakref import WeakSet

import keras

from slanted.curves.curve import Curve
from slanted.curves.slanted_triangular import SlantedTriangular
from slanted.errors import InputError, SettingError
from slanted.keras_private.layers_and_trainers import forget_restored_epoch, recompile_train_step
from slanted.keras_private.loss_scaling import end_run, innermost, is_applied, is_scheduled, scheduled
from slanted.keras_private.training_step import (
    count_by_application,
    count_by_batch,
    forget_state,
    has_other_variables,
    is_compiled_by_batch,
    save_state,
)

__all__ = ["RunScheduler", "SlantedTriangularScheduler"]

Optimizers = Any  # one keras.optimizers.Optimizer, or several, or None


class RunScheduler(keras.callbacks.Callback):
    """Train with a curve over the whole run of `fit`: E epochs of S batches, T = E * S steps.

    The curve is evaluated inside the compiled training step. It is therefore exact at every batch with any
    `steps_per_execution`, and no Python code runs between batches. The rates do not depend on the order of callbacks; a
    callback that reads `learning_rate` in the logs of an epoch, such as CSVLogger, must follow this one.

    A `fit` from epoch 0 is a new run and starts at t = 0. A `fit` from epoch k > 0, set by `initial_epoch` or restored
    by `BackupAndRestore`, continues a run: at the restored step if the optimizer was restored inside epoch k, else at
    k * S. Setting `optimizer.learning_rate` to a number replaces the curve for the rest of the run. After the run the
    optimizer is the plain one again, at the learning rate of the last batch; if `fit` is interrupted, as soon as a
    `fit` without this callback begins. t and T count batches, however often `train_step` applies the optimizer for
    each, and with gradient accumulation too; a batch that loss scaling skips is not counted. `History` has the learning
    rate of the last batch of each epoch as `learning_rate`, or with several optimizers as
    `learning_rate_<optimizer.name>` (equal names get `_2`).

    Args:
        curve: Any curve of `slanted`. If it has `total_steps`, that is T.
        optimizer: An optimizer, or several, that the model's own `train_step` applies, or the optimizers inside a
            MultiOptimizer. All updates for one batch have its rate. None: the optimizer of `compile`.

    Raises:
        InputError: When `fit` starts: the model has no optimizer, the number of batches per epoch is unknown and the
            curve has no `total_steps`, the optimizer was built for another model or follows another curve too, or it is
            a MultiOptimizer or a ScheduleFreeAdamW. After the first epoch: no batch applied the optimizer.

    Example:
        >>> from slanted.curves import CosineWarmup
        >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
        >>> model.compile("adam", "mse")
        >>> scheduler = RunScheduler(CosineWarmup(lr_max=0.01, warmup=0.25))
        >>> x, y = keras.ops.ones((64, 2)), keras.ops.ones((64, 1))
        >>> history = model.fit(x, y, batch_size=8, epochs=2, verbose=0, callbacks=[scheduler])
        >>> [round(rate, 6) for rate in history.history["learning_rate"]]
        [0.008536, 0.00017]
    """

    params: Any
    ends_with_fit = True  # TrialModel keeps the compiled step for its next run

    def __init__(self, curve: Curve, optimizer: Optimizers = None) -> None:
        super().__init__()
        if not isinstance(curve, Curve):
            raise SettingError("curve", "a curve such as slanted.SlantedTriangular", curve)
        self.curve = curve
        self._given = _checked_optimizers(optimizer)
        self._driven: list[Any] = []
        self._turn = 0
        self._bound = self._is_training = False

    def set_model(self, model: Any) -> None:
        """Add the variables of a run to the optimizers before a callback restores them; their rates do not change."""
        super().set_model(model)
        self._bound = self._is_training = False
        self._driven = self._optimizers_of(model)
        self._were_plain = not any(map(is_scheduled, self._driven))
        try:
            for optimizer in self._driven:
                self._refuse_other_variables(optimizer, model)
                scheduled(optimizer).await_run(self)
        except InputError:
            self._end()
            raise
        if self._driven:
            forget_restored_epoch(model)
            count_by_batch(model, self._driven, end_run)

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Raise if there is no optimizer, another callback drives it, or the length of the run is unknown."""
        if self.model is None:
            raise InputError(
                f"{type(self).__name__} must know its model. Received: model=None. "
                "Pass `model=model` to `keras.callbacks.CallbackList`."
            )
        if not self._driven or not all(map(is_scheduled, self._driven)):
            self.set_model(self.model)  # a CallbackList made by hand is used again, or after another `fit`
        if not self._driven:
            raise InputError(
                f"{type(self).__name__} must have an optimizer to drive. Received: model.optimizer=None. "
                "Call `model.compile(optimizer=...)` before `fit`."
            )
        self._is_training = True
        try:
            self._total_steps()
            self._join()
        except InputError:
            for other in self._together():
                other._end()
            self._end()
            raise

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Bind the curve at the first epoch, whose number other callbacks may have changed in `on_train_begin`."""
        steps = self._steps_per_epoch()
        if not self._bound:
            self._bound = True
            model: Any = self.model
            changed = [optimizer.follow(self.curve) for optimizer in self._scheduled()]
            if any(changed) or not is_compiled_by_batch(model):
                recompile_train_step(model)
            for optimizer in self._scheduled():
                optimizer.begin_run(self._total_steps(), self._elapsed(epoch, optimizer))
            save_state(model)
        for optimizer in self._scheduled():
            optimizer.begin_epoch(steps)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Log the learning rate of the last batch.

        Raises:
            InputError: The training step has not applied an optimizer.
        """
        model: Any = self.model  # on JAX this copies the state of the compiled step to the variables
        for optimizer in self._driven:
            if not is_applied(optimizer) and model.trainable_variables:
                self._end()
                raise InputError(
                    f"{type(self).__name__} must drive an optimizer that the training step applies. Received: "
                    f"{type(optimizer).__name__} {optimizer.name!r}, which no batch of an epoch applied. "
                    "Pass those that `train_step` applies as `optimizer=`, one or several."
                )
        if logs is not None:
            logs.update({name: innermost(optimizer).last_rate() for name, optimizer in self._names()})
        for optimizer in self._scheduled():
            optimizer.end_epoch()
        forget_state(model)

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        """Restore the plain optimizers, at the rate of the last batch; the next `fit` starts a new run."""
        forget_restored_epoch(self.model)
        if self.ends_with_fit:
            self._end()

    def on_test_end(self, logs: dict[str, Any] | None = None) -> None:
        """Restore the plain optimizers after `evaluate` outside `fit`."""
        if not self._is_training and self._were_plain:
            self._end()

    def on_predict_end(self, logs: dict[str, Any] | None = None) -> None:
        """Restore the plain optimizers after `predict` outside `fit`."""
        if not self._is_training and self._were_plain:
            self._end()

    def _optimizers_of(self, model: Any) -> list[Any]:
        compiled = getattr(model, "optimizer", None)
        if compiled is None or not self._given:
            return [*self._given] if compiled is None else [compiled]
        return [compiled if innermost(compiled) is optimizer else optimizer for optimizer in self._given]

    def _refuse_other_variables(self, optimizer: Any, model: Any) -> None:
        if not self._given and has_other_variables(optimizer, model):
            raise InputError(
                f"An optimizer must train one model. Received: {type(optimizer).__name__} {optimizer.name!r}, "
                f"which was built for other variables than those of model {model.name!r}. "
                "Create an optimizer for each model."
            )

    def _join(self) -> None:
        """Join the callbacks that drive optimizers in this `fit`."""
        for optimizer in self._scheduled():
            if optimizer.driver is not self:
                raise InputError(
                    f"An optimizer must follow one curve. Received: {type(optimizer).__name__} {optimizer.name!r} in "
                    f"two callbacks. Leave one out, or pass other optimizers as its `optimizer=`."
                )
        self._turn = next(_turns)
        _training.add(self)

    def _names(self) -> list[tuple[str, Any]]:
        """Return the names of this callback's learning rates in the logs, with the optimizers."""
        every = [(scheduler, optimizer) for scheduler in self._together() for optimizer in scheduler._driven]
        if len(every) == 1:
            return [("learning_rate", every[0][1])]
        names, own = list[str](), list[tuple[str, Any]]()
        for scheduler, optimizer in every:
            names.append(f"learning_rate_{optimizer.name}")
            count = names.count(names[-1])
            if scheduler is self:
                own.append((names[-1] if count == 1 else f"{names[-1]}_{count}", optimizer))
        return own

    def _together(self) -> list["RunScheduler"]:
        """Return the callbacks that drive optimizers in this `fit` and have begun, in the order in which they did."""
        running = [other for other in _training if other._model is self._model and other.params is self.params]
        return sorted(running, key=lambda scheduler: scheduler._turn)

    def _scheduled(self) -> list[Any]:
        return [innermost(optimizer) for optimizer in self._driven]

    def _end(self) -> None:
        for optimizer in self._driven:
            end_run(optimizer)
        count_by_application(self.model)
        self._driven, self._is_training = [], False
        _training.discard(self)

    def _steps_per_epoch(self) -> int | None:
        return (self.params or {}).get("steps")

    def _total_steps(self) -> int:
        if self.curve.total_steps is not None:
            return self.curve.total_steps
        if "epochs" not in (self.params or {}):
            raise InputError(
                f"{type(self).__name__} must know the length of the run. Received: a CallbackList without it. "
                "Pass `epochs=` and `steps=` (batches per epoch) to `keras.callbacks.CallbackList`, "
                "or `total_steps=` to the curve."
            )
        steps = self._steps_per_epoch()
        if steps is None:
            raise InputError(
                f"{type(self).__name__} must know how many batches an epoch has, and the data does not say. "
                "Pass `steps_per_epoch=` to `fit`, or `total_steps=` to the curve."
            )
        return self.params["epochs"] * steps

    def _elapsed(self, epoch: int, optimizer: Any) -> int | None:
        """Return the number of batches already trained, or None to use the number in the restored optimizer."""
        steps = self._steps_per_epoch()
        if epoch == 0:
            return 0
        if steps is None:
            return None
        restored = epoch * steps <= optimizer.elapsed < (epoch + 1) * steps
        return None if restored else epoch * steps


_training: WeakSet[RunScheduler] = WeakSet()
_turns = itertools.count()


class SlantedTriangularScheduler(RunScheduler):
    """Slanted triangular learning rates for any Keras script, updated at every batch.

    Args:
        lr_max: The peak learning rate, > 0. 2e-5 suits BERT-base.
        cut_frac: The share of the run in which the rate rises, in [0, 1].
        ratio: The peak divided by the lowest rate, >= 1.
        optimizer: An optimizer, or several, that the model's own `train_step` applies; None: that of `compile`.

    Raises:
        ValueError: An argument is out of its range.

    Example:
        >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
        >>> model.compile("adam", "mse")
        >>> stlr = SlantedTriangularScheduler(lr_max=0.032, cut_frac=0.1, ratio=32)
        >>> x, y = keras.ops.ones((64, 2)), keras.ops.ones((64, 1))
        >>> history = model.fit(x, y, batch_size=8, epochs=2, verbose=0, callbacks=[stlr])
        >>> round(history.history["learning_rate"][-1], 6)
        0.003153

    Source: Howard and Ruder 2018, equation 3; see `slanted.SlantedTriangular`.
    """

    def __init__(
        self, lr_max: float = 0.001, cut_frac: float = 0.1, ratio: float = 32.0, optimizer: Optimizers = None
    ) -> None:
        super().__init__(SlantedTriangular(lr_max=lr_max, cut_frac=cut_frac, ratio=ratio), optimizer)


def _checked_optimizers(optimizer: Any) -> tuple[Any, ...]:
    several = isinstance(optimizer, Sequence) and not isinstance(optimizer, str)
    optimizers = () if optimizer is None else tuple(optimizer) if several else (optimizer,)
    if not all(isinstance(one, keras.optimizers.Optimizer) for one in optimizers) or (several and not optimizers):
        raise SettingError("optimizer", "a keras.optimizers.Optimizer, or a list of them", optimizer)
    if len({id(innermost(one)) for one in optimizers}) < len(optimizers):
        raise SettingError("optimizer", "a list of different optimizers", optimizer)
    return optimizers
