"""Data of the curves: learning rates and loss by step, training and validation by epoch, also of each fold."""

from collections.abc import Mapping
from typing import Any

from slanted.text.scoring.headline import COLUMNS, TITLES


def peak(course: Mapping[str, Any]) -> float:
    """Return the highest learning rate of all layer groups."""
    return max((rate for line in course["lines"] for rate in line["rates"] if rate is not None), default=0.0)


def epoch_points(course: Mapping[str, Any]) -> list[int]:
    """Return the indices of the first point of each epoch, and of the last point."""
    points = [course["step"].index(step) for step in course["epochs"] if step in course["step"]]
    return list(dict.fromkeys((*points, len(course["step"]) - 1)))


def rates_at(course: Mapping[str, Any], point: int) -> list[str]:
    """Return the learning rate of each layer group at a point, as text."""
    rates = [line["rates"][point] for line in course["lines"]]
    return ["closed" if rate is None else f"{rate:.3g}" for rate in rates]


def epochs_of_run(report: Mapping[str, Any]) -> dict[str, Any]:
    """Return the data of the chart: `train`, `valid` and `score` per epoch, and `kept`, the saved epoch."""
    epochs, key = report["data"]["epochs"], COLUMNS[report["metrics"]["task"]][0]
    return {
        "train": [one.get("train_loss") for one in epochs],
        "valid": [one.get("valid", {}).get("loss") for one in epochs],
        "score": [one.get("valid", {}).get(key) for one in epochs],
        "title": TITLES[key],
        "kept": report["metrics"].get("kept_epoch", len(epochs)),
    }


def epochs_of_folds(report: Mapping[str, Any]) -> dict[str, Any]:
    """Return the data of the chart: `name`, `loss` and `score` per epoch, and `kept`, the saved epoch, of each fold."""
    validated = all("valid" in fold["metrics"] for fold in report["folds"])
    folds = []
    for fold in report["folds"]:
        epochs = epochs_of_run(fold)
        loss = epochs["valid" if validated else "train"]
        kept = fold["metrics"].get("kept_epoch")
        folds.append({"name": fold["name"], "loss": loss, "score": epochs["score"], "kept": kept})
    return {"folds": folds, "title": TITLES[COLUMNS[report["metrics"]["task"]][0]], "validated": validated}


def has_any(folds: list[dict[str, Any]], name: str) -> bool:
    """Return whether any fold has a number in the curve `name`."""
    return any(value is not None for fold in folds for value in fold[name])


def loss_rows(folds: list[dict[str, Any]]) -> list[list[str]]:
    """Return the table of losses: a row per epoch, a cell per fold; the saved epochs are marked."""
    rows = []
    for at in range(max(len(fold["loss"]) for fold in folds)):
        losses = [fold["loss"][at] if at < len(fold["loss"]) else None for fold in folds]
        marks = [" (saved)" if at + 1 == fold["kept"] else "" for fold in folds]
        rows.append(["–" if loss is None else f"{loss:.4f}{mark}" for loss, mark in zip(losses, marks, strict=True)])
    return rows
