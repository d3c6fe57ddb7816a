"""The results of a comparison: for each recipe its peak rate, its scores, and its difference from the first recipe."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from slanted.compare.paired_difference import Difference, deviation, paired_difference
from slanted.compare.recipe_variants import Rate
from slanted.compare.run_grid import Run
from slanted.text.scoring.headline import BASELINES
from slanted.text.settings import LOWER_IS_BETTER


@dataclass(frozen=True)
class Measured:
    """A run and its result.

    Attributes:
        run: The run.
        metrics: The content of metrics.json; None if the run failed.
        peak_rate: The peak of the curve; None if the run failed.
    """

    run: Run
    metrics: dict[str, Any] | None
    peak_rate: float | None = None

    @classmethod
    def of(cls, run: Run) -> "Measured":
        """Read the result of a finished run."""
        metrics = run.metrics()
        return cls(run, metrics, None if metrics is None else run.peak_rate())

    def score(self, where: str, name: str) -> float:
        """Return a score on "valid" or "test"; NaN if there is none."""
        return float(((self.metrics or {}).get(where) or {}).get(name, math.nan))


@dataclass(frozen=True)
class RecipeResult:
    """The result of a recipe at its best peak rate, which is chosen on the validation rows.

    Attributes:
        name: The name of the variant as typed.
        rate: Its peak rate; None if it failed.
        rates_tried: The number of peak rates it was chosen from.
        epochs: Passes over the training rows.
        scores: One score for each seed, in the order of the seeds; empty if the recipe failed at every rate.
        mean: The mean of the scores.
        deviation: Their sample standard deviation; None for a single seed.
        train_seconds: The mean training time, compilation and validation included.
        difference: The paired difference from the first recipe; None for the first recipe, and if either failed.
        better: Whether the recipe is better than the first; None if the interval contains 0.
        failed: The number of runs that failed, at any rate.
        folders: The folder names of the runs at `rate`.
    """

    name: str
    rate: float | None
    rates_tried: int
    epochs: int
    scores: tuple[float, ...]
    mean: float | None
    deviation: float | None
    train_seconds: float | None
    difference: Difference | None
    better: bool | None
    failed: int
    folders: tuple[str, ...]


@dataclass(frozen=True)
class Comparison:
    """The result of a comparison.

    Attributes:
        score: The name of the compared score.
        where: The rows it is computed on: "test" or "valid".
        seeds: The seeds.
        recipes: The result of each recipe, in the order of `--recipes`.
        baselines: The mean score over the seeds of the majority baseline and of TF-IDF.
        measured: All runs.
    """

    score: str
    where: str
    seeds: tuple[int, ...]
    recipes: tuple[RecipeResult, ...]
    baselines: dict[str, float]
    measured: tuple[Measured, ...]

    @property
    def lower_is_better(self) -> bool:
        """Whether lower values of the score are better."""
        return self.score in LOWER_IS_BETTER

    def to_dict(self) -> dict[str, Any]:
        """Return the comparison as JSON types."""
        facts = {"score": self.score, "where": self.where, "seeds": list(self.seeds), "baselines": self.baselines}
        return {**facts, "recipes": [asdict(result) for result in self.recipes]}


def compared(measured: Sequence[Measured], score: str, where: str) -> Comparison:
    """Compare finished runs.

    Args:
        measured: The runs, in any order.
        score: The name of the score to compare.
        where: "test" or "valid", the rows of the reported score. The peak rate is always chosen on "valid".
    """
    names = list(dict.fromkeys(one.run.variant.name for one in measured))
    chosen = {name: _at_best_rate([one for one in measured if one.run.variant.name == name], score) for name in names}
    first = [one.score(where, score) for one in chosen[names[0]]]
    results = []
    for name in names:
        runs = [one for one in measured if one.run.variant.name == name]
        results.append(_result(runs, chosen[name], score, where, None if name == names[0] else first))
    seeds = tuple(sorted({one.run.seed for one in measured}))
    return Comparison(score, where, seeds, tuple(results), _baselines(measured, score), tuple(measured))


def _at_best_rate(runs: Sequence[Measured], score: str) -> list[Measured]:
    """Return the runs of a recipe at the peak rate with the best mean validation score; empty if all rates failed.

    A tie is broken by the validation loss, then by the smaller rate.
    """
    rates = sorted({one.run.rate for one in runs}, key=lambda rate: rate.number if rate else 0.0)
    runs_at = {rate: sorted((o for o in runs if o.run.rate == rate), key=lambda o: o.run.seed) for rate in rates}
    succeeded = [rate for rate in rates if all(one.metrics is not None for one in runs_at[rate])]
    if len(rates) == 1:
        return runs_at[rates[0]] if succeeded else []

    def worth(rate: Rate | None) -> tuple[float, float]:
        sign = -1.0 if score in LOWER_IS_BETTER else 1.0
        return sign * _mean(runs_at[rate], score), -_mean(runs_at[rate], "loss")

    scored = [rate for rate in succeeded if not math.isnan(_mean(runs_at[rate], score))]
    return runs_at[max(scored, key=worth)] if scored else []


def _mean(runs: Sequence[Measured], score: str) -> float:
    return math.fsum(one.score("valid", score) for one in runs) / len(runs)


def _result(
    runs: Sequence[Measured], chosen: Sequence[Measured], score: str, where: str, first: Sequence[float] | None
) -> RecipeResult:
    scores = [one.score(where, score) for one in chosen]
    defined = bool(scores) and not any(map(math.isnan, scores))
    difference = better = None
    if defined and first and not any(map(math.isnan, first)):
        difference = paired_difference(first, scores)
        better = (difference.mean < 0.0) == (score in LOWER_IS_BETTER) if difference.is_shown else None
    seconds = [one.metrics["train_seconds"] for one in chosen if one.metrics]
    least = runs[0].run.settings.recipe.least_epochs
    return RecipeResult(
        name=runs[0].run.variant.name,
        rate=chosen[0].peak_rate if chosen else None,
        rates_tried=len({one.run.rate for one in runs}),
        epochs=(chosen[0].metrics or {}).get("epochs", least) if chosen else least,
        scores=tuple(scores) if defined else (),
        mean=math.fsum(scores) / len(scores) if defined else None,
        deviation=deviation(scores) if defined else None,
        train_seconds=math.fsum(seconds) / len(seconds) if seconds else None,
        difference=difference,
        better=better,
        failed=sum(one.metrics is None for one in runs),
        folders=tuple(one.run.folder.name for one in chosen),
    )


def _baselines(measured: Sequence[Measured], score: str) -> dict[str, float]:
    """Return the mean score of each baseline over the seeds, if it is defined for all seeds."""
    of_seed = {one.run.seed: one.metrics["baselines"] for one in measured if one.metrics}
    means = {}
    for name in BASELINES:
        values = [float(scores.get(name, {}).get(score, math.nan)) for scores in of_seed.values()]
        if values and not any(map(math.isnan, values)):
            means[name] = math.fsum(values) / len(values)
    return means
