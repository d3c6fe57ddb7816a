"""The callback that writes checkpoints during `fit`, and restores one so that the run continues to the last bit."""

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

_FIRST_AFTER = 0.25  # of the seconds between checkpoints: a run that is killed early loses less

Arrays = dict[str, np.ndarray]


class Checkpointing(keras.callbacks.Callback):
    """Writes checkpoints during `fit`, and continues a run from a checkpoint.

    It must be the last callback: its checkpoints then include the changes of the others, which cannot overwrite the
    state that it restores.

    Args:
        checkpoints: Writes and reads the checkpoints; None: none are written.
        snapshot: The checkpoint to continue from; None: a new run.
        history: The history of the run; `__init__` restores it from the snapshot.
        keep: The callback with the best weights, or None; `__init__` restores it from the snapshot.
        total_steps: T, in batches.
        steps_per_epoch: Batches per epoch.

    Attributes:
        epoch: The epoch to continue in, from 0.
        step: The number of batches of that epoch that are done.
        resumed_from_step: The step of the snapshot, or None.
        is_trained: Whether the snapshot was written after the last step.
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
        """The training time of the run, summed over all its processes."""
        return self._seconds_before + time.monotonic() - self._began

    def count_seconds(self, seconds: float) -> None:
        """Add seconds of work before the first step to the training time."""
        self._seconds_before += seconds

    def deferring_signals(self) -> AbstractContextManager[Any]:
        """Return a context in which SIGINT and SIGTERM wait for the next checkpoint, if checkpoints are written."""
        return nullcontext() if self._checkpoints is None else self._signals

    def data(self) -> AbstractContextManager[None]:
        """Return the context for `fit`, in which the first epoch may be shorter than the others."""
        return epochs_as_long_as_their_data() if self.step else nullcontext()

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Restore here, not in on_train_begin: every other callback has set its position by now, so ours is final."""
        if self._snapshot is not None:
            _restore_training(self._snapshot, self.model)
            _restore_random_state(self._snapshot)
            if not self.step:
                self._snapshot = None

    def on_train_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Restore the generators again: PyTorch's DataLoader draws from one when it is created, before this batch."""
        if self._snapshot is not None:
            _restore_random_state(self._snapshot)
            self._snapshot = None

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Write a checkpoint if it is due or a signal is pending; after an epoch, only once it is validated."""
        self._signals.deferring = True
        if len(self._history.steps) % self._steps_per_epoch:
            self._write_if_due()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Write a checkpoint if it is due or a signal is pending; `finish` writes the last one."""
        if len(self._history.steps) < self._total:
            self._write_if_due()

    def finish(self, model: Any) -> None:
        """Write the trained model as the last checkpoint, or restore it if the run continues from that checkpoint.

        Args:
            model: The model, with the weights to save.
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
        model: Any = self.model  # on JAX this copies the state of the compiled step to the model's variables
        state = _named("model", map(_value, model.variables)) | _named(
            "optimizer", map(_value, model.optimizer.variables)
        )
        if not all(np.isfinite(array).all() for array in state.values()):
            return  # the next loss will not be finite; the previous checkpoint remains the last good state
        watched = _history_arrays(self._history) | _best_weights(self._keep)
        facts = {"seconds": self.seconds, **_watched_facts(self._history, self._keep)}
        checkpoints.write(Snapshot(step, facts, {**state, **_prefixed("random", random_state()), **watched}))


def _restore_training(snapshot: Snapshot, model: Any) -> None:
    """Restore the model and its optimizer."""
    if not model.optimizer.built:
        model.optimizer.build(model.trainable_variables)
    _assign(model.variables, snapshot.arrays, "model")
    _assign(model.optimizer.variables, snapshot.arrays, "optimizer")


def _restore_random_state(snapshot: Snapshot) -> None:
    set_random_state(
        {name.removeprefix("random/"): array for name, array in snapshot.arrays.items() if name.startswith("random/")}
    )


def _assign(variables: list[Any], arrays: Mapping[str, np.ndarray], prefix: str) -> None:
    """Assign the arrays of a checkpoint to variables.

    Raises:
        InputError: Their number or shapes differ.
    """
    values = [arrays.get(f"{prefix}/{at}") for at in range(len(variables))]
    shapes = [None if array is None else array.shape for array in values]
    if shapes != [tuple(variable.shape) for variable in variables] or f"{prefix}/{len(variables)}" in arrays:
        rule = f"the checkpoint's {prefix} must have the same variables as this one"
        raise InputError(f"{rule}: other versions of Keras or slanted wrote it; start again with --overwrite")
    for variable, array in zip(variables, values, strict=True):
        variable.assign(array)


def _value(variable: Any) -> np.ndarray:
    value: Any = keras.ops.convert_to_numpy(variable)
    return value


def _named(prefix: str, arrays: Iterable[np.ndarray]) -> Arrays:
    return {f"{prefix}/{at}": array for at, array in enumerate(arrays)}


def _prefixed(prefix: str, arrays: Mapping[str, np.ndarray]) -> Arrays:
    return {f"{prefix}/{name}": array for name, array in arrays.items()}


def _watched_facts(history: History, keep: KeepBest | None) -> dict[str, Any]:
    facts: dict[str, Any] = {"start": history.start, "scores": history.epochs}
    facts |= {} if keep is None else {"best": keep.best, "kept_epoch": keep.kept_epoch}
    average = history.average
    return facts if average is None else {**facts, "averaged": average.count, "keeps_average": average.is_kept}


def _history_arrays(history: History) -> Arrays:
    averaged = [] if history.average is None or history.average.weights is None else history.average.weights
    return {
        **_named("average", averaged),
        "history/counts": np.array([row[:2] for row in history.steps], np.int64).reshape(-1, 2),
        "history/values": np.array([row[2:] for row in history.steps], np.float64).reshape(-1, 2),
    }


def _best_weights(keep: KeepBest | None) -> Arrays:
    return {} if keep is None or keep.weights is None else _named("best", keep.weights)


def _restore_watched(snapshot: Snapshot, history: History, keep: KeepBest | None) -> None:
    counts, values = snapshot.arrays["history/counts"].tolist(), snapshot.arrays["history/values"].tolist()
    history.steps[:] = [(*count, *value) for count, value in zip(counts, values, strict=True)]
    history.start = snapshot.facts.get("start")
    history.epochs[:] = snapshot.facts["scores"]
    if history.average is not None:
        history.average.count, history.average.is_kept = snapshot.facts["averaged"], snapshot.facts["keeps_average"]
        history.average.weights = _of(snapshot, "average")
    if keep is not None:
        keep.best, keep.kept_epoch = snapshot.facts["best"], snapshot.facts["kept_epoch"]
        keep.weights = _of(snapshot, "best")


def _of(snapshot: Snapshot, prefix: str) -> list[np.ndarray] | None:
    """Return copies of the arrays that `_named` named, in their order, or None."""
    count = sum(name.startswith(f"{prefix}/") for name in snapshot.arrays)
    return [snapshot.arrays[f"{prefix}/{at}"].copy() for at in range(count)] or None
