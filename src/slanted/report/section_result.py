"""The first section: the result in one sentence, the baselines beside it, and what to look at next."""

import math
from collections.abc import Mapping
from typing import Any

from slanted.report import markup
from slanted.report.markup import number, percent

WHERE = {"test": "test rows", "valid": "validation rows"}
COLUMNS = {
    "single": ("accuracy", "macro_f1", "f1", "matthews", "loss", "ece"),
    "multilabel": ("micro_f1", "macro_f1", "accuracy", "loss", "ece"),
    "regression": ("spearman", "pearson", "mae", "rmse", "r2"),
}
TITLES = {
    "accuracy": "accuracy",
    "macro_f1": "macro F1",
    "micro_f1": "micro F1",
    "f1": "F1",
    "matthews": "Matthews",
    "loss": "loss",
    "ece": "calibration error",
    "spearman": "Spearman",
    "pearson": "Pearson",
    "mae": "mean error",
    "rmse": "RMSE",
    "r2": "R²",
}
CONSTANT = {"single": "the most frequent label", "multilabel": "each label's share", "regression": "the mean"}
MUCH_CUT, BADLY_CALIBRATED, FEW_SUSPECTS = 0.1, 0.1, 0.1


def result(report: Mapping[str, Any]) -> str:
    """Return the section."""
    metrics, where = report["metrics"], report["data"]["scored"]
    if where is None:
        said = "No rows were held out, so this run has no score. Give --test or --valid-share to get one."
        return markup.section("result", "Result", markup.paragraph(said, "lead"), _next(report))
    parts = [
        markup.paragraph(_sentence(metrics, where, report["data"]["rows"][where]), "lead"),
        _verdict(metrics, where),
    ]
    return markup.section("result", "Result", *parts, _scores(metrics, where), _next(report))


def _sentence(metrics: Mapping[str, Any], where: str, rows: int) -> str:
    task, key = metrics["task"], COLUMNS[metrics["task"]][0]
    model, linear, constant = (_worth(scores.get(key), key) for scores in _rows(metrics, where).values())
    on = f"{rows:,} {WHERE[where]}"
    others = f"{_linear(task)} reaches {linear}, {CONSTANT[task]} alone {constant}."
    if task == "single":
        low, high = wilson_interval(metrics[where]["accuracy"], rows)
        between = f"95&nbsp;% interval {percent(low)} to {percent(high)}"
        return f"The model labels <strong>{model}</strong> of the {on} correctly ({between}); {others}"
    return f"The model reaches a {TITLES[key]} score of <strong>{model}</strong> on {on}; {others}"


def wilson_interval(share: float, rows: int) -> tuple[float, float]:
    """Return the 95 % interval of a share (Wilson's score interval).

    >>> [round(bound, 3) for bound in wilson_interval(0.5, 100)]
    [0.404, 0.596]
    """
    z2 = 1.959964**2
    middle = (share + z2 / (2 * rows)) / (1 + z2 / rows)
    half = math.sqrt(z2 * (share * (1 - share) / rows + z2 / (4 * rows**2))) / (1 + z2 / rows)
    return max(0.0, middle - half), min(1.0, middle + half)


def _worth(value: float | None, key: str) -> str:
    if value is None:
        return "no score, for it says the same of every row"
    return percent(value) if key == "accuracy" else number(value)


def _linear(task: str) -> str:
    return "TF-IDF with ridge regression" if task == "regression" else "TF-IDF with logistic regression"


def _rows(metrics: Mapping[str, Any], where: str) -> dict[str, Mapping[str, Any]]:
    baselines = metrics["baselines"]
    linear, constant = _linear(metrics["task"]), CONSTANT[metrics["task"]].capitalize()
    return {"This model": metrics[where], linear: baselines["tfidf"], constant: baselines["majority"]}


def _verdict(metrics: Mapping[str, Any], where: str) -> str:
    key = COLUMNS[metrics["task"]][0]
    model, linear = metrics[where].get(key, -1.0), metrics["baselines"]["tfidf"].get(key, -1.0)
    notes = []
    if linear > model:
        notes.append("The linear model does better here, and is far cheaper to run.")
    if where == "valid":
        notes.append("The kept epoch was chosen on these same rows, which flatters the model a little.")
    if metrics["task"] == "multilabel" and "valid" in metrics:
        notes.append(_thresholds_note(where))
    if metrics.get("train_test_duplicates"):
        notes.append(f"{metrics['train_test_duplicates']:,} of the test rows stand among the training rows too.")
    return markup.paragraph(" ".join(notes), "note") if notes else ""


def _thresholds_note(where: str) -> str:
    rule = "From which probability on a label is given was chosen on the validation rows, for all of these alike"
    return f"{rule}." if where == "test" else f"{rule}: they are these same rows, which flatters all of them."


def _scores(metrics: Mapping[str, Any], where: str) -> str:
    rows = _rows(metrics, where)
    keys = [key for key in COLUMNS[metrics["task"]] if any(key in scores for scores in rows.values())]
    cells = [[name, *(_cell(scores, key) for key in keys)] for name, scores in rows.items()]
    caption = f"Scores on the {WHERE[where]}"
    return markup.table(["", *(TITLES[key] for key in keys)], cells, caption, "numbers scores")


def _cell(scores: Mapping[str, Any], key: str) -> str:
    return f"{scores[key]:.4f}" if key in scores else "–"


def _next(report: Mapping[str, Any]) -> str:
    """Return what the run's numbers suggest to try, if anything."""
    hints = "".join(f"<li>{hint}</li>" for hint in hints_of(report))
    return f"<h3>What to try next</h3><ul>{hints}</ul>" if hints else ""


def hints_of(report: Mapping[str, Any]) -> list[str]:
    """Return what the run's numbers suggest, each a sentence of HTML."""
    metrics, data = report["metrics"], report["data"]
    hints = []
    kept, epochs = metrics.get("kept_epoch"), metrics["epochs"]
    if "valid" in metrics and kept == epochs:
        hints.append("The last epoch was the best: more <code>--epochs</code> may gain more.")
    if "valid" in metrics and kept == 1 and epochs > 1:
        hints.append("The first epoch was the best: try fewer <code>--epochs</code> or a smaller <code>--lr</code>.")
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
