"""find_learning_rate: a range test on the batches' own losses, verified by short runs, that leaves no trace."""

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import keras
import numpy as np

from slanted.common.argument_checks import whole
from slanted.errors import InputError, TrainingFailed
from slanted.preview.range_test import FEWEST_STEPS, SearchOptions, smoothed, suggestions
from slanted.preview.trial_training import TrialCurve, TrialModel

__all__ = ["RateSearch", "find_learning_rate"]

TIMES_THE_LOWEST = 4.0
MEMORY = 0.9


@dataclass(frozen=True)
class Trial:
    """A short run at one peak rate.

    Attributes:
        rate: The peak of its slanted triangle.
        loss: The mean of the batches' own losses over its second half; None: it diverged.
    """

    rate: float
    loss: float | None


@dataclass(frozen=True)
class RateSearch:
    """What a search for a rate found.

    Attributes:
        suggestion: The peak rate to train with.
        confidence: "high", "fair", "low" or "unverified".
        reason: Why, in a sentence.
        method: Which of the suggestions was verified.
        suggestions: "valley", "steep", "minimum" and "slide", each its rate.
        trials: The short runs, by rising rate; none where it was not verified.
        rates: The rates of the range test, float64 (n,).
        losses: The batches' own losses, float64 (n,).
        smoothed: These, averaged over their neighbours.
        diverged: Whether the range test ended because the loss diverged.
    """

    suggestion: float
    confidence: str
    reason: str
    method: str
    suggestions: dict[str, float]
    trials: tuple[Trial, ...]
    rates: np.ndarray
    losses: np.ndarray
    smoothed: np.ndarray
    diverged: bool

    def plot(self, ax: Any = None) -> Any:
        """Draw the losses over the rates, with the suggestions, and return the matplotlib Axes.

        Args:
            ax: The matplotlib Axes to draw on; None: a new figure's.
        """
        from slanted.common.plots import draw_search

        readings = (self.suggestions, self.suggestion)
        return draw_search(self.rates, self.losses, self.smoothed, *readings, ax)

    def to_dict(self) -> dict[str, Any]:
        """Return everything as JSON's types."""
        arrays = {name: getattr(self, name).tolist() for name in ("rates", "losses", "smoothed")}
        return {**asdict(self), "trials": [asdict(trial) for trial in self.trials], **arrays}

    def __str__(self) -> str:
        readings = ", ".join(f"{name} {rate:.2g}" for name, rate in self.suggestions.items())
        end = "where the loss diverged" if self.diverged else "the end of the range"
        tried = f"{len(self.rates)} steps from {self.rates[0]:.2g} to {self.rates[-1]:.2g}, {end}"
        lines = [f"range test: {tried}: {readings}"]
        for trial in self.trials:
            outcome = "diverged" if trial.loss is None else f"loss {trial.loss:.4f}"
            lines.append(f"short run at {trial.rate:.2g}: {outcome}")
        return "\n".join([*lines, f"suggestion: {self.suggestion:.2g}; confidence {self.confidence}: {self.reason}"])


def find_learning_rate(
    model: Any,
    data: Any,
    *,
    lr_start: float = 1e-6,
    lr_end: float = 1e-2,
    steps: int = 100,
    method: str = "valley",
    verify_steps: int = 50,
    batch_size: int = 32,
    seed: int = 0,
) -> RateSearch:
    """Find a peak learning rate for a compiled model, and leave model, optimizer and random state as they were.

    A range test trains for `steps` batches, the rate rising exponentially from `lr_start` to `lr_end`, until the loss
    diverges: is not finite, or, averaged, four times its lowest. What it suggests is then verified by short runs, each
    from the model's own weights over the same batches in the same order, with slanted triangles whose peaks are the
    suggestion, a third of it and three times it. A rate that is better by more than two standard errors of the paired
    differences takes the suggestion's place. Short runs favour high rates: take what is found for an upper end.

    Afterwards weights, optimizer, metrics, compiled steps and all random generators are what they were to the last
    bit. So is the data's position, for arrays and PyDatasets: their batches are taken by number.
    A `tf.data.Dataset` that shuffles anew at each iteration has been iterated over once more.

    Args:
        model: A built and compiled Keras model. Layers have the rates that its optimizer gives them, all groups open.
        data: A tuple (x, y) or (x, y, sample_weight) of arrays; or batches: a PyDataset, or anything else that can be
            iterated over again, such as a list, a `tf.data.Dataset` or a DataLoader.
        lr_start: The first rate, > 0.
        lr_end: The last, > lr_start. The range is fit for Adam on transformers; SGD wants up to 1.
        steps: Batches of the range test, >= 20.
        method: The suggestion to verify: "valley", "steep", "minimum" or "slide".
        verify_steps: Batches of each short run, >= 20; 0: not verified.
        batch_size: Of arrays.
        seed: Of the arrays' order.

    Raises:
        ValueError: An argument is out of its range, or the data can be iterated over only once.
        TrainingFailed: The loss diverges from the start.
    """
    SearchOptions(lr_start, lr_end, steps, method, verify_steps)
    with TrialModel.kept(model) as trial:
        batches = _batches(data, max(steps, verify_steps), whole("batch_size", batch_size), seed)
        curve = TrialCurve(lr_start, steps, lr_end)
        losses = trial.run(batches, curve, _has_diverged())
        losses = losses[np.isfinite(losses)]
        if len(losses) < FEWEST_STEPS:
            raise TrainingFailed(
                f"the loss diverges from the start: at step {len(losses)}, rate {curve.at(len(losses)):.2g}. "
                "Give a smaller lr_start, or look at the data."
            )
        rates, even = curve.simulate()[: len(losses)], smoothed(losses)
        found = {name: _rounded(rate) for name, rate in suggestions(rates, even).items()}
        trials, verdict = _verified(trial, batches, found[method], verify_steps)
    suggestion, confidence, reason = verdict
    if _hardly_falls(losses, even):
        confidence, reason = "low", f"the loss hardly fell within {steps} steps; take more steps; {reason}"
    diverged = len(losses) < steps
    return RateSearch(suggestion, confidence, reason, method, found, trials, rates, losses, even, diverged)


