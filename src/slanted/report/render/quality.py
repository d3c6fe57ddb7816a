"""Data of the tables of errors: confusions, outcomes of labels, scores of targets."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from slanted.report.render.environment import number

MOST_LISTED, TOP = 100, 10
MOST_LABELS = 40
SCATTER_KEYS = ("spearman", "pearson", "mae", "rmse", "r2")


def confusions(cells: list[list[int]]) -> dict[str, Any]:
    """Return the numbers of `rows` and of `right` predictions, and `wrong`, the confusions, the most frequent first.

    A confusion has the label, the predicted label, the number of rows, and their share of the rows with that label.
    """
    rows: Counter[int] = Counter()
    for label, _, count in cells:
        rows[label] += count
    wrong = [(label, predicted, count, count / rows[label]) for label, predicted, count in cells if label != predicted]
    wrong.sort(key=lambda one: -one[2])
    return {"rows": rows.total(), "right": rows.total() - sum(one[2] for one in wrong), "wrong": wrong}


def scores_of_targets(report: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Return the scores of each target."""
    scores = report["metrics"][report["data"]["scored"]]
    return scores.get("per_target") or {report["labels"][0]: scores}


def columns_of_targets(each: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return the names of the scores that any target has."""
    return [key for key in SCATTER_KEYS if any(key in scores for scores in each.values())]


def target_cells(scores: Mapping[str, Any], keys: list[str]) -> list[str]:
    """Return the scores of a target as text."""
    return [number(scores[key]) if key in scores else "–" for key in keys]


def most_frequent(names: list[str], outcomes: list[dict[str, int]]) -> dict[str, Any]:
    """Return the names and outcomes of the 40 most frequent labels."""
    order = sorted(range(len(names)), key=lambda at: -(outcomes[at]["found"] + outcomes[at]["missed"]))[:MOST_LABELS]
    return {"names": [names[at] for at in order], "rows": [outcomes[at] for at in order]}
