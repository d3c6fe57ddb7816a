"""Render a comparison as one self-contained HTML page, like the report of a run."""

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
    """Return the page of a comparison with the title `name`."""
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
    """Return the data that the script of the page draws."""
    recipes = [_numbers(result, comparison) for result in comparison.recipes]
    return {
        "score": comparison.score,
        "seeds": list(comparison.seeds),
        "baselines": {BASELINES[name]: mean for name, mean in comparison.baselines.items()},
        "recipes": recipes,
        "steps": max((one["steps"][-1] for one in recipes if one["steps"]), default=1),
    }


def _numbers(result: RecipeResult, comparison: Comparison) -> dict[str, Any]:
    runs = [one for one in comparison.measured if one.run.variant.name == result.name]
    chosen = [one for one in runs if one.run.folder.name in result.folders]
    difference = result.difference
    return {
        "name": result.name,
        "rate": result.rate,
        "scores": list(result.scores),
        "mean": result.mean,
        "difference": difference and {"mean": difference.mean, "low": difference.low, "high": difference.high},
        "tried": _rates_tried(runs, comparison.score),
        **_curves(chosen),
    }


def _rates_tried(runs: Sequence[Measured], score: str) -> list[dict[str, float]]:
    """Return the mean validation score of each peak rate at which no run failed."""
    by_rate: dict[Rate | None, list[Measured]] = {}
    for one in runs:
        by_rate.setdefault(one.run.rate, []).append(one)
    means = []
    for at_rate in by_rate.values():
        mean = float(np.mean([one.score("valid", score) for one in at_rate]))
        if all(one.peak_rate for one in at_rate) and np.isfinite(mean):
            means.append({"rate": at_rate[0].peak_rate, "mean": mean})
    return sorted(means, key=lambda one: one["rate"])


def _curves(chosen: Sequence[Measured]) -> dict[str, list[Any]]:
    """Return up to 240 steps, with the smoothed loss, averaged over the seeds, and the learning rate at each."""
    histories = [one.run.history() for one in chosen]
    if not histories:
        return {"steps": [], "losses": [], "rates": []}
    shortest = min(len(losses) for losses, _ in histories)  # the splits of the seeds may differ by a batch
    losses = moving_average(np.mean([losses[:shortest] for losses, _ in histories], axis=0))
    steps = np.unique(np.linspace(0, shortest - 1, min(shortest, MOST_POINTS)).astype("int64"))
    return {
        "steps": steps.tolist(),
        "losses": [float(f"{loss:.5g}") for loss in losses[steps]],
        "rates": [histories[0][1][step] for step in steps],
    }
