"""How the folds of a cross-validation went: the validation loss and score of each by epoch."""

from collections.abc import Mapping, Sequence
from typing import Any

from slanted.report.render import html
from slanted.report.render.curves import best_by, curves_figure, panel
from slanted.report.render.result import COLUMNS, TITLES


def fold_curves(report: Mapping[str, Any]) -> str:
    """Return the section of each fold's curve; without validation rows its training loss is drawn."""
    drawn = epochs_of_folds(report)
    losses = [fold["loss"] for fold in drawn["folds"]]
    if not _any(losses):
        return ""
    validated, title, count = drawn["validated"], TITLES[_key(report)], len(losses)
    name = "validation loss" if validated else "training loss"
    said = f"The large dot of a fold is its kept epoch, by validation {best_by(report)}."
    if not validated:
        said = "There were no validation rows: each fold kept its last epoch."
    panels = panel("curve-loss", name.capitalize(), f"{name.capitalize()} of {count} folds by epoch")
    if _any([fold["score"] for fold in drawn["folds"]]):
        panels += panel("curve-score", f"Validation {title}", f"Validation {title} of {count} folds by epoch")
    table = _table(drawn["folds"], f"{name.capitalize()} of each fold by epoch")
    figure = curves_figure([("c-valid", "a line for each fold")], panels, table)
    heading = "Validation by epoch" if validated else "Training loss by epoch"
    return html.section("epochs", heading, html.paragraph(f"One line is one fold. {said}"), figure)


def epochs_of_folds(report: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the page's script draws: each fold's `name`, `loss` and `score` by epoch, and its `kept` epoch."""
    key = _key(report)
    validated = all("valid" in fold["metrics"] for fold in report["folds"])
    made = []
    for fold in report["folds"]:
        scores = [one.get("valid", {}) for one in fold["data"]["epochs"]]
        trained = [one.get("train_loss") for one in fold["data"]["epochs"]]
        made.append(
            {
                "name": fold["name"],
                "loss": [one.get("loss") for one in scores] if validated else trained,
                "score": [one.get(key) for one in scores],
                "kept": fold["metrics"].get("kept_epoch"),
            }
        )
    return {"folds": made, "title": TITLES[key], "validated": validated}


def _key(report: Mapping[str, Any]) -> str:
    return COLUMNS[report["metrics"]["task"]][0]


def _any(several: Sequence[Sequence[float | None]]) -> bool:
    return any(value is not None for values in several for value in values)


def _table(folds: Sequence[Mapping[str, Any]], caption: str) -> str:
    def cell(fold: Mapping[str, Any], at: int) -> str:
        value = fold["loss"][at] if at < len(fold["loss"]) else None
        return "–" if value is None else f"{value:.4f}{' (kept)' if at + 1 == fold['kept'] else ''}"

    epochs = range(max(len(fold["loss"]) for fold in folds))
    rows = [[str(at + 1), *(cell(fold, at) for fold in folds)] for at in epochs]
    return html.table(["epoch", *(fold["name"] for fold in folds)], rows, caption, "numbers")
