"""Train a model for some steps, then restore it."""

import math
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np

from slanted.curves.curve import Constants, Curve
from slanted.errors import InputError
from slanted.keras_private.optimizer_copy import copy_of
from slanted.layerwise.run_scheduler import RunScheduler
from slanted.runtime.patches import retained_heap
from slanted.runtime.random_state import preserved_random_state

CUT_FRAC, RATIO = 0.1, 32.0
_QUIET: dict[str, Any] = {"verbose": 0}  # Keras declares it a string


class TrialCurve(Curve):
    """Learning rates that rise exponentially over a run, or slanted triangular ones if `last` is None.

    The constants are variables of the compiled training step, so that all trials run the same compiled step.

    Args:
        first: The first learning rate, or the peak of the triangle.
        total_steps: T, in batches.
        last: The last learning rate; None: a slanted triangle.
    """

    def __init__(self, first: float, total_steps: int, last: float | None = None) -> None:
        super().__init__(first, total_steps)
        self.last = last

    def constants(self, total_steps: int) -> Constants:
        """Return the logarithm of the first rate, and its increment per step."""
        growth = 0.0 if self.last is None else math.log(self.last / self.lr_max) / max(1, total_steps - 1)
        return math.log(self.lr_max), growth

    def rate(self, elapsed: Any, remaining: Any, constants: Any, xp: Any) -> Any:
        """Return exp(first + elapsed * growth), multiplied by the triangle if growth is 0."""
        first, growth = constants
        share = elapsed / (elapsed + remaining)
        p = xp.where(share < CUT_FRAC, share / CUT_FRAC, (1.0 - share) / (1.0 - CUT_FRAC))
        triangle = (1.0 + p * (RATIO - 1.0)) / RATIO
        return xp.exp(first + elapsed * growth) * xp.where(growth == 0.0, triangle, xp.ones_like(triangle))

    def get_config(self) -> dict[str, Any]:
        """Return the length of the run alone: nothing else is a constant of the compiled step."""
        return {"total_steps": self.total_steps}


class LastLoss(keras.metrics.Metric):
    """The loss of the last batch: the logs of Keras have the running mean."""

    def __init__(self) -> None:
        super().__init__(name="batch_loss")
        self.value = self.add_variable(shape=(), initializer="zeros", name="value")

    def update_state(self, loss: Any, sample_weight: Any = None) -> None:
        """Replace the value."""
        self.value.assign(keras.ops.cast(loss, self.dtype))

    def result(self) -> Any:
        """Return the loss of the last batch."""
        return keras.ops.convert_to_tensor(self.value)


class _Sharing(keras.Model):
    """A model that shares its layers with another model and is compiled separately."""

    def __init__(self, model: Any) -> None:
        super().__init__(name="trial", dtype=model.dtype_policy)
        self.shared = model
        self.last_loss = LastLoss()
        self.built = True

    def call(self, inputs: Any, training: Any = None) -> Any:
        return self.shared(inputs, training=training)

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: bool = True
    ) -> Any:
        loss = super().compute_loss(x, y, y_pred, sample_weight, training)
        self.last_loss.update_state(loss)
        return loss


class _Batches(keras.utils.PyDataset):
    """A dataset of `count` batches: `batches` in order, repeated from the first."""

    def __init__(self, batches: Sequence[Any], count: int) -> None:
        super().__init__()
        self._batches, self._count = batches, count

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: int) -> Any:
        return self._batches[index % len(self._batches)]


class _Losses(keras.callbacks.Callback):
    """Records the loss of each batch; stops training if it is not finite, or if `diverged` returns True."""

    def __init__(self, diverged: Callable[[list[float]], bool]) -> None:
        super().__init__()
        self.diverged, self.losses = diverged, list[float]()

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        self.losses.append(float((logs or {})["batch_loss"]))
        if not math.isfinite(self.losses[-1]) or self.diverged(self.losses):
            self._trained.stop_training = True

    def set_model(self, model: Any) -> None:
        super().set_model(model)
        self._trained = model  # reading `self.model` would copy the JAX state to the model at every batch


