"""Render a run or a cross-validation as one self-contained HTML page: scripts, styles and data are inside."""

import base64
import hashlib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, UndefinedError
from markupsafe import Markup

from slanted.report.read.checks import faults_of
from slanted.report.render import curves, facts, quality, result, rows
from slanted.report.render.environment import environment
from slanted.text.progress.progress import duration
from slanted.text.runs import run_folder
from slanted.text.scoring.headline import COLUMNS, TITLES

PARTS = (
    ("", ("result",)),
    ("Errors", ("quality", "classes", "mistakes")),
    ("Data", ("notes", "suspects", "lengths")),
    ("", ("calibration",)),
    ("Training", ("epochs", "course", "cost", "repeat")),
)
OF_FOLDS = {"result": ("folds_result", "folds"), "epochs": ("fold_epochs",)}  # in place of a run's
SCRIPTS = ("d3.min.js", "plot.umd.min.js", "report.js")
LONGEST_IN_PLOTS = 24
VIEW = {"COLUMNS": COLUMNS, "TITLES": TITLES, "duration": duration, "run_folder": run_folder}
VIEW |= {module.__name__.rpartition(".")[2]: module for module in (curves, facts, quality, result, rows)}


def page(report: Mapping[str, Any]) -> str:
    """Return the page for a dict that `read_report` or `read_cross_validation` returned.

    Raises:
        InputError: A value in report.json cannot be shown; the other files were checked when they were read.
    """
    folder, replaced = Path(report["folder"]), OF_FOLDS if report["folds"] else {}
    parts = [(title, [one for name in names for one in replaced.get(name, (name,))]) for title, names in PARTS]
    shown = {"name": folder.resolve().name, "report": report, "parts": parts}
    with faults_of(folder / run_folder.REPORT_DATA, UndefinedError):
        return document("report.html", SCRIPTS, drawn=plots(report), **shown)


def section(name: str, report: Mapping[str, Any]) -> str:
    """Return one section of a page; it is empty if the report has no data for it."""
    return _templates().get_template(f"{name}.html").render(report=report, contents=[])


def document(template: str, scripts: tuple[str, ...], **values: Any) -> str:
    """Return a self-contained page.

    Args:
        template: The name of a template that extends document.html.
        scripts: The names of the script assets, in the order in which they run.
        values: The variables of the template; `drawn`, of JSON types, is the data for the scripts.
    """
    shown = {"asset": _asset, "scripts": scripts, "policy": _policy(scripts), "contents": [], **values}
    return _templates().get_template(template).render(shown)


@cache
def _templates() -> Environment:
    templates = environment()
    templates.globals |= VIEW
    return templates


@cache
def _asset(name: str) -> Markup:
    return Markup(files("slanted.report").joinpath("assets", name).read_text(encoding="utf-8").strip())


@cache
def _policy(scripts: tuple[str, ...]) -> Markup:
    """Return a content security policy that allows the scripts of the page and no requests."""
    sums = [hashlib.sha256(_asset(script).encode()).digest() for script in scripts]
    allowed = " ".join(f"'sha256-{base64.b64encode(one).decode()}'" for one in sums)
    rules = ("default-src 'none'", f"script-src {allowed}", "style-src 'unsafe-inline'", "img-src data:")
    return Markup("; ".join((*rules, "base-uri 'none'", "form-action 'none'")))


def plots(report: Mapping[str, Any]) -> dict[str, Any]:
    """Return the data that the script of the page draws."""
    data, task = report["data"], report["metrics"]["task"]
    names = [name if len(name) <= LONGEST_IN_PLOTS else name[: LONGEST_IN_PLOTS - 1] + "…" for name in report["labels"]]
    drawn = data.get("quality", {})
    plot_data = {
        "course": report["course"],
        "epochs": (curves.epochs_of_folds if report["folds"] else curves.epochs_of_run)(report),
        "calibration": drawn.get("calibration"),
        "uncalibrated": drawn.get("uncalibrated"),
        "lengths": data["lengths"]["bins"],
    }
    if task == "single" and drawn:
        plot_data["confusion"] = {"names": names, "cells": drawn["confusion"]}
    if task == "multilabel" and drawn:
        plot_data["outcomes"] = quality.most_frequent(names, drawn["outcomes"])
    if task == "regression" and drawn:
        points = [[(true, predicted) for true, predicted in target] for target in drawn["scatter"]]
        plot_data["scatter"] = {"names": names, "points": points}
    return plot_data
