"""Single rows: the mistakes the model is surest of, and rows whose label is likely wrong."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from slanted.report.render import html
from slanted.report.render.html import label, number, percent
from slanted.report.render.result import WHERE

DRIVERS = 3
FAINTEST = 0.15
OCCLUSION = "They are weighed by occlusion: each is left out in turn, and its weight is what the prediction loses."
JUDGES_FROM = 0.7


def mistakes(report: Mapping[str, Any]) -> str:
    """Return the section of the most confident mistakes."""
    data = report["data"]
    if data["scored"] is None:
        return ""
    title = "Largest errors" if report["metrics"]["task"] == "regression" else "Most confident mistakes"
    if not data["mistakes"]:
        return html.section("mistakes", title, html.paragraph("There is none."))
    said = f"{_introduced(report['metrics']['task'], WHERE[data['scored']])} {OCCLUSION}"
    shown = "".join(f"<li>{_mistake(one)}</li>" for one in data["mistakes"])
    return html.section("mistakes", title, html.paragraph(said), f'<ol class="rows">{shown}</ol>')


def _introduced(task: str, where: str) -> str:
    """Return what is listed and what the marks mean."""
    marked, underlined = '<mark class="for">{}</mark>', '<span class="against">{}</span>'
    if task == "regression":
        return (
            f"The largest errors among the {where}. {marked.format('Marked')} words raised the predicted number, "
            f"{underlined.format('underlined')} ones lowered it."
        )
    return (
        f"The mistakes that the model is surest of among the {where}. {marked.format('Marked')} words drove the "
        f"prediction, {underlined.format('underlined')} ones spoke against it."
    )


def _mistake(one: Mapping[str, Any]) -> str:
    parts = [one[name] for name in ("text", "text_b") if name in one]
    largest = max((abs(weight) for part in parts for _, weight in part["pieces"]), default=0.0)
    texts = "".join(f'<p class="quote">{_marked(part, largest)}</p>' for part in parts)
    return f'<p class="head">{_verdict(one)} {_place(one)}</p>{texts}{_drivers(one, parts)}'


def _place(one: Mapping[str, Any]) -> str:
    """Return where a row stands, the file without its folders."""
    file_and_line = re.split(r"[/\\]", one["place"])[-1]
    return f'<span class="place">{html.text(file_and_line)}</span>'


def _verdict(one: Mapping[str, Any]) -> str:
    if "target" in one:
        return f"{label(one['target'])}: predicted <b>{number(one['predicted'])}</b>, given {number(one['true'])}"
    sure = percent(one["confidence"])
    if "label" in one:
        said = "given" if one["predicted"] else "not given"
        true = "belongs" if one["true"] else "does not belong"
        return f"<b>{label(one['label'])}</b> was {said} ({sure}), but {true}"
    return f"predicted <b>{label(one['predicted'])}</b> ({sure}), labelled {label(one['true'])}"


def _marked(part: Mapping[str, Any], largest: float) -> str:
    words = []
    for word, weight in part["pieces"]:
        share = weight / largest if largest > 0.0 else 0.0
        if share >= FAINTEST:
            words.append(f'<mark class="for" style="--w:{share:.2f}">{html.text(word)}</mark>')
        elif share <= -FAINTEST:
            words.append(f'<span class="against">{html.text(word)}</span>')
        else:
            words.append(html.text(word))
    return f"<bdi>{' '.join(words)}</bdi>{' …' if part['goes_on'] else ''}"


def _drivers(one: Mapping[str, Any], parts: Sequence[Mapping[str, Any]]) -> str:
    """Say in words what the marks show."""
    weights = sorted((piece for part in parts for piece in part["pieces"]), key=lambda piece: -piece[1])
    shown = [f"{label(word)} {_weight(weight, one)}" for word, weight in weights[:DRIVERS] if weight > 0.0]
    return f'<p class="drivers">most weight: {"; ".join(shown)}</p>' if shown else ""


def _weight(weight: float, one: Mapping[str, Any]) -> str:
    return f"{weight:+.3g}" if "target" in one else f"{100 * weight:+.1f} points"


def suspects(report: Mapping[str, Any]) -> str:
    """Return the section of the rows whose label is likely wrong."""
    found = report["data"]["suspects"]
    rule = (
        "numbers farther from the prediction than 4 robust standard deviations of all errors"
        if report["metrics"]["task"] == "regression"
        else "confident learning: a row is listed where another label is at least as probable as is usual for the rows "
        "that carry it (Northcutt et al. 2021)"
    )
    said = f"Found by {rule}. A list to look through, not a verdict{_doubtful(report)}."
    parts = [html.paragraph(said)]
    if report["folds"]:
        judged = "each judged by the model that has not learnt from it"
        parts.append(_suspects(found["held_out"], "Training rows", judged))
    elif found["held_out"] is not None:
        parts.append(_suspects(found["held_out"], "Held-out rows", "the model has not learnt from them"))
    if "train" in found:
        inside = "drawn at random; the model has learnt from them, and may have learnt wrong labels too"
        parts.append(_suspects(found["train"], "Training rows", inside))
    return html.section("suspects", "Labels that are likely wrong", *parts)


def _doubtful(report: Mapping[str, Any]) -> str:
    """Warn where the model is too often wrong to judge labels."""
    accuracy = report["metrics"].get(report["data"]["scored"] or "", {}).get("accuracy", 1.0)
    weak = report["metrics"]["task"] == "single" and accuracy < JUDGES_FROM
    return f"; a model that is right in {percent(accuracy)} only lists many of its own mistakes" if weak else ""


def _suspects(found: Mapping[str, Any], title: str, what: str) -> str:
    shown = "".join(f"<li>{_suspect(one)}</li>" for one in found["listed"])
    listed = f'<ol class="rows">{shown}</ol>' if shown else ""
    more = f"; the first {len(found['listed'])} are shown" if found["found"] > len(found["listed"]) else ""
    said = f"{found['found']:,} of {found['rows']:,} rows looked at; {what}{more}."
    return f"<h3>{title}</h3>{html.paragraph(said)}{listed}"


def _suspect(one: Mapping[str, Any]) -> str:
    texts = "".join(
        f'<p class="quote"><bdi>{html.text(one[name])}</bdi></p>' for name in ("text", "text_b") if name in one
    )
    return f'<p class="head">{_doubt(one)} {_place(one)}</p>{texts}'


def _doubt(one: Mapping[str, Any]) -> str:
    if "target" in one:
        return f"{label(one['target'])}: given {number(one['given'])}, predicted <b>{number(one['suggested'])}</b>"
    sure = percent(one["probability"])
    if "label" in one:
        other = "without" if one["given"] == "with" else "with"
        return f"{html.text(one['given'])} {label(one['label'])}, rather <b>{other}</b> ({sure})"
    return f"labelled {label(one['given'])}, rather <b>{label(one['suggested'])}</b> ({sure})"
