"""Callbacks that bind a curve to the run that `fit` is about to make."""

from typing import Any, cast

import keras

from slanted.curves.curve import Curve
from slanted.curves.slanted_triangular import SlantedTriangular
from slanted.errors import InputError, SettingError
from slanted.keras_private.layers_and_trainers import forget_compiled_step, forget_restored_epoch
from slanted.keras_private.loss_scaling import innermost, scheduled

__all__ = ["RunScheduler", "SlantedTriangularScheduler"]


class RunScheduler(keras.callbacks.Callback):
    """Train with a curve that knows the length of its run: E epochs of S batches, T = E * S.

    The curve is evaluated inside the compiled training step, so that it is right at every batch under any
    `steps_per_execution`, and nothing runs in Python between batches. The order among other callbacks does not matter.

    A `fit` from epoch 0 is a new run and starts at t = 0. One from epoch k > 0, given as `initial_epoch` or restored by
    `BackupAndRestore`, continues: at the restored step if the optimizer was restored inside epoch k, else at k * S.
    Setting `optimizer.learning_rate` to a number replaces the curve for the rest of the run. After the run the rate
    stays at the curve's last. Under gradient accumulation t and T count batches; a batch that loss scaling skips is not
    counted. History gets, as `learning_rate`, the rate reached at each epoch's end.

    Args:
        curve: Any curve of `slanted`. Its own `total_steps`, where given, is used for T.

    Raises:
        InputError: At the start of `fit`: the model has no optimizer, or the number of batches of an epoch is unknown
            and the curve has no `total_steps`.
    """

    params: Any

    def __init__(self, curve: Curve) -> None:
        super().__init__()
        if not isinstance(curve, Curve):
            raise SettingError("curve", "a curve such as slanted.SlantedTriangular", curve)
        self.curve = curve
        self._bound = False

    def set_model(self, model: Any) -> None:
        """Give the optimizer a run's variables before any callback restores them; its rate stays what it is."""
        super().set_model(model)
        self._bound = False
        if getattr(model, "optimizer", None) is not None:
            scheduled(model.optimizer).await_run()
            forget_restored_epoch(model)

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Refuse a model without an optimizer and a run of unknown length before the first step."""
        if getattr(self.model, "optimizer", None) is None:
            raise InputError(
                f"{type(self).__name__} must have an optimizer to drive. Received: model.optimizer=None. "
                "Call `model.compile(optimizer=...)` before `fit`."
            )
        self._total_steps()

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Bind the curve at the first epoch, which by now every callback has had its chance to set."""
        if self._bound:
            return
        self._bound = True
        model: Any = self.model
        optimizer = innermost(model.optimizer)
        if optimizer.follow(self.curve):
            forget_compiled_step(model)
        optimizer.begin_run(self._total_steps(), self._elapsed(epoch, optimizer))

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Log the rate."""
        if logs is not None:
            model, ops = cast(Any, self.model), cast(Any, keras.ops)
            logs["learning_rate"] = float(ops.convert_to_numpy(model.optimizer.learning_rate))

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        """Leave no restored epoch behind for a later plain `fit`."""
        forget_restored_epoch(self.model)

    def _total_steps(self) -> int:
        if self.curve.total_steps is not None:
            return self.curve.total_steps
        steps = self.params.get("steps")
        if steps is None:
            raise InputError(
                f"{type(self).__name__} must know how many batches an epoch has, and the data does not say. "
                "Pass `steps_per_epoch=` to `fit`, or `total_steps=` to the curve."
            )
        return self.params["epochs"] * steps

    def _elapsed(self, epoch: int, optimizer: Any) -> int | None:
        """Return how many batches of the run are behind, None where the restored state says it."""
        steps = self.params.get("steps")
        if epoch == 0:
            return 0
        if steps is None:
            return None
        restored = epoch * steps <= optimizer.elapsed < (epoch + 1) * steps
        return None if restored else epoch * steps


class SlantedTriangularScheduler(RunScheduler):
    """Slanted triangular learning rates for any Keras script, set at every batch.

    Args:
        lr_max: The peak learning rate, > 0. 2e-5 suits BERT-base.
        cut_frac: The share of the run that rises, in [0, 1].
        ratio: How many times smaller the lowest rate is than the peak, >= 1.

    Raises:
        ValueError: An argument is out of its range.

    Example:
        >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
        >>> model.compile("adam", "mse")
        >>> stlr = SlantedTriangularScheduler(lr_max=0.032, cut_frac=0.1, ratio=32)
        >>> x, y = keras.ops.ones((64, 2)), keras.ops.ones((64, 1))
        >>> history = model.fit(x, y, batch_size=8, epochs=2, verbose=0, callbacks=[stlr])
        >>> round(history.history["learning_rate"][-1], 6)
        0.001

    Source: Howard and Ruder 2018, equation 3; see `slanted.SlantedTriangular`.
    """

    def __init__(self, lr_max: float = 0.001, cut_frac: float = 0.1, ratio: float = 32.0) -> None:
        super().__init__(SlantedTriangular(lr_max=lr_max, cut_frac=cut_frac, ratio=ratio))
