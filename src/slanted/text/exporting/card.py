"""The model card of an export: how it was checked, and then the model card of its run."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from slanted.common.regular_files import read_regular
from slanted.text.runs.artefacts import CARD, CARD_MARK, is_card
from slanted.text.scoring.headline import HEADLINE, TITLES


def write_card(content: Mapping[str, Any], title: str, run: Path, place: Path) -> None:
    """Write README.md.

    Args:
        content: The content of export.json.
        title: What the format is.
        run: The folder of the run, whose model card follows if there is one.
        place: The folder of the export.
    """
    lines = [CARD_MARK, f"# {title[:1].upper()}{title[1:]}, exported by slanted", "", *_usage(), "", *_check(content)]
    card = run / CARD
    text = "\n".join(lines) + "\n"
    if is_card(card):
        text += "\n#" + read_regular(card).decode("utf-8").removeprefix(CARD_MARK).strip().replace("\n## ", "\n### ")
        text += "\n"
    (place / CARD).write_text(text, encoding="utf-8")


def _usage() -> Iterator[str]:
    yield "predict.py names the packages that it needs, and predicts texts, one a line:"
    yield from ("", "```", "python predict.py < texts.txt", "```")


def _check(content: Mapping[str, Any]) -> Iterator[str]:
    """Yield what export.json says of the check."""
    checked, task = content["check"], content["task"]
    if checked is None:
        yield "The export was not checked against the model (`--unchecked`)."
        return
    name, differ = HEADLINE[task][0], "number" if task == "regression" else "probability"
    rows = {"test": "test", "valid": "validation", "train": "training"}[checked["part"]]
    yield f"Its predictions for {checked['rows']:,} {rows} rows were compared with those of the model itself:"
    yield from ("", "| | export | model |", "|---|---|---|")
    scores = checked["scores"]
    if name in scores["export"] and name in scores["model"]:
        yield f"| {TITLES[name]} | {scores['export'][name]:.4f} | {scores['model'][name]:.4f} |"
    if "equal_labels" in checked:
        yield f"| rows with the same labels | {checked['equal_labels']:,} | {checked['rows']:,} |"
    yield f"| largest difference of a {differ} | {checked['largest_difference']:.2g} | |"
    yield from ("", f"Precision: {content['precision']}. export.json has all scores, the speed and the versions.")
