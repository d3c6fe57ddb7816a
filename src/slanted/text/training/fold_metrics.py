"""metrics.json of a cross-validation: the mean and the deviation of each score over the folds."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from slanted.text.runs.run_data import RunData
from slanted.text.settings import Settings


def fold_metrics(
    data: RunData, settings: Settings, runs: Sequence[dict[str, Any]], resumed_from_step: int | None
) -> dict[str, Any]:
    """Return the content of metrics.json of a cross-validation, without its out-of-fold and test scores.

    Args:
        data: The rows of all folds.
        settings: The settings of the cross-validation.
        runs: The content of metrics.json of each fold.
        resumed_from_step: The number of steps of all folds that earlier processes trained, or None.
    """
    seconds = sum(run["train_seconds"] for run in runs)
    trained = sum(run["examples"] * run["epochs"] for run in runs)
    test_scores = [run["test"] for run in runs]
    baselines = {name: means([run["baselines"][name] for run in runs]) for name in runs[0]["baselines"]}
    metrics = {
        "task": data.target.kind,
        "examples": len(data.train),
        "epochs": settings.recipe.least_epochs,
        "total_steps": sum(run["total_steps"] for run in runs),
        "train_seconds": seconds,
        "examples_per_second": trained / seconds,
        "backend": settings.backend,
        "precision": settings.precision,
        "seed": settings.seed,
        "resumed_from_step": resumed_from_step,
        "folds": [_scalars(run["test"]) | {"kept_epoch": run["kept_epoch"]} for run in runs],
        "mean": means(test_scores),
        "deviation": deviations(test_scores),
        "baselines": baselines,
    }
    if data.train_test_duplicates is not None:
        metrics["train_test_duplicates"] = data.train_test_duplicates
    if notes := [*data.notes, *(f"{note} (first fold)" for note in runs[0].get("notes", ()))]:
        metrics["notes"] = notes
    return metrics


def means(scores: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Return the mean of each score that all folds have.

    >>> means([{"accuracy": 0.5, "f1": 1.0}, {"accuracy": 1.0}])
    {'accuracy': 0.75}
    """
    return {name: float(np.mean(values)) for name, values in _shared(scores).items()}


def deviations(scores: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Return the sample standard deviation of each score that all folds have.

    >>> deviations([{"accuracy": 0.5}, {"accuracy": 1.0}])
    {'accuracy': 0.3535533905932738}
    """
    return {name: float(np.std(values, ddof=1)) for name, values in _shared(scores).items()}


def _shared(scores: Sequence[Mapping[str, Any]]) -> dict[str, list[float]]:
    names = [name for name in _scalars(scores[0]) if all(name in one for one in scores)]
    return {name: [one[name] for one in scores] for name in names}


def _scalars(scores: Mapping[str, Any]) -> dict[str, float]:
    return {name: value for name, value in scores.items() if isinstance(value, float)}
