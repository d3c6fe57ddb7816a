"""A comparison as one HTML page that needs no network, in the manner of a run's report."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from slanted._version import __version__
from slanted.common.messages import plural
from slanted.compare.recipe_variants import Rate
from slanted.compare.results import Comparison, Measured, RecipeResult
from slanted.compare.text_table import BASELINES, ROWS, cells, notes, verdicts
from slanted.report.read.run_reader import moving_average
from slanted.report.render.page import document

SCRIPTS = ("d3.min.js", "plot.umd.min.js", "compare.js")
MOST_POINTS = 240


def page(comparison: Comparison, name: str) -> str:
    """Return the page of a comparison that is called `name`."""
    return document(
        "compare.html",
        SCRIPTS,
        name=name,
        comparison=comparison,
        cells=cells(comparison),
        verdicts=verdicts(comparison),
        notes=notes(comparison),
        rows=ROWS[comparison.where],
        seed_names=[f"seed {seed}" for seed in comparison.seeds],
        drawn=numbers(comparison),
        version=__version__,
        plural=plural,
    )


def numbers(comparison: Comparison) -> dict[str, Any]:
    """Return the data of the charts."""
    recipes = [_numbers(result, comparison) for result in comparison.recipes]
    return {
        "score": comparison.score,
        "seeds": list(comparison.seeds),
        "baselines": {BASELINES[name]: mean for name, mean in comparison.baselines.items()},
        "recipes": recipes,
        "steps": max((one["steps"][-1] for one in recipes if one["steps"]), default=1),
    }


def _numbers(result: RecipeResult, comparison: Comparison) -> dict[str, Any]:
    mine = [one for one in comparison.measured if one.run.variant.name == result.name]
    chosen = [one for one in mine if one.run.folder.name in result.folders]
    difference = result.difference
    return {
        "name": result.name,
        "rate": result.rate,
        "scores": list(result.scores),
        "mean": result.mean,
        "difference": difference and {"mean": difference.mean, "low": difference.low, "high": difference.high},
        "tried": _rates_tried(mine, comparison.score),
        **_curves(chosen),
    }


def _rates_tried(mine: Sequence[Measured], score: str) -> list[dict[str, float]]:
    """Return the mean validation score at each rate that got through."""
    by_rate: dict[Rate | None, list[Measured]] = {}
    for one in mine:
        by_rate.setdefault(one.run.rate, []).append(one)
    means = []
    for runs in by_rate.values():
        mean = float(np.mean([one.score("valid", score) for one in runs]))
        if all(one.peak_rate for one in runs) and np.isfinite(mean):
            means.append({"rate": runs[0].peak_rate, "mean": mean})
    return sorted(means, key=lambda one: one["rate"])


def _curves(chosen: Sequence[Measured]) -> dict[str, list[Any]]:
    """Return the steps of at most 240 points, with the smoothed loss, mean of the seeds, and the curve's rate."""
    histories = [one.run.history() for one in chosen]
    if not histories:
        return {"steps": [], "losses": [], "rates": []}
    shortest = min(len(losses) for losses, _ in histories)  # seeds may differ by a batch, where their splits do
    losses = moving_average(np.mean([losses[:shortest] for losses, _ in histories], axis=0))
    steps = np.unique(np.linspace(0, shortest - 1, min(shortest, MOST_POINTS)).astype("int64"))
    return {
        "steps": steps.tolist(),
        "losses": [float(f"{loss:.5g}") for loss in losses[steps]],
        "rates": [histories[0][1][step] for step in steps],
    }
