"""The first section: the result in one sentence, the baselines beside it, and what to look at next."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from slanted.report.render import html
from slanted.report.render.html import number, percent
from slanted.text.scoring.headline import COLUMNS, TITLES

WHERE = {"test": "test rows", "valid": "validation rows", "out_of_fold": "out-of-fold rows"}
CONSTANT = {"single": "the most frequent label", "multilabel": "each label's share", "regression": "the mean"}
LINEAR_IS_BETTER = "The linear model does better here, and is far cheaper to run."
MUCH_CUT, BADLY_CALIBRATED, FEW_SUSPECTS = 0.1, 0.1, 0.1


def result(report: Mapping[str, Any]) -> str:
    """Return the section."""
    metrics, where = report["metrics"], report["data"]["scored"]
    if where is None:
        said = "No rows were held out, so this run has no score. Give --test or --valid-share to get one."
        return html.section("result", "Result", html.paragraph(said, "lead"), what_next(report))
    parts = [
        html.paragraph(_sentence(metrics, where, report["data"]["rows"][where]), "lead"),
        _verdict(metrics, where),
    ]
    scores = {"This model": metrics[where], **baselines_of(metrics["task"], metrics["baselines"])}
    table = score_table(metrics["task"], scores, f"Scores on the {WHERE[where]}")
    return html.section("result", "Result", *parts, table, what_next(report))


def _sentence(metrics: Mapping[str, Any], where: str, rows: int) -> str:
    task, key, own = metrics["task"], COLUMNS[metrics["task"]][0], metrics[where]
    model, on = worth(own, key), f"{rows:,} {WHERE[where]}"
    others = f"{others_reach(task, metrics['baselines'])}."
    if task == "single":
        return f"The model labels <strong>{model}</strong> of the {on} correctly ({interval(own, rows)}); {others}"
    return f"The model reaches a {TITLES[key]} score of <strong>{model}</strong> on {on}; {others}"


def others_reach(task: str, baselines: Mapping[str, Mapping[str, Any]]) -> str:
    """Return what the baselines come to, in words."""
    key = COLUMNS[task][0]
    linear, constant = worth(baselines["tfidf"], key), worth(baselines["majority"], key)
    return f"{_linear(task)} reaches {linear}, {CONSTANT[task]} alone {constant}"


def interval(scores: Mapping[str, Any], rows: int) -> str:
    """Return the 95 % interval of an accuracy on some rows, in words."""
    low, high = wilson_interval(scores["accuracy"], rows)
    return f"95&nbsp;% interval {percent(low)} to {percent(high)}"


def wilson_interval(share: float, rows: int) -> tuple[float, float]:
    """Return the 95 % interval of a share (Wilson's score interval).

    >>> [round(bound, 3) for bound in wilson_interval(0.5, 100)]
    [0.404, 0.596]
    """
    z2 = 1.959964**2
    middle = (share + z2 / (2 * rows)) / (1 + z2 / rows)
    half = math.sqrt(z2 * (share * (1 - share) / rows + z2 / (4 * rows**2))) / (1 + z2 / rows)
    return max(0.0, middle - half), min(1.0, middle + half)


def worth(scores: Mapping[str, Any], key: str) -> str:
    """Return a score in words."""
    if key not in scores:
        return "no score, for it says the same of every row"
    return percent(scores[key]) if key == "accuracy" else number(scores[key])


def _linear(task: str) -> str:
    return "TF-IDF with ridge regression" if task == "regression" else "TF-IDF with logistic regression"


def baselines_of(task: str, baselines: Mapping[str, Any], note: str = "") -> dict[str, Mapping[str, Any]]:
    """Return the scores of the baselines by the names they have on a page, each with a note behind it."""
    linear, constant = _linear(task), CONSTANT[task].capitalize()
    return {f"{linear}{note}": baselines["tfidf"], f"{constant}{note}": baselines["majority"]}


def _verdict(metrics: Mapping[str, Any], where: str) -> str:
    key = COLUMNS[metrics["task"]][0]
    model, linear = metrics[where].get(key, -1.0), metrics["baselines"]["tfidf"].get(key, -1.0)
    notes = []
    if linear > model:
        notes.append(LINEAR_IS_BETTER)
    if where == "valid":
        notes.append("The kept epoch was chosen on these same rows, which flatters the model a little.")
    if metrics["task"] == "multilabel" and "valid" in metrics:
        notes.append(_thresholds_note(where))
    notes += duplicates(metrics)
    return html.paragraph(" ".join(notes), "note") if notes else ""


def duplicates(metrics: Mapping[str, Any]) -> list[str]:
    """Return the sentence about test rows that were trained on, if there are any."""
    found = metrics.get("train_test_duplicates")
    return [f"{found:,} of the test rows stand among the training rows too."] if found else []


def _thresholds_note(where: str) -> str:
    rule = "From which probability on a label is given was chosen on the validation rows, for all of these alike"
    return f"{rule}." if where == "test" else f"{rule}: they are these same rows, which flatters all of them."


def score_table(task: str, rows: Mapping[str, Mapping[str, Any]], caption: str) -> str:
    """Return the table of a task's scores; the first row is the one that matters."""
    keys = columns_in(task, rows.values())
    cells = [[name, *(score_cell(scores, key) for key in keys)] for name, scores in rows.items()]
    return html.table(["", *(TITLES[key] for key in keys)], cells, caption, "numbers scores")


def columns_in(task: str, rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return which of a task's scores some rows have."""
    held = list(rows)
    return [key for key in COLUMNS[task] if any(key in scores for scores in held)]


def score_cell(scores: Mapping[str, Any], key: str) -> str:
    """Return a score as a table shows it."""
    return f"{scores[key]:.4f}" if key in scores else "–"


def what_next(report: Mapping[str, Any]) -> str:
    """Return what the numbers suggest to try, if anything."""
    hints = "".join(f"<li>{hint}</li>" for hint in hints_of(report))
    return f"<h3>What to try next</h3><ul>{hints}</ul>" if hints else ""


def hints_of(report: Mapping[str, Any]) -> list[str]:
    """Return what the numbers suggest, each a sentence of HTML."""
    metrics, data = report["metrics"], report["data"]
    hints = _epoch_hints([fold["metrics"] for fold in report["folds"]] or [metrics])
    if data["lengths"]["truncated"] > MUCH_CUT:
        cut = percent(data["lengths"]["truncated"])
        hints.append(f"{cut} of the training texts lose tokens: try a larger <code>--max-tokens</code>.")
    scored = metrics.get(data["scored"] or "", {})
    if scored.get("ece", 0.0) > BADLY_CALIBRATED:
        hints.append("Its probabilities are far from the shares that come true: see the calibration before using them.")
    looked_at = [part for part in data["suspects"].values() if part]
    found = sum(part["found"] for part in looked_at)
    if 0 < found <= FEW_SUSPECTS * sum(part["rows"] for part in looked_at):
        rows = "row" if found == 1 else "rows"
        hints.append(f'Look at the <a href="#suspects">{found:,} {rows} whose label may be wrong</a>.')
    return hints


def _epoch_hints(runs: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return what it means that most runs kept their last epoch, or their first."""
    kept = [(run.get("kept_epoch"), run["epochs"]) for run in runs if "valid" in run]
    last = sum(best == epochs for best, epochs in kept)
    first = sum(best == 1 < epochs for best, epochs in kept)
    hints = []
    if 2 * last > len(runs):
        hints.append(f"The last epoch was the best{_of(last, runs)}: more <code>--epochs</code> may gain more.")
    if 2 * first > len(runs):
        remedy = "try fewer <code>--epochs</code> or a smaller <code>--lr</code>"
        hints.append(f"The first epoch was the best{_of(first, runs)}: {remedy}.")
    return hints


def _of(count: int, runs: Sequence[Any]) -> str:
    return f" in {count} of {len(runs)} folds" if len(runs) > 1 else ""
