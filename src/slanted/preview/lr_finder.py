"""find_learning_rate: a range test on the loss of each batch, verified by short runs; the model is restored."""

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import keras
import numpy as np

from slanted.common.argument_checks import whole
from slanted.errors import InputError, TrainingFailed
from slanted.preview.range_test import FEWEST_STEPS, SearchOptions, gaussian_smoothed, suggestions
from slanted.preview.trial_training import TrialCurve, TrialModel

__all__ = ["RateSearch", "find_learning_rate"]

TIMES_THE_LOWEST = 4.0
MEMORY = 0.9


@dataclass(frozen=True)
class Trial:
    """A short run with slanted triangular learning rates.

    Attributes:
        rate: The peak learning rate.
        loss: The mean loss of the batches in the second half of the run; None if the loss diverged.
    """

    rate: float
    loss: float | None


@dataclass(frozen=True)
class RateSearch:
    """The result of `slanted.find_learning_rate`; `str` gives a summary.

    Attributes:
        suggestion: The peak learning rate to train with.
        confidence: "high", "fair", "low" or "unverified".
        reason: The reason for the confidence, in a sentence.
        method: The reading of the range test that was verified.
        suggestions: Name of a reading ("valley", "steep", "minimum", "slide") -> its learning rate.
        trials: The short runs, in ascending order of learning rate; empty if the suggestion was not verified.
        rates: The learning rates of the range test, float64 (n,).
        losses: The loss of each batch of the range test, float64 (n,).
        smoothed: The smoothed losses, float64 (n,).
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
        """Plot the losses over the learning rates, with the suggestions.

        Args:
            ax: The matplotlib Axes to draw on; None: the Axes of a new figure.

        Returns:
            The matplotlib Axes.

        Raises:
            InputError: matplotlib is not installed.
        """
        from slanted.common.plots import draw_search

        readings = (self.suggestions, self.suggestion)
        return draw_search(self.rates, self.losses, self.smoothed, *readings, ax)

    def to_dict(self) -> dict[str, Any]:
        """Return all attributes as JSON types."""
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


def find_learning_rate(  # noqa: PLR0913 - public: each option by its name
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
    """Find a peak learning rate for a compiled model; model, optimizer and random state are restored.

    A range test trains for `steps` batches while the learning rate rises exponentially from `lr_start` to `lr_end`. It
    ends early when the loss diverges: it is not finite, or its running mean is more than four times its lowest. The
    suggestion of the range test is then verified by three short runs with slanted triangular learning rates, whose
    peaks are the suggestion, a third of it and three times it. Each starts from the weights of the model and trains on
    the same batches in the same order. A learning rate whose losses are lower by more than two standard errors of the
    paired differences replaces the suggestion. Short runs favour high rates: treat the result as an upper limit.

    Afterwards weights, optimizer, metrics, compiled steps and all random generators are restored to the last bit. The
    position of arrays and PyDatasets does not change either, because their batches are read by index. A
    `tf.data.Dataset` that reshuffles at each iteration has been iterated over once.

    Args:
        model: A built and compiled Keras model. Each layer group trains at the rate that the optimizer gives it; all
            groups are open.
        data: A tuple (x, y) or (x, y, sample_weight) of arrays; or batches: a PyDataset, or any iterable that can be
            iterated over again, such as a list, a `tf.data.Dataset` or a DataLoader.
        lr_start: The first learning rate of the range test, > 0.
        lr_end: The last learning rate, > lr_start. The default suits Adam on transformers; SGD needs up to 1.
        steps: Batches of the range test, >= 20.
        method: The reading of the range test to verify: "valley", "steep", "minimum" or "slide".
        verify_steps: Batches of each short run, >= 20; 0: the suggestion is not verified.
        batch_size: Examples per batch, for arrays.
        seed: The seed of the order of arrays.

    Returns:
        A `slanted.RateSearch`: its `suggestion`, `confidence`, the readings, and `plot()`.

    Raises:
        ValueError: An argument is out of its range, the data can be iterated over only once, or the model has several
            replicas (`tf.distribute`).
        TrainingFailed: The loss diverges from the start.

    Example:
        >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
        >>> model.compile("adam", "mse")
        >>> x = np.random.default_rng(0).normal(size=(640, 2)).astype("float32")
        >>> search = find_learning_rate(model, (x, x.sum(axis=1)), lr_end=1.0, steps=40, verify_steps=20)
        >>> search.rates.shape, [trial.rate for trial in search.trials][1] == search.suggestions["valley"]
        ((40,), True)
    """
    SearchOptions(lr_start, lr_end, steps, method, verify_steps)
    with TrialModel.restoring(model) as trial:
        batches = _batches(data, max(steps, verify_steps), whole("batch_size", batch_size), seed)
        curve = TrialCurve(lr_start, steps, lr_end)
        losses = trial.run(batches, curve, _has_diverged())
        losses = losses[np.isfinite(losses)]
        if len(losses) < FEWEST_STEPS:
            raise TrainingFailed(
                f"the loss diverges from the start: at step {len(losses)}, rate {curve.at(len(losses)):.2g}. "
                "Give a smaller lr_start, or look at the data."
            )
        rates, even = curve.simulate()[: len(losses)], gaussian_smoothed(losses)
        readings = {name: _rounded(rate) for name, rate in suggestions(rates, even).items()}
        trials, verdict = _verified(trial, batches, readings[method], verify_steps)
    suggestion, confidence, reason = verdict
    if _hardly_falls(losses, even):
        confidence, reason = "low", f"the loss hardly fell within {steps} steps; take more steps; {reason}"
    diverged = len(losses) < steps
    return RateSearch(suggestion, confidence, reason, method, readings, trials, rates, losses, even, diverged)


def _hardly_falls(losses: np.ndarray, even: np.ndarray) -> bool:
    """Return whether the smoothed losses fall by less than the standard deviation of the losses around them."""
    lowest = int(np.argmin(even)) + 1
    return even[0] - even[lowest - 1] < np.std(losses[:lowest] - even[:lowest])


def _rounded(rate: float) -> float:
    """Return a learning rate rounded to two significant digits."""
    return float(f"{rate:.1e}")


def _has_diverged() -> Callable[[list[float]], bool]:
    """Return a test that is True once the running mean of the losses is more than four times its lowest value."""
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
    """Run the short runs; return them, and the tuple (suggestion, confidence, reason)."""
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
    """Return whether the losses of `one` are lower by more than two standard errors of the paired differences."""
    if one is None or other is None:
        return one is not None
    differences = other - one
    return bool(differences.mean() > 2.0 * differences.std(ddof=1) / math.sqrt(len(differences)))


def _mean(half: np.ndarray | None) -> float:
    return math.inf if half is None else float(half.mean())


def _batches(data: Any, count: int, batch_size: int, seed: int) -> list[Any]:
    """Return the first batches of the data, at most `count`, as NumPy arrays."""
    if isinstance(data, tuple):
        return _batches_of_arrays(data, count, batch_size, seed)
    if hasattr(data, "__next__"):
        raise InputError(
            f"Data must be an iterable that can be iterated over again. Received: {type(data).__name__}, which loses "
            "the batches that are read. Pass a list of its batches."
        )
    if isinstance(data, keras.utils.PyDataset):
        available = data.num_batches
        batches = [data[index] for index in range(count if available is None else min(count, available))]
    else:
        batches = list(itertools.islice(data, count))
    if not batches:
        raise InputError("Data must have at least one batch. Received: none.")
    return [keras.tree.map_structure(_array, batch) for batch in batches]


def _batches_of_arrays(data: tuple[Any, ...], count: int, batch_size: int, seed: int) -> list[Any]:
    arrays: Any = keras.tree.map_structure(_array, data)
    rows = len(keras.tree.flatten(arrays)[0])
    if not rows:
        raise InputError("Data must have at least one example. Received: none.")
    order = np.random.default_rng(seed).permutation(rows)
    full = max(batch_size, rows - rows % batch_size)  # no smaller batch, unless it is the only one
    starts = range(0, min(full, count * batch_size), batch_size)
    rows_of = [order[start : start + batch_size] for start in starts]
    return [keras.tree.map_structure(lambda array, rows=rows: array[rows], arrays) for rows in rows_of]


def _array(values: Any) -> np.ndarray:
    return np.asarray(keras.ops.convert_to_numpy(values))
