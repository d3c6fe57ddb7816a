"""The headline scores of each task, and the order and titles of all scores."""

from collections.abc import Mapping
from typing import Any

HEADLINE = {
    "single": ("accuracy", "macro_f1"),
    "multilabel": ("micro_f1", "macro_f1"),
    "regression": ("spearman", "mae"),
}
ERROR = "mae"  # the one among them that is better where it is smaller
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


def note_on_tfidf(task: str, model: Mapping[str, Any], linear: Mapping[str, Any]) -> list[str]:
    """Return a note, in a list, if TF-IDF beats the model in any headline score of the task; else an empty list.

    >>> note_on_tfidf("single", {"accuracy": 0.72, "macro_f1": 0.61}, {"accuracy": 0.70, "macro_f1": 0.63})
    ['note: TF-IDF with a linear model has the higher macro_f1 here; it is also cheaper to run']
    """
    keys = [key for key in HEADLINE[task] if key != ERROR and linear.get(key, -1.0) > model.get(key, -1.0)]
    if not keys:
        return []
    return [f"note: TF-IDF with a linear model has the higher {' and '.join(keys)} here; it is also cheaper to run"]


def headline(scores: Mapping[str, Any], task: str) -> str:
    """Return a line with the headline scores of a task, those that are defined."""
    return "  ".join(f"{key} {scores[key]:.4f}" for key in HEADLINE[task] if key in scores)
