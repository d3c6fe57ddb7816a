"""What of a `fit` goes into a checkpoint, when one is written, and how a `fit` goes on from one to the last bit."""

import time
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import keras
import numpy as np

from slanted.errors import InputError
from slanted.keras_private.layers_and_trainers import epochs_as_long_as_their_data
from slanted.runtime.deferred_signals import DeferredSignals
from slanted.runtime.random_state import random_state, set_random_state
from slanted.text.runs.checkpoints import Checkpoints, Snapshot
from slanted.text.training.callbacks import History, KeepBest

_FIRST_AFTER = 0.25  # of the seconds from one to the next: a run that dies young loses less

Arrays = dict[str, np.ndarray]


class Checkpointing(keras.callbacks.Callback):
    """Writes checkpoints during `fit`, and has `fit` go on from the one it is given.

    To be the last of the callbacks: it sees what the others made of a step, and what it restores stays.

    Args:
        checkpoints: Where they are; None: none are written.
        snapshot: The one to go on from, or None.
        history: Of the run; is filled up to the snapshot at once.
        keep: Of the run, or None; gets the best weights up to the snapshot at once.
        total_steps: Batches of the run.
        steps_per_epoch: Batches of an epoch.

    Attributes:
        epoch: The epoch to go on in, from 0.
        step: How many batches of that epoch are behind.
        resumed_from_step: The snapshot's step, or None.
        is_trained: Whether the snapshot is that of a run whose training was over.
    """

    def __init__(
        self,
        checkpoints: Checkpoints | None,
        snapshot: Snapshot | None,
        history: History,
        keep: KeepBest | None,
        total_steps: int,
        steps_per_epoch: int,
    ) -> None:
        super().__init__()
        self._checkpoints, self._snapshot, self._history, self._keep = checkpoints, snapshot, history, keep
        self._total, self._steps_per_epoch, self._signals = total_steps, steps_per_epoch, DeferredSignals()
        self.resumed_from_step = None if snapshot is None else snapshot.step
        self.epoch, self.step = divmod(self.resumed_from_step or 0, steps_per_epoch)
        self.is_trained = self.resumed_from_step == total_steps
        self._began = self._last_time = time.monotonic()
        self._last_step, self._cost, self._seconds_before = self.resumed_from_step or 0, 0.0, 0.0
        if snapshot is not None:
            self._seconds_before = snapshot.facts["seconds"]
            _restore_watched(snapshot, history, keep)
        if checkpoints is not None:
            self._last_time -= (1.0 - _FIRST_AFTER) * checkpoints.pace.seconds

    @property
    def seconds(self) -> float:
        """How long the run has been trained for, in all its processes together."""
        return self._seconds_before + time.monotonic() - self._began

    def deferring_signals(self) -> AbstractContextManager[Any]:
        """Have SIGINT and SIGTERM wait for a checkpoint from the first step to `finish`, if any is written."""
        return nullcontext() if self._checkpoints is None else self._signals

    def data(self) -> AbstractContextManager[None]:
        """Return what `fit` is to run within: the first epoch may be shorter than the others."""
        return epochs_as_long_as_their_data() if self.step else nullcontext()

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Restore, now that every other callback has had its say on where the run stands."""
        if self._snapshot is not None:
            _restore_training(self._snapshot, self.model)
            _restore_random_state(self._snapshot)
            if not self.step:
                self._snapshot = None

    def on_train_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Put the generators back again: PyTorch's loader draws from one when an epoch begins, also within one."""
        if self._snapshot is not None:
            _restore_random_state(self._snapshot)
            self._snapshot = None

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Write one if it is due or the process is to end; that of an epoch's end waits for its validation."""
        self._signals.deferring = True
        if len(self._history.steps) % self._steps_per_epoch:
            self._write_if_due()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Write one if it is due or the process is to end; `finish` writes the last."""
        if len(self._history.steps) < self._total:
            self._write_if_due()

    def finish(self, model: Any) -> None:
        """Keep the trained model as the last checkpoint; or take it from there, if that is what the run goes on from.

        Args:
            model: Has the weights of the epoch that is kept.
        """
        if self.is_trained and self._snapshot is not None:
            _assign(model.variables, self._snapshot.arrays, "model")
        elif self._checkpoints is not None:
            weights = _named("model", map(_value, model.variables))
            facts = {"seconds": self.seconds, **_watched_facts(self._history, self._keep)}
            self._checkpoints.write(Snapshot(self._total, facts, {**weights, **_history_arrays(self._history)}))
        self._signals.deferring = False
        self._signals.deliver()

    def _write_if_due(self) -> None:
        if self._checkpoints is None:
            return
        step, now = len(self._history.steps), time.monotonic()
        due = self._checkpoints.pace.due(step - self._last_step, now - self._last_time, self._cost)
        if due or (self._signals.pending is not None and step > self._last_step):
            self._write(self._checkpoints, step)
            self._last_step, self._last_time = step, time.monotonic()
            self._cost = self._last_time - now
        self._signals.deliver()

    def _write(self, checkpoints: Checkpoints, step: int) -> None:
        model: Any = self.model  # on JAX this brings the state of the compiled step into the model's variables
        state = _named("model", map(_value, model.variables)) | _named(
            "optimizer", map(_value, model.optimizer.variables)
        )
        if not all(np.isfinite(array).all() for array in state.values()):
            return  # the next loss will not be finite, and what was kept before stays the last good state
        watched = _history_arrays(self._history) | _best_weights(self._keep)
        facts = {"seconds": self.seconds, **_watched_facts(self._history, self._keep)}
        checkpoints.write(Snapshot(step, facts, {**state, **_prefixed("random", random_state()), **watched}))


def _restore_training(snapshot: Snapshot, model: Any) -> None:
    """Put back the model and its optimizer."""
    if not model.optimizer.built:
        model.optimizer.build(model.trainable_variables)
    _assign(model.variables, snapshot.arrays, "model")
    _assign(model.optimizer.variables, snapshot.arrays, "optimizer")


def _restore_random_state(snapshot: Snapshot) -> None:
    set_random_state(
        {name.removeprefix("random/"): array for name, array in snapshot.arrays.items() if name.startswith("random/")}
    )


def _assign(variables: list[Any], arrays: Mapping[str, np.ndarray], prefix: str) -> None:
    """Give variables their values.

    Raises:
        InputError: They are others than those that were kept.
    """
    found = [arrays.get(f"{prefix}/{at}") for at in range(len(variables))]
    shapes = [None if array is None else array.shape for array in found]
    if shapes != [tuple(variable.shape) for variable in variables] or f"{prefix}/{len(variables)}" in arrays:
        rule = f"the checkpoint's {prefix} must have the variables of this one"
        raise InputError(f"{rule}: other versions of Keras or slanted wrote it; start again with --overwrite")
    for variable, array in zip(variables, found, strict=True):
        variable.assign(array)


def _value(variable: Any) -> np.ndarray:
    value: Any = keras.ops.convert_to_numpy(variable)
    return value


def _named(prefix: str, arrays: Iterable[np.ndarray]) -> Arrays:
    return {f"{prefix}/{at}": array for at, array in enumerate(arrays)}


def _prefixed(prefix: str, arrays: Mapping[str, np.ndarray]) -> Arrays:
    return {f"{prefix}/{name}": array for name, array in arrays.items()}


def _watched_facts(history: History, keep: KeepBest | None) -> dict[str, Any]:
    best = {} if keep is None else {"best": keep.best, "kept_epoch": keep.kept_epoch}
    return {"scores": history.epochs, **best}


def _history_arrays(history: History) -> Arrays:
    return {
        "history/counts": np.array([row[:2] for row in history.steps], np.int64).reshape(-1, 2),
        "history/values": np.array([row[2:] for row in history.steps], np.float64).reshape(-1, 2),
    }


def _best_weights(keep: KeepBest | None) -> Arrays:
    return {} if keep is None or keep.weights is None else _named("best", keep.weights)


def _restore_watched(snapshot: Snapshot, history: History, keep: KeepBest | None) -> None:
    counts, values = snapshot.arrays["history/counts"].tolist(), snapshot.arrays["history/values"].tolist()
    history.steps[:] = [(*count, *value) for count, value in zip(counts, values, strict=True)]
    history.epochs[:] = snapshot.facts["scores"]
    if keep is not None:
        keep.best, keep.kept_epoch = snapshot.facts["best"], snapshot.facts["kept_epoch"]
        weights = [array.copy() for name, array in snapshot.arrays.items() if name.startswith("best/")]
        keep.weights = weights or None
