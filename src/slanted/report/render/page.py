"""The dict of a run or cross-validation -> one HTML page that needs no network: script, style, numbers are inside."""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from slanted.report.render import html
from slanted.report.render.curves import course, curves, epochs_of_folds, fold_curves
from slanted.report.render.facts import cost, lengths, repeat
from slanted.report.render.folds import folds, folds_result
from slanted.report.render.quality import MOST_LABELS, calibration, classes, quality
from slanted.report.render.result import result
from slanted.report.render.rows import mistakes, suspects
from slanted.text.scoring.headline import COLUMNS, TITLES

ROWS_AND_FACTS = (quality, classes, calibration, mistakes, suspects, lengths, cost, repeat)
SECTIONS = (result, course, curves, *ROWS_AND_FACTS)
FOLDS_SECTIONS = (folds_result, folds, course, fold_curves, *ROWS_AND_FACTS)
SCRIPTS = ("d3.min.js", "plot.umd.min.js", "report.js")
LONGEST_IN_PLOTS = 24


def page(report: Mapping[str, Any]) -> str:
    """Return the page of what `read_report` or `read_cross_validation` returned."""
    what = "cross-validation" if report["folds"] else "run"
    name = f"{Path(report['folder']).resolve().name}: slanted {what}"
    body = "".join(section(report) for section in (FOLDS_SECTIONS if report["folds"] else SECTIONS))
    return document(name, _subtitle(report), body, plots(report), SCRIPTS, report["data"]["versions"]["slanted"])


def document(name: str, subtitle: str, body: str, data: Any, scripts: Sequence[str], version: str) -> str:
    """Return a whole page that needs nothing beside itself.

    Args:
        name: Its title, text.
        subtitle: Stands under it, HTML.
        body: The sections, HTML.
        data: The numbers that the scripts draw, JSON's types.
        scripts: Names of assets, in the order in which they run.
        version: Of slanted.
    """
    codes = [_asset(script) for script in scripts]
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_policy(codes)}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark"><link rel="icon" href="data:,">'
        f"<title>{html.text(name)}</title><style>{_asset('report.css')}</style></head>\n"
        f"<body><header><h1>{html.text(name)}</h1><p>{subtitle}</p></header>\n<main>{body}</main>\n"
        f"<footer><p>Made by slanted {html.text(version)}.</p></footer>\n"
        f'<script type="application/json" id="data">{html.script_json(data)}</script>\n'
        f"<!--\n{_asset('LICENSES.txt')}\n-->\n"
        + "".join(f"<script>{code}</script>\n" for code in codes)
        + "</body></html>\n"
    )


def _subtitle(report: Mapping[str, Any]) -> str:
    recipe, task = report["recipe"], report["metrics"]["task"]
    kinds = {"single": "classes", "multilabel": "labels, any number a text", "regression": "targets"}
    count = len(report["labels"])
    outputs = "1 target" if task == "regression" and count == 1 else f"{count:,} {kinds[task]}"
    models = f"; {len(report['folds'])} folds" if report["folds"] else ""
    return f"{html.text(recipe['model'])}, recipe {html.text(recipe['recipe']['name'])}; {outputs}{models}"


@cache
def _asset(name: str) -> str:
    return files("slanted.report").joinpath("assets", name).read_text(encoding="utf-8").strip()


def _policy(scripts: list[str]) -> str:
    """Return a policy under which the page may run its own scripts and fetch nothing at all."""
    hashes = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts]
    allowed = " ".join(f"'sha256-{value}'" for value in hashes)
    rules = ("default-src 'none'", f"script-src {allowed}", "style-src 'unsafe-inline'", "img-src data:")
    return "; ".join((*rules, "base-uri 'none'", "form-action 'none'"))


def plots(report: Mapping[str, Any]) -> dict[str, Any]:
    """Return the numbers that the page's script draws."""
    data, metrics = report["data"], report["metrics"]
    names = [_short(name) for name in report["labels"]]
    drawn = data.get("quality", {})
    made = {
        "course": report["course"],
        "epochs": epochs_of_folds(report) if report["folds"] else _epochs(report),
        "calibration": drawn.get("calibration"),
        "lengths": data["lengths"]["bins"],
    }
    if metrics["task"] == "single" and drawn:
        made["confusion"] = {"names": names, "cells": drawn["confusion"]}
    if metrics["task"] == "multilabel" and drawn:
        made["outcomes"] = _most_frequent(names, drawn["outcomes"])
    if metrics["task"] == "regression" and drawn:
        made["scatter"] = {"names": names, "points": drawn["scatter"]}
    return made


def _short(name: str) -> str:
    return name if len(name) <= LONGEST_IN_PLOTS else name[: LONGEST_IN_PLOTS - 1] + "…"


def _epochs(report: Mapping[str, Any]) -> dict[str, Any]:
    metrics, key = report["metrics"], COLUMNS[report["metrics"]["task"]][0]
    epochs = report["data"]["epochs"]
    return {
        "train": [one.get("train_loss") for one in epochs],
        "valid": [one.get("valid", {}).get("loss") for one in epochs],
        "score": [one.get("valid", {}).get(key) for one in epochs],
        "title": TITLES[key],
        "kept": metrics.get("kept_epoch", len(epochs)),
    }


def _most_frequent(names: list[str], outcomes: list[dict[str, int]]) -> dict[str, Any]:
    order = sorted(range(len(names)), key=lambda at: -(outcomes[at]["found"] + outcomes[at]["missed"]))[:MOST_LABELS]
    return {"names": [names[at] for at in order], "rows": [outcomes[at] for at in order]}
