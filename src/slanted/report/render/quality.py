"""What the model gets wrong in sum: confusion or its like, the table of classes, calibration."""

from collections.abc import Mapping
from typing import Any

from slanted.report.render import html
from slanted.report.render.html import label, number, percent
from slanted.report.render.result import WHERE
from slanted.text.scoring.headline import TITLES

MOST_LISTED = 100
MOST_LABELS = 40


def quality(report: Mapping[str, Any]) -> str:
    """Return the section of the confusion matrix, the labels' outcomes, or predicted against true numbers."""
    data, task = report["data"], report["metrics"]["task"]
    if data["scored"] is None:
        return ""
    draw = {"single": _confusion, "multilabel": _outcomes, "regression": _scatter}[task]
    title = {"single": "Confusion matrix", "multilabel": "Label by label", "regression": "Predicted and true"}[task]
    return html.section("confusion", title, draw(report, WHERE[data["scored"]]))


def _confusion(report: Mapping[str, Any], where: str) -> str:
    labels, cells = report["labels"], report["data"]["quality"]["confusion"]
    rows, right = sum(cell[2] for cell in cells), sum(cell[2] for cell in cells if cell[0] == cell[1])
    said = f"{where.capitalize()} by their label and by the predicted one; the stronger a colour, the more of its row."
    wrong = sorted((cell for cell in cells if cell[0] != cell[1]), key=lambda cell: -cell[2])
    listed = [
        [label(labels[true]), label(labels[predicted]), f"{count:,}"] for true, predicted, count in wrong[:MOST_LISTED]
    ]
    caption = "Confusions, the most frequent first" + (
        f" ({MOST_LISTED} of {len(wrong)})" if len(wrong) > MOST_LISTED else ""
    )
    table = html.table(["label", "predicted", "rows"], listed, caption, "numbers")
    says = f"Confusion matrix of {len(labels)} labels: {right} of {rows} rows are on its diagonal"
    legend = [("c-valid", "right"), ("c-wrong", "wrong")]
    return html.paragraph(said) + html.figure("confusion", says, table, legend)


def _outcomes(report: Mapping[str, Any], where: str) -> str:
    labels, outcomes = report["labels"], report["data"]["quality"]["outcomes"]
    more = f" The {MOST_LABELS} most frequent of {len(labels)} labels are drawn." if len(labels) > MOST_LABELS else ""
    said = f"In how many {where} each label was found, missed, or given where it does not belong.{more}"
    rows = [
        [label(name), *(f"{one[key]:,}" for key in ("found", "missed", "wrong"))]
        for name, one in zip(labels, outcomes, strict=True)
    ]
    table = html.table(["label", "found", "missed", "wrongly given"], rows, "Outcomes of each label", "numbers")
    found = sum(one["found"] for one in outcomes)
    says = f"Outcomes of {len(labels)} labels: {found} found in all"
    legend = [("c-valid", "found"), ("c-missed", "missed"), ("c-wrong", "wrongly given")]
    return html.paragraph(said) + html.figure("outcomes", says, table, legend)


def _scatter(report: Mapping[str, Any], where: str) -> str:
    scores, names = report["metrics"][report["data"]["scored"]], report["labels"]
    drawn = report["data"]["quality"]["scatter"]
    count = len(drawn[0])
    more = f" The first {len(drawn)} of {len(names)} targets are drawn." if len(names) > len(drawn) else ""
    said = f"{count:,} {where}: the predicted number over the true one. On the line both are equal.{more}"
    each = scores.get("per_target") or {names[0]: scores}
    keys = [key for key in ("spearman", "pearson", "mae", "rmse", "r2") if any(key in one for one in each.values())]
    rows = [[label(name), *(number(one[key]) if key in one else "–" for key in keys)] for name, one in each.items()]
    table = html.table(["target", *(TITLES[key] for key in keys)], rows, "Scores of each target", "numbers")
    return html.paragraph(said) + html.figure("scatter", f"Predicted over true numbers of {count} rows", table)


def classes(report: Mapping[str, Any]) -> str:
    """Return the section of the scores of each class, the weakest first."""
    scored = report["metrics"].get(report["data"]["scored"] or "", {})
    if not scored.get("per_class"):
        return ""
    weakest = sorted(scored["per_class"].items(), key=lambda item: item[1]["f1"])
    rows = [
        [label(name), f"{one['support']:,}", *(f"{one[key]:.3f}" for key in ("precision", "recall", "f1"))]
        for name, one in weakest
    ]
    header = ["class", "rows", "precision", "recall", "F1"]
    table = html.table(header, rows, "Scores of each class, the weakest first", "numbers tall")
    return html.section("classes", "Class by class", table)


def calibration(report: Mapping[str, Any]) -> str:
    """Return the section that compares probabilities with what came true."""
    data = report["data"]
    bins = data.get("quality", {}).get("calibration")
    if not bins:
        return ""
    error = report["metrics"][data["scored"]].get("ece")
    pairs = "labels" if report["metrics"]["task"] == "multilabel" else "predictions"
    said = f"The share of the {pairs} that came true, over their probability. On the line both are equal"
    said += "." if error is None else f"; the expected calibration error is {percent(error)}."
    rows = [[percent(one["confidence"]), percent(one["share"]), f"{one['rows']:,}"] for one in bins]
    table = html.table(
        ["mean probability", "share that came true", "how many"], rows, "Calibration, by bins", "numbers"
    )
    says = f"Share that came true over the probability, in {len(bins)} bins"
    return html.section("calibration", "Calibration", html.paragraph(said), html.figure("calibration", says, table))
