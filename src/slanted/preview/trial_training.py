"""Training a model for a while as if it had not happened."""

import math
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np

from slanted.curves.curve import Constants, Curve
from slanted.errors import InputError
from slanted.keras_private.loss_scaling import in_one_order, make_room_as
from slanted.layerwise.run_scheduler import RunScheduler
from slanted.runtime.random_state import kept_random_state

CUT_FRAC, RATIO = 0.1, 32.0
_QUIET: dict[str, Any] = {"verbose": 0}  # Keras declares it a string


class TrialCurve(Curve):
    """Rates that rise exponentially over a run, or, where they do not rise, a slanted triangle of that peak.

    What the rates are comes in through the constants, variables of the compiled step: every trial runs the same one.

    Args:
        first: The first rate, or the triangle's peak.
        total_steps: T, in batches.
        last: The last rate; None: a triangle.
    """

    def __init__(self, first: float, total_steps: int, last: float | None = None) -> None:
        super().__init__(first, total_steps)
        self.last = last

    def constants(self, total_steps: int) -> Constants:
        """Return the logarithm of the first rate, and what is added to it at every step."""
        growth = 0.0 if self.last is None else math.log(self.last / self.lr_max) / max(1, total_steps - 1)
        return math.log(self.lr_max), growth

    def rate(self, elapsed: Any, remaining: Any, constants: Any, xp: Any) -> Any:
        """Return exp(first + elapsed * growth), times the triangle without growth."""
        first, growth = constants
        share = elapsed / (elapsed + remaining)
        p = xp.where(share < CUT_FRAC, share / CUT_FRAC, (1.0 - share) / (1.0 - CUT_FRAC))
        triangle = (1.0 + p * (RATIO - 1.0)) / RATIO
        return xp.exp(first + elapsed * growth) * xp.where(growth == 0.0, triangle, xp.ones_like(triangle))

    def get_config(self) -> dict[str, Any]:
        """Return nothing but the run's length: nothing else is a constant of the compiled step."""
        return {"total_steps": self.total_steps}


class LastLoss(keras.metrics.Metric):
    """The loss of the last batch alone: Keras's own logs hold the running mean."""

    def __init__(self) -> None:
        super().__init__(name="batch_loss")
        self.value = self.add_variable(shape=(), initializer="zeros", name="value")

    def update_state(self, loss: Any, sample_weight: Any = None) -> None:
        """Replace the value."""
        self.value.assign(keras.ops.cast(loss, self.dtype))

    def result(self) -> Any:
        """Return the loss of the batch seen last."""
        return keras.ops.convert_to_tensor(self.value)


class _Sharing(keras.Model):
    """A model with the layers of another, and compiled apart from it."""

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
    """A number of batches in their order, from the first again when they have run out."""

    def __init__(self, batches: Sequence[Any], count: int) -> None:
        super().__init__()
        self._batches, self._count = batches, count

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: int) -> Any:
        return self._batches[index % len(self._batches)]


class _Losses(keras.callbacks.Callback):
    """Collects each batch's own loss until it is not finite or `diverged` says so."""

    def __init__(self, diverged: Callable[[list[float]], bool]) -> None:
        super().__init__()
        self.diverged, self.losses = diverged, list[float]()

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        self.losses.append(float((logs or {})["batch_loss"]))
        if not math.isfinite(self.losses[-1]) or self.diverged(self.losses):
            self._trained.stop_training = True

    def set_model(self, model: Any) -> None:
        super().set_model(model)
        self._trained = model  # `self.model` fetches JAX's whole state, which at every batch would cost


class TrialModel:
    """A compiled model, trained any number of times from where it stands, and then as it was to the last bit.

    It is trained through another model with the same layers and a copy of its optimizer: its own optimizer, metrics and
    compiled step are not touched. `kept` puts back the rest.

    Args:
        model: A built and compiled Keras model, without a `train_step` or `compute_loss` of its own.

    Raises:
        InputError: The model is not built or not compiled, or trains in a way of its own.
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
        self._start = _values([*model.variables, *self._sharing.optimizer.variables])

    @staticmethod
    @contextmanager
    def kept(model: Any) -> Iterator["TrialModel"]:
        """Make a TrialModel, and put the model's weights and all random generators back in the end."""
        with kept_random_state():
            trial = TrialModel(model)
            try:
                yield trial
            finally:
                trial._put_back()

    def run(self, batches: Sequence[Any], curve: TrialCurve, diverged: Callable[[list[float]], bool]) -> np.ndarray:
        """Train from the start with `curve` and return each batch's own loss, up to where it diverges.

        Args:
            batches: What is trained on, in this order, from the first again when they have run out.
            curve: The rates.
            diverged: Is given the losses up to now after each batch.
        """
        self._put_back()
        collected = _Losses(diverged)
        count = curve.run_length()
        callbacks = [RunScheduler(curve), collected]
        self._sharing.fit(_Batches(batches, count), epochs=1, shuffle=False, callbacks=callbacks, **_QUIET)
        return np.array(collected.losses)

    def _put_back(self) -> None:
        for variable, value in self._start:
            variable.assign(value)


def _check(model: Any) -> None:
    if getattr(model, "optimizer", None) is None:
        raise InputError(
            "A rate is sought for the optimizer and the loss of a compiled model. Received: model.optimizer=None. "
            "Call `model.compile(optimizer=..., loss=...)` first."
        )
    if not model.built or not model.trainable_variables:
        raise InputError(f"Model {model.name!r} has no weights to train yet. Build it, or call it on a batch, first.")
    for name in ("train_step", "compute_loss"):
        if getattr(type(model), name) is not getattr(keras.Model, name):
            raise InputError(
                f"A rate is sought with Keras's own training step. Received: {type(model).__name__}, which has its own "
                f"`{name}`. Pass a model without one."
            )


def _copied(optimizer: Any, variables: Sequence[Any]) -> Any:
    copy = type(optimizer).from_config(optimizer.get_config())
    copy.build(variables)
    if optimizer.built:
        make_room_as(copy, optimizer)
        for variable, (_, value) in zip(in_one_order(copy), _values(in_one_order(optimizer)), strict=True):
            variable.assign(value)
    return copy


def _loss_weights(model: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what a loss is written as does not matter here
        return (model.get_compile_config() or {}).get("loss_weights")


def _values(variables: Sequence[Any]) -> list[tuple[Any, np.ndarray]]:
    # A copy: PyTorch's arrays are its memory, and JAX takes back what a training step has been given.
    return [(variable, np.array(keras.ops.convert_to_numpy(variable))) for variable in variables]
