"""A comparison as text: a table, and in a line each what the differences show."""

from slanted.common.messages import aligned, plural
from slanted.compare.results import Comparison, RecipeResult
from slanted.text.progress.progress import duration

BASELINES = {"tfidf": "TF-IDF + linear model", "majority": "majority"}
ROWS = {"test": "test rows", "valid": "validation rows"}


def table(comparison: Comparison) -> str:
    """Return the whole text."""
    seeds = comparison.seeds
    head = f"{comparison.score} on the {ROWS[comparison.where]}, mean of {plural(len(seeds), 'seed')}"
    parts = [head + (" (lower is better)" if comparison.lower_is_better else ""), aligned(cells(comparison))]
    parts += [f"{name}: {verdict}" for name, verdict in verdicts(comparison).items()]
    return "\n".join(parts + [f"note: {note}" for note in notes(comparison)])


def cells(comparison: Comparison) -> list[tuple[str, ...]]:
    """Return the table's cells: the header, a row for each recipe, the baselines."""
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
    """Return what is shown of every recipe but the first: recipe -> a sentence."""
    first, *others = comparison.recipes
    return {result.name: _verdict(result, first) for result in others}


def _verdict(result: RecipeResult, first: RecipeResult) -> str:
    difference = result.difference
    if difference is None:
        return "cannot be compared: " + _why_not(result if result.mean is None else first)
    if difference.low is None and difference.pairs == 1:
        return "no difference shown: one seed does not tell a difference from noise; give --seeds 3 or more"
    if difference.low is None and difference.mean == 0.0:
        return f"no difference shown: the same score as {first.name} on every seed"
    if difference.low is None:
        return f"no difference shown: {difference.mean:+.4f} on every seed, which leaves the noise unknown"
    interval = f"the 95 % interval is {difference.low:+.4f} to {difference.high:+.4f}"
    if result.better is None:
        return f"no difference shown: {interval}, which holds 0"
    return f"{'better' if result.better else 'worse'} than {first.name} by {abs(difference.mean):.4f}; {interval}"


def _why_not(result: RecipeResult) -> str:
    if result.failed:
        return f"the loss of {result.name} became infinite or no number at every rate tried; give smaller rates"
    return f"the score of {result.name} is not defined on these rows"


def notes(comparison: Comparison) -> list[str]:
    """Return what a reader must know not to read too much into the table."""
    found = []
    if len({result.epochs for result in comparison.recipes}) > 1:
        found.append("the recipes differ in their epochs, and so in the time they take; --epochs N gives all the same")
    tried = max(result.rates_tried for result in comparison.recipes)
    if tried > 1:
        biased = ", the rows reported, which flatters all of them" if comparison.where == "valid" else ""
        found.append(
            f"each recipe has its best of {tried} rates by the mean {comparison.score} on validation rows{biased}"
        )
    elif comparison.where == "valid":
        found.append("the validation rows also chose each run's epoch, which flatters all recipes; give --test")
    for result in comparison.recipes:
        if result.failed and result.mean is not None:
            found.append(
                f"{plural(result.failed, 'run')} of {result.name} failed at other rates: the loss was not finite"
            )
    if len(comparison.seeds) > 1 and len(comparison.recipes) > 1:
        found.append("the intervals are of other seeds on these files; that other rows would be drawn is not in them")
    if len(comparison.recipes) > 3:
        others = len(comparison.recipes) - 1
        found.append(f"there are {others} intervals: of 20 that hold no difference one leaves out 0 by chance")
    return found
