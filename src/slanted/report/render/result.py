"""Data of the section Result: the scores, those of the baselines, and suggestions."""

from collections.abc import Iterable, Mapping, Sequence
from statistics import pstdev
from typing import Any

from slanted.report.render.environment import LONGEST_LABEL, number, percent
from slanted.report.render.quality import confusions
from slanted.text.scoring.headline import COLUMNS, FROZEN_ENCODER, MAJORITY, TFIDF, TITLES
from slanted.text.scoring.intervals import wilson_interval as wilson_interval

FROZEN_NAME = "Frozen encoder with a linear model"
CONSTANT = {"single": "the most frequent label", "multilabel": "each label's frequency", "regression": "the mean"}
MUCH_CUT, BADLY_CALIBRATED, FEW_SUSPECTS = 0.1, 0.1, 0.1
NARROW = 0.5  # a smaller deviation of predicted numbers, relative to that of the true ones, is a warning


def worth(scores: Mapping[str, Any], key: str) -> str:
    """Return a score as text."""
    if key not in scores:
        same = "no label is true or predicted" if key.endswith("f1") else "it is constant"
        return f"no score, as {same}"
    return percent(scores[key]) if key == "accuracy" else number(scores[key])


def compared(
    task: str, scores: Mapping[str, Any], baselines: Mapping[str, Any], rows: int
) -> dict[str, list[tuple[str, str]]]:
    """Return the baselines that the model has `beaten`, those that are `close` and those that are `better`.

    Each is a pair of name and score. Of classes, `close` are those whose accuracy lies in the 95 % interval of the
    model's; of other tasks there are none, and a baseline without a score is beaten.
    """
    key = COLUMNS[task][0]
    low = high = scores.get(key, -1.0)
    if task == "single":
        low, high = wilson_interval(low, rows)
    found: dict[str, list[tuple[str, str]]] = {"beaten": [], "close": [], "better": []}
    always = f"always predicting {CONSTANT[task]}"
    titles = {TFIDF: linear_name(task), FROZEN_ENCODER: f"the {FROZEN_NAME.lower()}", MAJORITY: always}
    for name, title in titles.items():
        if name in baselines:
            other = baselines[name].get(key, -1.0)
            state = "better" if other > high else "beaten" if other < low else "close"
            found[state].append((title, worth(baselines[name], key)))
    return found


def at_a_glance(report: Mapping[str, Any]) -> dict[str, Any]:
    """Return the most frequent error, and of how many held-out `rows` how many `suspects`.

    Returns:
        `confusion` of classes: both labels, the number of rows, and their share of the rows with the first label;
        `label` of several labels: that with the most errors, in how many rows it was missed and wrongly predicted.
        None where there is no error.
    """
    data, labels, task = report["data"], report["labels"], report["metrics"]["task"]
    held_out = data["suspects"].get("held_out") or {"rows": 0, "found": 0}
    found: dict[str, Any] = {"confusion": None, "label": None, "rows": held_out["rows"], "suspects": held_out["found"]}
    if task == "single":
        for label, predicted, *more in confusions(data["quality"]["confusion"])["wrong"][:1]:
            found["confusion"] = labels[label], labels[predicted], *more
    if task == "multilabel":
        each = [(one["missed"], one["wrong"]) for one in data["quality"]["outcomes"]]
        worst = max(range(len(each)), key=lambda at: sum(each[at]))
        found["label"] = (labels[worst], *each[worst]) if any(each[worst]) else None
    return found


def warnings_of_numbers(report: Mapping[str, Any]) -> list[str]:
    """Return warnings about predicted numbers: worse than their mean, or too close to it. Of other tasks none."""
    data, found = report["data"], []
    if report["metrics"]["task"] != "regression":
        return found
    r2 = report["metrics"][data["scored"]].get("r2", 1.0)
    if r2 <= 0.0:
        found.append(f"Always predicting the mean has the smaller squared error (R² {number(r2)}).")
    for name, points in zip(report["labels"], data["quality"]["scatter"], strict=False):
        true, predicted = (pstdev(values) for values in zip(*points, strict=True))
        if predicted < NARROW * true:
            share = f"the deviation of the predictions is {percent(predicted / true)} of that of the true numbers"
            found.append(f"{name[:LONGEST_LABEL]}: {share}, so that large and small ones are predicted badly.")
    return found


def doubtful(task: str) -> str:
    """Return the title of the rows with a label issue."""
    return f"{'Numbers' if task == 'regression' else 'Labels'} that may be wrong"


def linear_name(task: str) -> str:
    """Return the name of the linear baseline."""
    return "TF-IDF with ridge regression" if task == "regression" else "TF-IDF with logistic regression"


def baselines_of(task: str, baselines: Mapping[str, Any], note: str = "") -> dict[str, Mapping[str, Any]]:
    """Return the scores of the baselines by their names on the page, each with `note` appended."""
    names = {TFIDF: linear_name(task), FROZEN_ENCODER: FROZEN_NAME, MAJORITY: CONSTANT[task].capitalize()}
    return {f"{name}{note}": baselines[key] for key, name in names.items() if key in baselines}


def columns_in(task: str, rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return the names of the task's scores that any of the rows has."""
    each = list(rows)
    return [key for key in COLUMNS[task] if any(key in scores for scores in each)]


def titles(keys: Iterable[str]) -> list[str]:
    """Return the titles of scores."""
    return [TITLES[key] for key in keys]


def score_cells(scores: Mapping[str, Any], keys: Iterable[str]) -> list[str]:
    """Return the scores as text."""
    return ["–" if scores.get(key) is None else f"{scores[key]:.4f}" for key in keys]


def suggestions(report: Mapping[str, Any]) -> dict[str, Any]:
    """Return the numbers behind each suggestion; 0 or None if the suggestion does not apply.

    Returns:
        `last` and `first`: the number of models whose best epoch was the last or the first, if they are the majority;
        `cut`: the share of truncated texts; `uncalibrated`: the expected calibration error; `suspects`: the number of
        rows with a label issue.
    """
    metrics, data = report["metrics"], report["data"]
    suggested: dict[str, Any] = _best_epochs([fold["metrics"] for fold in report["folds"]] or [metrics])
    error = metrics.get(data["scored"] or "", {}).get("ece", 0.0)
    looked_at = [part for part in data["suspects"].values() if part]
    found, rows = (sum(part[name] for part in looked_at) for name in ("found", "rows"))
    suggested["cut"] = data["lengths"]["truncated"] if data["lengths"]["truncated"] > MUCH_CUT else None
    suggested["uncalibrated"] = error if error > BADLY_CALIBRATED else None
    suggested["suspects"] = found if found <= FEW_SUSPECTS * rows else None
    return suggested


def _best_epochs(runs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    best = [(run.get("kept_epoch"), run["epochs"]) for run in runs if "valid" in run]
    counts = {
        "last": sum(one == epochs for one, epochs in best),
        "first": sum(one in (0, 1) and epochs > 1 for one, epochs in best),
    }
    return {name: count if 2 * count > len(runs) else None for name, count in counts.items()}
