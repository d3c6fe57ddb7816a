"""How a run went: rates and loss over the steps, then training and validation by epoch, of each fold too."""

from collections.abc import Mapping, Sequence
from typing import Any

from slanted.report.render import html
from slanted.report.render.html import number
from slanted.text.scoring.headline import COLUMNS, TITLES


def course(report: Mapping[str, Any]) -> str:
    """Return the section of the rate of each layer group and the loss under it."""
    course = report["course"]
    every, total = course["every"], course["total"]
    note = f"Each point of the loss is the mean of {every} steps. " if every > 1 else ""
    said = (
        f"{of_first(report)}The learning rate of each layer group at each of the {total:,} steps, and under it the "
        f"loss of each step's own batch. {note}Point at a step, or move the slider."
    )
    says = f"Learning rate of each layer group over {total} steps, peak {_peak(course):.3g}"
    ends = f"Loss over {total} steps, from {course['loss'][0]:.3g} to {course['loss'][-1]:.3g}"
    drawn = "".join(
        f'<div class="draw" data-plot="{name}" data-says="{html.text(text)}"></div>'
        for name, text in (("rates", says), ("loss", ends))
    )
    slider = (
        f'<label class="slider">Step <input type="range" min="0" max="{len(course["step"]) - 1}" value="0" step="1">'
        "</label>"
    )
    readout = '<div class="readout" aria-live="polite"></div>'
    numbers = f"<details><summary>The numbers</summary>{_by_epoch(course)}</details>"
    figure = f'<figure class="course">{readout}{drawn}{slider}{numbers}</figure>'
    return html.section("rates", "Learning rates and loss", html.paragraph(said), figure)


def of_first(report: Mapping[str, Any]) -> str:
    """Return the words that say which fold's facts follow, where there are folds."""
    return "Of fold 1; all folds share the recipe. " if report["folds"] else ""


def _peak(course: Mapping[str, Any]) -> float:
    return max((rate for line in course["lines"] for rate in line["rates"] if rate is not None), default=0.0)


def _by_epoch(course: Mapping[str, Any]) -> str:
    """Return the rates and the loss at the first point of each epoch, and at the last of all."""
    points = [course["step"].index(step) if step in course["step"] else None for step in course["epochs"]]
    shown = [point for point in (*points, len(course["step"]) - 1) if point is not None]
    rows = [
        [
            f"{course['step'][at]:,}",
            str(course["epoch"][at]),
            *("closed" if line["rates"][at] is None else f"{line['rates'][at]:.3g}" for line in course["lines"]),
            number(course["smooth"][at]),
        ]
        for at in dict.fromkeys(shown)
    ]
    header = ["step", "epoch", *(html.label(line["name"]) for line in course["lines"]), "loss, smoothed"]
    return html.table(header, rows, "Rates and loss at the start of each epoch and at the end", "numbers")


def curves(report: Mapping[str, Any]) -> str:
    """Return the section of training and validation by epoch."""
    epochs, metrics = report["data"]["epochs"], report["metrics"]
    kept = metrics.get("kept_epoch", metrics["epochs"])
    key = COLUMNS[metrics["task"]][0]
    chosen = f"kept by its validation {best_by(report)}" if "valid" in metrics else "kept because it is the last"
    said = f"Epoch {html.text(kept)} of {len(epochs)} was {chosen}."
    if "valid" not in metrics:
        said += " There were no validation rows."
    trained = "train_loss" in epochs[0]
    if not trained and report["recipe"].get("class_weight") == "balanced":
        said += " The training loss weighs the classes, the validation loss does not: the two are not comparable."
    legend = [("c-train", "training loss")] if trained else []
    legend += [("c-valid", "validation")] if "valid" in metrics else []
    numbers = _epoch_table(epochs, kept, key)
    losses = "Training and validation loss" if trained else "Validation loss"
    says = f"{losses} of {len(epochs)} epochs; epoch {kept} was kept"
    loss = panel("curve-loss", "Loss", says)
    scored = any(key in epoch.get("valid", {}) for epoch in epochs)
    score = panel("curve-score", f"Validation {TITLES[key]}", f"Validation {TITLES[key]} by epoch") if scored else ""
    figure = curves_figure(legend, loss + score, numbers)
    return html.section("epochs", "Training and validation", html.paragraph(said), figure)


def curves_figure(legend: Sequence[tuple[str, str]], panels: str, numbers: str) -> str:
    """Return panels side by side under one legend, (class, text) of each colour, with their numbers as a table."""
    keys = "".join(f'<li class="{color}">{text}</li>' for color, text in legend)
    return (
        f'<figure><ul class="legend">{keys}</ul><div class="side">{panels}</div>'
        f"<details><summary>The numbers</summary>{numbers}</details></figure>"
    )


def best_by(report: Mapping[str, Any]) -> str:
    """Return the name of the score that an epoch is kept by."""
    by = str(report["recipe"].get("best_by", "loss"))
    return TITLES.get(by, html.text(by))


def panel(name: str, title: str, says: str) -> str:
    """Return a plot that the page's script draws, under a title."""
    drawn = f'<div class="draw" data-plot="{name}" data-says="{html.text(says)}"></div>'
    return f"<div><h3>{html.text(title)}</h3>{drawn}</div>"


def _epoch_table(epochs: list[dict[str, Any]], kept: int, key: str) -> str:
    def cell(value: float | None) -> str:
        return "–" if value is None else f"{value:.4f}"

    rows = [
        [
            f"{html.text(one['epoch'])}{' (kept)' if one['epoch'] == kept else ''}",
            cell(one.get("train_loss")),
            cell(one.get("valid", {}).get("loss")),
            cell(one.get("valid", {}).get(key)),
        ]
        for one in epochs
    ]
    header = ["epoch", "training loss", "validation loss", f"validation {TITLES[key]}"]
    return html.table(header, rows, "Training and validation by epoch", "numbers")


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
    """Return the data of the chart: each fold's `name`, `loss` and `score` per epoch, and best epoch, `kept`."""
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
