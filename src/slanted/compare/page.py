"""A comparison as one HTML page that needs no network, in the manner of a run's report."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from slanted._version import __version__
from slanted.common.messages import plural
from slanted.compare.recipe_variants import Rate
from slanted.compare.results import Comparison, Measured, RecipeResult
from slanted.compare.text_table import BASELINES, ROWS, cells, notes, verdicts
from slanted.report.read.run_reader import smoothed
from slanted.report.render import html
from slanted.report.render.page import document

SCRIPTS = ("d3.min.js", "plot.umd.min.js", "compare.js")
MOST_POINTS = 240


def page(comparison: Comparison, name: str) -> str:
    """Return the page of a comparison that is called `name`."""
    sections = [_result(comparison), _scores(comparison), _differences(comparison), _course(comparison)]
    if max(result.rates_tried for result in comparison.recipes) > 1:
        sections.append(_tried(comparison))
    count = plural(len(comparison.measured), "run")
    subtitle = f"{plural(len(comparison.recipes), 'recipe')}, {plural(len(comparison.seeds), 'seed')}, {count}"
    title = f"{name}: slanted comparison"
    return document(title, subtitle, "".join(sections), numbers(comparison), SCRIPTS, __version__)


def _result(comparison: Comparison) -> str:
    said = "".join(
        f"<li>{html.label(name)}: {html.text(verdict)}</li>" for name, verdict in verdicts(comparison).items()
    )
    header, *rows = cells(comparison)
    shown = html.table(
        [html.text(cell) for cell in header],
        [[html.label(row[0]), *map(html.text, row[1:])] for row in rows],
        f"{comparison.score} on the {ROWS[comparison.where]}, mean of {plural(len(comparison.seeds), 'seed')}",
        "numbers",
    )
    remarks = "".join(html.paragraph(html.text(note), "note") for note in notes(comparison))
    return html.section("result", "Result", f'<ul class="lead">{said}</ul>', shown, remarks)


def _scores(comparison: Comparison) -> str:
    lines = " and ".join(BASELINES[name] for name in comparison.baselines)
    said = (
        "A dot for each seed, a stroke at their mean" + (f"; dashed: {lines}" if lines else "") + ". A seed fixes the "
        "held-out rows, the order of the batches, the new layers and dropout, the same for every recipe."
    )
    rows = [
        [html.label(result.name), *(f"{score:.4f}" for score in result.scores)]
        for result in comparison.recipes
        if result.scores
    ]
    header = ["recipe", *(f"seed {seed}" for seed in comparison.seeds)]
    drawn = html.figure("scores", f"{comparison.score} of each seed, by recipe", html.table(header, rows, "Scores"))
    return html.section("scores", "Scores", html.paragraph(said), drawn)


def _differences(comparison: Comparison) -> str:
    first = comparison.recipes[0].name
    said = (
        f"The mean difference to {html.label(first)}, paired by seed, in its 95 % interval (Student's). An interval "
        "that holds 0 shows no difference."
    )
    rows = [
        [html.label(result.name), f"{one.mean:+.4f}", *("–" if end is None else f"{end:+.4f}" for end in ends)]
        for result in comparison.recipes
        if (one := result.difference) is not None
        for ends in [(one.low, one.high)]
    ]
    table = html.table(["recipe", "difference", "from", "to"], rows, "Differences", "numbers")
    drawn = html.figure("differences", f"Difference of each recipe to {first}, with its interval", table)
    return html.section("differences", "Differences", html.paragraph(said), drawn)


def _course(comparison: Comparison) -> str:
    names = "".join(f"<li>{html.label(result.name)}</li>" for result in comparison.recipes)
    said = "The curve's rate and the training loss at each step, at each recipe's chosen rate."
    rows = [
        [html.label(name), *(f"{line[at]:.3g}" for line in (losses,) for at in (0, len(losses) // 2, -1))]
        for name, losses in ((one["name"], one["losses"]) for one in numbers(comparison)["recipes"])
        if losses
    ]
    table = html.table(["recipe", "at the start", "half-way", "at the end"], rows, "Smoothed loss", "numbers")
    legend = f'<ul class="legend recipes">{names}</ul>'
    drawn = "".join(
        f'<div class="draw" data-plot="{name}" data-says="{says}"></div>'
        for name, says in (
            ("rates", "Learning rate over the steps, by recipe"),
            ("losses", "Training loss over the steps, by recipe"),
        )
    )
    figure = f"<figure>{legend}{drawn}<details><summary>The numbers</summary>{table}</details></figure>"
    return html.section("course", "Rates and loss", html.paragraph(said), figure)


def _tried(comparison: Comparison) -> str:
    said = f"The mean {comparison.score} on the validation rows at each rate; the larger dot is the rate chosen."
    rows = [
        [html.label(one["name"]), f"{each['rate']:g}", f"{each['mean']:.4f}"]
        for one in numbers(comparison)["recipes"]
        for each in one["tried"]
    ]
    table = html.table(["recipe", "peak rate", f"validation {comparison.score}"], rows, "Rates tried", "numbers")
    drawn = html.figure("tried", f"Validation {comparison.score} by peak rate and recipe", table)
    return html.section("tried", "Rates tried", html.paragraph(html.text(said)), drawn)


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
    losses = smoothed(np.mean([losses[:shortest] for losses, _ in histories], axis=0))
    steps = np.unique(np.linspace(0, shortest - 1, min(shortest, MOST_POINTS)).astype("int64"))
    return {
        "steps": steps.tolist(),
        "losses": [float(f"{loss:.5g}") for loss in losses[steps]],
        "rates": [histories[0][1][step] for step in steps],
    }