def _hardly_falls(losses: np.ndarray, even: np.ndarray) -> bool:
    """Return whether the smoothed losses fall by less than one loss strays from them."""
    lowest = int(np.argmin(even)) + 1
    return even[0] - even[lowest - 1] < np.std(losses[:lowest] - even[:lowest])


def _rounded(rate: float) -> float:
    """Return a rate to two digits, which is more than it is worth."""
    return float(f"{rate:.1e}")


def _has_diverged() -> Callable[[list[float]], bool]:
    """Return a test of whether the running mean of the losses has come to four times its lowest."""
    mean, weight, lowest = 0.0, 0.0, math.inf

    def diverged(losses: list[float]) -> bool:
        nonlocal mean, weight, lowest
        mean, weight = MEMORY * mean + losses[-1], MEMORY * weight + 1.0
        lowest = min(lowest, mean / weight)
        return lowest > 0.0 and mean / weight > TIMES_THE_LOWEST * lowest

    return diverged


def _verified(
    trial: TrialModel, batches: Sequence[Any], rate: float, steps: int
) -> tuple[tuple[Trial, ...], tuple[float, str, str]]:
    """Make the short runs, and return them with the rate that came of them, the confidence and the reason."""
    if not steps:
        return (), (rate, "unverified", "no short runs were made")
    rates = [_rounded(rate / 3.0), rate, _rounded(rate * 3.0)]
    runs = [trial.run(batches, TrialCurve(each, steps), lambda losses: False) for each in rates]
    halves = [run[steps // 2 :] if len(run) == steps and np.isfinite(run).all() else None for run in runs]
    trials = tuple(
        Trial(each, None if half is None else float(half.mean())) for each, half in zip(rates, halves, strict=True)
    )
    return trials, _verdict(rates, halves)


def _verdict(rates: list[float], halves: list[np.ndarray | None]) -> tuple[float, str, str]:
    middle = halves[1]
    clearly = [_clearly_better(halves[index], middle) for index in (0, 2)]
    clearly_worse = [_clearly_better(middle, halves[index]) for index in (0, 2)]
    if any(clearly):
        better = rates[2] if clearly[1] and not (clearly[0] and _mean(halves[0]) < _mean(halves[2])) else rates[0]
        reason = f"{better:.2g} did clearly better than {rates[1]:.2g} in short runs; the best may lie beyond"
        return better, "low", reason
    if middle is None:
        return rates[0], "low", "all short runs diverged; take a smaller rate"
    if all(clearly_worse):
        return rates[1], "high", "a third of it and three times it did clearly worse in short runs"
    alike = [f"{rates[index]:.2g}" for index, worse in zip((0, 2), clearly_worse, strict=True) if not worse]
    return rates[1], "fair", f"{' and '.join(alike)} did about as well in short runs"


def _clearly_better(one: np.ndarray | None, other: np.ndarray | None) -> bool:
    """Return whether one run's losses are lower by more than two standard errors of the differences batch by batch."""
    if one is None or other is None:
        return one is not None
    differences = other - one
    return bool(differences.mean() > 2.0 * differences.std(ddof=1) / math.sqrt(len(differences)))


def _mean(half: np.ndarray | None) -> float:
    return math.inf if half is None else float(half.mean())


def _batches(data: Any, count: int, batch_size: int, seed: int) -> list[Any]:
    """Return the first batches of the data, at most `count`, as NumPy arrays."""
    if isinstance(data, tuple):
        return _cut(data, count, batch_size, seed)
    if hasattr(data, "__next__"):
        raise InputError(
            f"Data must be such that it can be iterated over again. Received: {type(data).__name__}, which loses the "
            "batches that are taken. Pass a list of its batches."
        )
    if isinstance(data, keras.utils.PyDataset):
        known = data.num_batches
        taken = [data[index] for index in range(count if known is None else min(count, known))]
    else:
        taken = list(itertools.islice(iter(data), count))
    if not taken:
        raise InputError("Data must have at least one batch. Received: none.")
    return [keras.tree.map_structure(_array, batch) for batch in taken]


def _cut(data: tuple[Any, ...], count: int, batch_size: int, seed: int) -> list[Any]:
    arrays: Any = keras.tree.map_structure(_array, data)
    rows = len(keras.tree.flatten(arrays)[0])
    if not rows:
        raise InputError("Data must have at least one example. Received: none.")
    order = np.random.default_rng(seed).permutation(rows)
    full = max(batch_size, rows - rows % batch_size)  # no smaller batch, unless it is the only one
    starts = range(0, min(full, count * batch_size), batch_size)
    chosen = [order[start : start + batch_size] for start in starts]
    return [keras.tree.map_structure(lambda array, rows=rows: array[rows], arrays) for rows in chosen]


def _array(values: Any) -> np.ndarray:
    return np.asarray(keras.ops.convert_to_numpy(values))
