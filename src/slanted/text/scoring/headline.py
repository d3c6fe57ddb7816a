"""The headline scores of each task, and the order and titles of all scores."""

from collections.abc import Mapping, Sequence
from typing import Any

HEADLINE = {
    "single": ("accuracy", "macro_f1"),
    "multilabel": ("micro_f1", "macro_f1"),
    "regression": ("spearman", "mae"),
}
TFIDF, FROZEN_ENCODER, MAJORITY = "tfidf", "frozen_encoder", "majority"
FROZEN_ROWS, FROZEN_LABELS = 4_000, 1_000  # the most that the linear models of the frozen encoder are fitted to
BASELINES = (TFIDF, FROZEN_ENCODER, MAJORITY)  # of metrics.json; earlier versions did not score the frozen encoder
ERROR = "mae"  # the one among them that is better where it is smaller
COLUMNS = {
    "single": ("accuracy", "macro_f1", "f1", "matthews", "loss", "ece"),
    "multilabel": ("micro_f1", "macro_f1", "accuracy", "loss", "ece"),
    "regression": ("spearman", "pearson", "mae", "rmse", "r2"),
}
_NAMES = {TFIDF: "TF-IDF with a linear model", FROZEN_ENCODER: "the frozen encoder with a linear model"}
_ADVICE = {
    TFIDF: "it is also cheaper to run",
    FROZEN_ENCODER: "more or fewer --epochs, a smaller --lr, or --head-start linear if it was random, may reach it",
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


def notes_on_baselines(task: str, model: Mapping[str, Any], baselines: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return a note for each linear baseline that beats the model in any headline score of the task.

    >>> tfidf = {"accuracy": 0.70, "macro_f1": 0.63}
    >>> notes_on_baselines("single", {"accuracy": 0.72, "macro_f1": 0.61}, {"tfidf": tfidf})
    ['note: TF-IDF with a linear model has the higher macro_f1 here; it is also cheaper to run']
    """
    notes = []
    for name, advice in _ADVICE.items():
        linear = baselines.get(name, {})
        keys = [key for key in HEADLINE[task] if key != ERROR and linear.get(key, -1.0) > _at_least(model, key)]
        if keys:
            notes.append(f"note: {_NAMES[name]} has the higher {' and '.join(keys)} here; {advice}")
    return notes


def _at_least(scores: Mapping[str, Any], key: str) -> float:
    """Return a score, or a bound where it is undefined: an F1 is, where no label is true or predicted."""
    return scores.get(key, 0.0 if key.endswith("f1") else -1.0)


def headline(scores: Mapping[str, Any], task: str, intervals: Mapping[str, Sequence[float]] | None = None) -> str:
    """Return a line with the headline scores of a task, those that are defined, and their 95 % intervals.

    >>> headline({"accuracy": 0.75}, "single"), headline({"accuracy": 0.75}, "single", {"accuracy": [0.5, 0.9]})
    ('accuracy 0.7500', 'accuracy 0.7500 (95 %: 0.5000 to 0.9000)')
    """
    ends = {key: f" (95 %: {low:.4f} to {high:.4f})" for key, (low, high) in (intervals or {}).items()}
    return "  ".join(f"{key} {scores[key]:.4f}{ends.get(key, '')}" for key in HEADLINE[task] if key in scores)
