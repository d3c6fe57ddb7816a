"""Callbacks and metrics of `fit`: the loss of each batch, the validation scores of each epoch, the best weights."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np

from slanted.common.messages import plural
from slanted.errors import SettingError, TrainingFailed
from slanted.text.progress.progress import Progress
from slanted.text.settings import LOWER_IS_BETTER

MOST_AVERAGED = 20
SHOWN = ("loss", "accuracy", "macro_f1", "micro_f1", "spearman")


@dataclass
class History:
    """The history of a run.

    Attributes:
        steps: (step from 0, epoch from 1, loss, learning rate) of each batch. The learning rate is the one that the
            optimizer applied, before the multipliers of layer groups; 0 for a batch that loss scaling skipped. A batch
            whose gradients are only accumulated has the rate of an update at that batch.
        epochs: The validation scores of each epoch; empty without validation.
        start: Those of the model before the first step, if its head started from a linear model; else None.
        average: The mean of the weights over the last steps; None: weights are not averaged.
    """

    steps: list[tuple[int, int, float, float]] = field(default_factory=list)
    epochs: list[dict[str, Any]] = field(default_factory=list)
    start: dict[str, Any] | None = None
    average: "WeightAverage | None" = None


class LastBatchLoss(keras.metrics.Metric):
    """The loss of the last batch, with weights; the logs of Keras have the running mean of the epoch."""

    def __init__(self, loss: Callable[..., Any]) -> None:
        super().__init__(name="batch_loss")
        self.of_batch = loss
        self.value = self.add_variable(shape=(), initializer="zeros", name="value")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Replace the value."""
        weights = () if sample_weight is None else (sample_weight,)
        self.value.assign(keras.ops.cast(self.of_batch(y_true, y_pred, *weights), self.dtype))

    def result(self) -> Any:
        """Return the loss of the last batch."""
        return keras.ops.convert_to_tensor(self.value)


class StepLog(keras.callbacks.Callback):
    """Records and shows every step; raises TrainingFailed if the loss is not finite."""

    def __init__(self, history: History, total_steps: int, progress: Progress, advice: str) -> None:
        super().__init__()
        self.history, self.total_steps, self.progress, self.advice = history, total_steps, progress, advice
        self.epoch = 0

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Record the epoch."""
        self.epoch = epoch + 1

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Record the step."""
        logs = logs or {}
        step, loss = len(self.history.steps), float(logs["batch_loss"])
        rate = float(str(np.float32(logs["applied_rate"])))  # 0.0001 instead of the float64 0.00009999999747378752
        self.history.steps.append((step, self.epoch, loss, rate))
        if not math.isfinite(loss):
            applied = next((row[3] for row in reversed(self.history.steps) if row[3]), 0.0)  # 0: skipped by scaling
            raise TrainingFailed(
                f"the loss is {loss} at step {step} of {self.total_steps} (epoch {self.epoch}, learning rate "
                f"{applied:.3g}); try {self.advice}"
            )
        self.progress.step(step + 1, self.epoch, loss, rate)


class WeightAverage(keras.callbacks.Callback):
    """The mean of the weights over the last steps of a run (Izmailov et al. 2018, arXiv 1803.05407, section 3.2).

    Up to `MOST_AVERAGED` steps are averaged, at equal distances, the last step among them.

    Args:
        share: The share of the steps, from the end, in (0, 1).
        history: The history of the run, which counts its steps.
        total_steps: T, in batches.

    Attributes:
        count: The number of steps that are averaged so far.
        weights: Their mean, float32, or None.
        is_kept: Whether the mean is the result of the run.
    """

    def __init__(self, share: float, history: History, total_steps: int) -> None:
        super().__init__()
        self._history, self._total = history, total_steps
        self._steps = max(1, round(share * total_steps))
        self._distance = -(-self._steps // MOST_AVERAGED)
        self.count, self.is_kept = 0, False
        self.weights: list[np.ndarray] | None = None

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Add the weights to the mean, if the step is one of those to average."""
        left = self._total - len(self._history.steps)
        if left >= self._steps or left % self._distance:
            return
        model: Any = self.model
        now = model.get_weights()
        self.count += 1
        before = self.weights or now
        self.weights = [mean + (new - mean) / np.float32(self.count) for mean, new in zip(before, now, strict=True)]


class KeepBest(keras.callbacks.Callback):
    """Scores the validation examples after each epoch, and stores the weights of the best epoch.

    The model before the first step is epoch 0, if `score_start` was called.
    """

    def __init__(self, score: Callable[[Any], dict[str, Any]], by: str, history: History, progress: Progress) -> None:
        super().__init__()
        self.score, self.by, self.history, self.progress = score, by, history, progress
        self.best, self.kept_epoch, self.weights = -math.inf, 0, None

    def score_start(self, model: Any) -> None:
        """Score the model before the first step, and store its weights: it is the best so far."""
        self.history.start = self.score(model)
        self._keep_if_best(0, self.history.start, model)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Score the epoch, and store its weights if it is the best so far."""
        model: Any = self.model
        scores = self.score(model)
        self.history.epochs.append(scores)
        self._keep_if_best(epoch + 1, scores, model)

    def score_average(self, average: WeightAverage) -> None:
        """Score the mean of the weights, and store it if it is the best."""
        model: Any = self.model
        model.set_weights(average.weights)
        scores = self.score(model)
        if self._worth(scores) > self.best:
            self.best, self.kept_epoch, self.weights = self._worth(scores), len(self.history.epochs), average.weights
            average.is_kept = True
        self.progress.say(self._shown(f"mean of {plural(average.count, 'step')}", scores, average.is_kept))

    def _keep_if_best(self, epoch: int, scores: dict[str, Any], model: Any) -> None:
        """Store the weights if the scores are the best so far, and show the scores."""
        value = self._worth(scores)
        better = value > self.best or self.weights is None
        if better:
            self.best, self.kept_epoch, self.weights = value, epoch, model.get_weights()
        text = self._shown(f"epoch {epoch}", scores, better)
        if epoch:
            self.progress.epoch(epoch, scores, text)
        else:
            self.progress.say(text)

    def _shown(self, what: str, scores: dict[str, Any], better: bool) -> str:
        named = [name for name in dict.fromkeys((*SHOWN, self.by)) if name in scores]
        shown = "  ".join(f"{name} {scores[name]:.4f}" for name in named)
        return f"{what}: validation {shown}{'  (best so far)' if better else ''}"

    def _worth(self, scores: dict[str, Any]) -> float:
        """Return the score with a sign such that larger is better; an undefined score is -inf."""
        value = scores.get(self.by, math.nan)
        return -math.inf if math.isnan(value) else -value if self.by in LOWER_IS_BETTER else value

    def restore(self) -> int:
        """Restore the best weights in the model, and return their epoch, from 1; that of the mean is the last.

        Raises:
            SettingError: The score is undefined in all epochs.
        """
        if self.best == -math.inf:
            rule = "a score that the validation rows define: they lack a class, or do not differ"
            raise SettingError("best_by", rule, self.by, "add validation rows, or select the epoch by loss")
        model: Any = self.model
        model.set_weights(self.weights)
        return self.kept_epoch
