"""Callbacks that train with a curve over the whole run of `fit`."""

from typing import Any, cast

import keras

from slanted.curves.curve import Curve
from slanted.curves.slanted_triangular import SlantedTriangular
from slanted.errors import InputError, SettingError
from slanted.keras_private.layers_and_trainers import forget_restored_epoch, recompile_train_step
from slanted.keras_private.loss_scaling import innermost, scheduled

__all__ = ["RunScheduler", "SlantedTriangularScheduler"]


class RunScheduler(keras.callbacks.Callback):
    """Train with a curve over the whole run of `fit`: E epochs of S batches, T = E * S steps.

    The curve is evaluated inside the compiled training step. It is therefore exact at every batch with any
    `steps_per_execution`, and no Python code runs between batches. The order of the callbacks does not matter.

    A `fit` from epoch 0 is a new run and starts at t = 0. A `fit` from epoch k > 0, set by `initial_epoch` or restored
    by `BackupAndRestore`, continues a run: at the restored step if the optimizer was restored inside epoch k, else at
    k * S. Setting `optimizer.learning_rate` to a number replaces the curve for the rest of the run. After the run the
    learning rate stays at the last value of the curve. With gradient accumulation t and T count batches; a batch that
    loss scaling skips is not counted. `History` records the learning rate at the end of each epoch as `learning_rate`.

    Args:
        curve: Any curve of `slanted`. If it has `total_steps`, that is T.

    Raises:
        InputError: When `fit` starts: the model has no optimizer, or the number of batches per epoch is unknown and the
            curve has no `total_steps`.

    Example:
        >>> from slanted.curves import CosineWarmup
        >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
        >>> model.compile("adam", "mse")
        >>> scheduler = RunScheduler(CosineWarmup(lr_max=0.01, warmup=0.25))
        >>> x, y = keras.ops.ones((64, 2)), keras.ops.ones((64, 1))
        >>> history = model.fit(x, y, batch_size=8, epochs=2, verbose=0, callbacks=[scheduler])
        >>> [round(rate, 6) for rate in history.history["learning_rate"]]
        [0.0075, 0.0]
    """

    params: Any

    def __init__(self, curve: Curve) -> None:
        super().__init__()
        if not isinstance(curve, Curve):
            raise SettingError("curve", "a curve such as slanted.SlantedTriangular", curve)
        self.curve = curve
        self._bound = False

    def set_model(self, model: Any) -> None:
        """Add the variables of a run to the optimizer before a callback restores them; its rate does not change."""
        super().set_model(model)
        self._bound = False
        if getattr(model, "optimizer", None) is not None:
            scheduled(model.optimizer).await_run()
            forget_restored_epoch(model)

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Raise if the model has no optimizer or the length of the run is unknown."""
        if getattr(self.model, "optimizer", None) is None:
            raise InputError(
                f"{type(self).__name__} must have an optimizer to drive. Received: model.optimizer=None. "
                "Call `model.compile(optimizer=...)` before `fit`."
            )
        self._total_steps()

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Bind the curve at the first epoch, whose number other callbacks may have changed in `on_train_begin`."""
        if self._bound:
            return
        self._bound = True
        model: Any = self.model
        optimizer = innermost(model.optimizer)
        if optimizer.follow(self.curve):
            recompile_train_step(model)
        optimizer.begin_run(self._total_steps(), self._elapsed(epoch, optimizer))

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Log the learning rate."""
        if logs is not None:
            model, ops = cast(Any, self.model), cast(Any, keras.ops)
            logs["learning_rate"] = float(ops.convert_to_numpy(model.optimizer.learning_rate))

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        """Clear the restored epoch, so that the next `fit` starts a new run."""
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
        """Return the number of batches already trained, or None to use the number in the restored optimizer."""
        steps = self.params.get("steps")
        if epoch == 0:
            return 0
        if steps is None:
            return None
        restored = epoch * steps <= optimizer.elapsed < (epoch + 1) * steps
        return None if restored else epoch * steps


class SlantedTriangularScheduler(RunScheduler):
    """Slanted triangular learning rates for any Keras script, updated at every batch.

    Args:
        lr_max: The peak learning rate, > 0. 2e-5 suits BERT-base.
        cut_frac: The share of the run in which the rate rises, in [0, 1].
        ratio: The peak divided by the lowest rate, >= 1.

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
