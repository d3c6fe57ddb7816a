"""A comparison as text: a table, a verdict for each recipe, and notes."""

from slanted.common.messages import aligned, plural
from slanted.compare.results import Comparison, RecipeResult
from slanted.text.progress.progress import duration
from slanted.text.scoring.headline import FROZEN_ENCODER, MAJORITY, TFIDF

BASELINES = {TFIDF: "TF-IDF + linear model", FROZEN_ENCODER: "frozen encoder", MAJORITY: "majority"}
ROWS = {"test": "test rows", "valid": "validation rows"}


def table(comparison: Comparison) -> str:
    """Return the table, the verdicts and the notes of a comparison."""
    seeds = comparison.seeds
    head = f"{comparison.score} on the {ROWS[comparison.where]}, mean of {plural(len(seeds), 'seed')}"
    parts = [head + (" (lower is better)" if comparison.lower_is_better else ""), aligned(cells(comparison))]
    parts += [f"{name}: {verdict}" for name, verdict in verdicts(comparison).items()]
    return "\n".join(parts + [f"note: {note}" for note in notes(comparison)])


def cells(comparison: Comparison) -> list[tuple[str, ...]]:
    """Return the cells of the table: the header, a row for each recipe, a row for each baseline."""
    first = comparison.recipes[0].name
    header = ("recipe", "rate", "epochs", comparison.score, "deviation", f"minus {first}", "95 % interval", "training")
    rows = [header, *(_row(result) for result in comparison.recipes)]
    for name, mean in comparison.baselines.items():
        rows.append((BASELINES[name], "", "", f"{mean:.4f}", "", "", "", ""))
    return rows


def _row(result: RecipeResult) -> tuple[str, ...]:
    difference = result.difference
    interval = (
        "" if difference is None or difference.low is None else f"{difference.low:+.4f} to {difference.high:+.4f}"
    )
    return (
        result.name,
        "" if result.rate is None else f"{result.rate:g}",
        str(result.epochs),
        "failed" if result.mean is None else f"{result.mean:.4f}",
        "" if result.deviation is None else f"{result.deviation:.4f}",
        "" if difference is None else f"{difference.mean:+.4f}",
        interval,
        "" if result.train_seconds is None else duration(result.train_seconds),
    )


def verdicts(comparison: Comparison) -> dict[str, str]:
    """Return the verdict on every recipe but the first: name -> a sentence."""
    first, *others = comparison.recipes
    return {result.name: _verdict(result, first) for result in others}


def _verdict(result: RecipeResult, first: RecipeResult) -> str:
    difference = result.difference
    if difference is None:
        return "cannot be compared: " + _why_not(result if result.mean is None else first)
    if difference.low is None and difference.pairs == 1:
        return "no difference shown: with one seed a difference cannot be told from noise; give --seeds 3 or more"
    if difference.low is None and difference.mean == 0.0:
        return f"no difference shown: the same score as {first.name} for every seed"
    if difference.low is None:
        return f"no difference shown: {difference.mean:+.4f} for every seed, so that the noise is unknown"
    interval = f"the 95 % interval is {difference.low:+.4f} to {difference.high:+.4f}"
    if result.better is None:
        return f"no difference shown: {interval}, which contains 0"
    return f"{'better' if result.better else 'worse'} than {first.name} by {abs(difference.mean):.4f}; {interval}"


def _why_not(result: RecipeResult) -> str:
    if result.failed:
        return f"the loss of {result.name} became infinite or NaN at every rate tried; give smaller rates"
    return f"the score of {result.name} is not defined on these rows"


def notes(comparison: Comparison) -> list[str]:
    """Return the limits of the comparison that a reader of the table must know."""
    lines = []
    if len({result.epochs for result in comparison.recipes}) > 1:
        lines.append("the recipes have different epochs, and so different training times; --epochs N sets all of them")
    tried = max(result.rates_tried for result in comparison.recipes)
    if tried > 1:
        biased = ", the rows of this table, so that all scores are too good" if comparison.where == "valid" else ""
        lines.append(
            f"each recipe has the best of {tried} peak rates by mean {comparison.score} on the validation rows{biased}"
        )
    elif comparison.where == "valid":
        lines.append("the best epochs were selected on these validation rows: all scores are too good; give --test")
    for result in comparison.recipes:
        if result.failed and result.mean is not None:
            lines.append(
                f"{plural(result.failed, 'run')} of {result.name} failed at other rates: the loss was not finite"
            )
    if len(comparison.seeds) > 1 and len(comparison.recipes) > 1:
        lines.append("the intervals cover other seeds on the same files; they do not cover other samples of rows")
    if len(comparison.recipes) > 3:
        others = len(comparison.recipes) - 1
        lines.append(f"there are {others} intervals: without any difference 1 in 20 would exclude 0 by chance")
    return lines
