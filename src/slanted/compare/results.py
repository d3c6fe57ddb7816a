"""Finished runs -> for each recipe its rate, its scores over the seeds, and its difference to the first recipe."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from slanted.compare.paired_difference import Difference, deviation, paired_difference
from slanted.compare.recipe_variants import Rate
from slanted.compare.run_grid import Run
from slanted.text.settings import LOWER_IS_BETTER


@dataclass(frozen=True)
class Measured:
    """A run and what came of it.

    Attributes:
        run: Which.
        metrics: What its metrics.json holds; None where it failed.
        peak_rate: Of its curve; None where it failed.
    """

    run: Run
    metrics: dict[str, Any] | None
    peak_rate: float | None = None

    @classmethod
    def of(cls, run: Run) -> "Measured":
        """Return what a finished run's folder holds."""
        metrics = run.metrics()
        return cls(run, metrics, None if metrics is None else run.peak_rate())

    def score(self, where: str, name: str) -> float:
        """Return a score on "valid" or "test", NaN where there is none."""
        return float(((self.metrics or {}).get(where) or {}).get(name, math.nan))


@dataclass(frozen=True)
class RecipeResult:
    """What a recipe gave, at the rate at which it did best on the validation rows.

    Attributes:
        name: The recipe as it was written.
        rate: Its peak rate; None where it failed.
        rates_tried: How many rates it was chosen from.
        epochs: Passes over the training rows.
        scores: One for each seed, in the seeds' order; none where the recipe failed at every rate.
        mean: Of the scores.
        deviation: Their sample standard deviation; None for one seed.
        train_seconds: Mean time of a training, compilation and validation included.
        difference: To the first recipe, seed by seed; None for the first itself, and where either failed.
        better: Whether `difference` is one for the better: None where the interval does not show it.
        failed: How many runs failed, at any rate.
        folders: Names of the chosen runs' folders.
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
    """All of a comparison.

    Attributes:
        score: Which score is compared.
        where: On which rows: "test", or "valid".
        seeds: The seeds.
        recipes: What each gave, in the order they were named.
        baselines: The mean score of the majority and of TF-IDF over the seeds.
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
        """Whether less of the score is better."""
        return self.score in LOWER_IS_BETTER

    def to_dict(self) -> dict[str, Any]:
        """Return the comparison as JSON's types."""
        own = {"score": self.score, "where": self.where, "seeds": list(self.seeds), "baselines": self.baselines}
        return {**own, "recipes": [asdict(result) for result in self.recipes]}


def compared(measured: Sequence[Measured], score: str, where: str) -> Comparison:
    """Return the comparison of runs that are all finished.

    Args:
        measured: All of them, grouped in any order.
        score: Which score.
        where: "test" or "valid": which rows the reported score is of. The rate is chosen on "valid" in either case.
    """
    names = list(dict.fromkeys(one.run.variant.name for one in measured))
    chosen = {name: _at_best_rate([one for one in measured if one.run.variant.name == name], score) for name in names}
    first = [one.score(where, score) for one in chosen[names[0]]]
    results = []
    for name in names:
        mine = [one for one in measured if one.run.variant.name == name]
        results.append(_result(mine, chosen[name], score, where, None if name == names[0] else first))
    seeds = tuple(sorted({one.run.seed for one in measured}))
    return Comparison(score, where, seeds, tuple(results), _baselines(measured, score), tuple(measured))


def _at_best_rate(mine: Sequence[Measured], score: str) -> list[Measured]:
    """Return a recipe's runs at the rate of the best mean on the validation rows; none where no rate got through.

    Rates of the same mean go by the validation loss, then by size: the smallest.
    """
    rates = sorted({one.run.rate for one in mine}, key=lambda rate: rate.number if rate else 0.0)
    runs_at = {rate: sorted((o for o in mine if o.run.rate == rate), key=lambda o: o.run.seed) for rate in rates}
    through = [rate for rate in rates if all(one.metrics is not None for one in runs_at[rate])]
    if len(rates) == 1:
        return runs_at[rates[0]] if through else []

    def worth(rate: Rate | None) -> tuple[float, float]:
        sign = -1.0 if score in LOWER_IS_BETTER else 1.0
        return sign * _mean(runs_at[rate], score), -_mean(runs_at[rate], "loss")

    scored = [rate for rate in through if not math.isnan(_mean(runs_at[rate], score))]
    return runs_at[max(scored, key=worth)] if scored else []


def _mean(runs: Sequence[Measured], score: str) -> float:
    return math.fsum(one.score("valid", score) for one in runs) / len(runs)


def _result(
    mine: Sequence[Measured], chosen: Sequence[Measured], score: str, where: str, first: Sequence[float] | None
) -> RecipeResult:
    scores = [one.score(where, score) for one in chosen]
    defined = bool(scores) and not any(map(math.isnan, scores))
    difference = better = None
    if defined and first and not any(map(math.isnan, first)):
        difference = paired_difference(first, scores)
        better = (difference.mean < 0.0) == (score in LOWER_IS_BETTER) if difference.is_shown else None
    seconds = [one.metrics["train_seconds"] for one in chosen if one.metrics]
    return RecipeResult(
        name=mine[0].run.variant.name,
        rate=chosen[0].peak_rate if chosen else None,
        rates_tried=len({one.run.rate for one in mine}),
        epochs=mine[0].run.settings.recipe.epochs,
        scores=tuple(scores) if defined else (),
        mean=math.fsum(scores) / len(scores) if defined else None,
        deviation=deviation(scores) if defined else None,
        train_seconds=math.fsum(seconds) / len(seconds) if seconds else None,
        difference=difference,
        better=better,
        failed=sum(one.metrics is None for one in mine),
        folders=tuple(one.run.folder.name for one in chosen),
    )


def _baselines(measured: Sequence[Measured], score: str) -> dict[str, float]:
    """Return the mean over the seeds of each baseline's score, where it is defined on every seed."""
    of_seed = {one.run.seed: one.metrics["baselines"] for one in measured if one.metrics}
    means = {}
    for name in ("tfidf", "majority"):
        found = [float(scores[name].get(score, math.nan)) for scores in of_seed.values()]
        if found and not any(map(math.isnan, found)):
            means[name] = math.fsum(found) / len(found)
    return means
