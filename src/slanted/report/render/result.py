"""Data of the section Result: the scores, those of the baselines, and suggestions."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from slanted.report.render.environment import number, percent
from slanted.text.scoring.headline import COLUMNS, FROZEN_ENCODER, MAJORITY, TFIDF, TITLES

FROZEN_NAME = "Frozen encoder with a linear model"
CONSTANT = {"single": "the most frequent label", "multilabel": "each label's frequency", "regression": "the mean"}
MUCH_CUT, BADLY_CALIBRATED, FEW_SUSPECTS = 0.1, 0.1, 0.1


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
    """Return a score as text."""
    if key not in scores:
        same = "no label is true or predicted" if key.endswith("f1") else "its predictions are all the same"
        return f"no score, because {same}"
    return percent(scores[key]) if key == "accuracy" else number(scores[key])


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