class _TrialScheduler(RunScheduler):
    """A RunScheduler that leaves the optimizer and its compiled step to the next trial."""

    ends_with_fit = False


class TrialModel:
    """Trains a compiled model any number of times from its current state, and restores it to the last bit.

    Another model, with the same layers and a copy of the optimizer, is trained, so that optimizer, metrics and compiled
    step of `model` do not change. `restoring` restores the weights and the random state.

    Args:
        model: A built and compiled Keras model that does not override `train_step` or `compute_loss`.

    Raises:
        InputError: The model is not built or not compiled, overrides the training step, or has several replicas.
    """

    def __init__(self, model: Any) -> None:
        _check(model)
        self.model = model
        self._sharing = _Sharing(model)
        self._sharing.compile(
            optimizer=_copied(model.optimizer, model.trainable_variables),
            loss=model.loss,
            loss_weights=_loss_weights(model),
            jit_compile=model.jit_compile,
            run_eagerly=model.run_eagerly,
            auto_scale_loss=False,
        )
        self._initial = _values([*model.variables, *self._sharing.optimizer.variables])

    @staticmethod
    @contextmanager
    def restoring(model: Any) -> Iterator["TrialModel"]:
        """Yield a TrialModel; on exit, restore the model's weights and all random generators."""
        with preserved_random_state():
            trial = TrialModel(model)
            try:
                yield trial
            finally:
                trial._restore()

    def run(self, batches: Sequence[Any], curve: TrialCurve, diverged: Callable[[list[float]], bool]) -> np.ndarray:
        """Train from the initial weights with `curve`.

        Args:
            batches: The batches to train on, in this order, repeated from the first if the run is longer.
            curve: The learning rate over the run.
            diverged: Called after each batch with the losses so far; True stops the run.

        Returns:
            The loss of each batch, float64 (steps,), up to and including the one at which the loss diverged.
        """
        self._restore()
        recorded = _Losses(diverged)
        count = curve.run_length()
        callbacks = [_TrialScheduler(curve), recorded]
        with retained_heap():
            self._sharing.fit(_Batches(batches, count), epochs=1, shuffle=False, callbacks=callbacks, **_QUIET)
        return np.array(recorded.losses)

    def _restore(self) -> None:
        for variable, value in self._initial:
            variable.assign(value)


def _check(model: Any) -> None:
    if getattr(model, "optimizer", None) is None:
        raise InputError(
            "A learning rate can be searched for a compiled model only. Received: model.optimizer=None. "
            "Call `model.compile(optimizer=..., loss=...)` first."
        )
    if not model.built or not model.trainable_variables:
        raise InputError(f"Model {model.name!r} has no weights to train yet. Build it, or call it on a batch, first.")
    strategy = getattr(model, "distribute_strategy", None)  # TensorFlow's
    if strategy is not None and strategy.num_replicas_in_sync > 1:
        raise InputError(
            f"A learning rate is searched on one device. Received: {type(strategy).__name__} with "
            f"{strategy.num_replicas_in_sync} replicas. "
            "Build and compile the model outside of its scope for the search."
        )
    for name in ("train_step", "compute_loss"):
        if getattr(type(model), name) is not getattr(keras.Model, name):
            raise InputError(
                f"A learning rate is searched with Keras's own training step. Received: {type(model).__name__}, which "
                f"overrides `{name}`. Pass a model that does not override it."
            )


def _copied(optimizer: Any, variables: Sequence[Any]) -> Any:
    copy = copy_of(optimizer)
    if not copy.built:
        copy.build(variables)
    return copy


def _loss_weights(model: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about losses that cannot be serialised, which are not read here
        return (model.get_compile_config() or {}).get("loss_weights")


def _values(variables: Sequence[Any]) -> list[tuple[Any, np.ndarray]]:
    # A copy: PyTorch's arrays share memory with the variables, and JAX donates the buffers of a training step.
    return [(variable, np.array(keras.ops.convert_to_numpy(variable))) for variable in variables]
