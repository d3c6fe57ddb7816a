"""A cross-validation's folder -> the plain dict that its page is made of."""

import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from slanted.errors import InputError
from slanted.report.read.checks import BASELINES, checked_metrics, checked_rows, count, faults_of, listed, read, scores
from slanted.report.read.run_reader import command, read_course, read_data, read_labels, read_recipe
from slanted.text.runs import run_folder
from slanted.text.scoring.headline import COLUMNS
from slanted.text.settings import FEWEST_FOLDS

OF_FIRST = ("groups", "stages", "lengths", "texts_per_second", "versions")
REMEDY = "to make it, give the command that trained it again, with --resume; from standard input, train again"


def is_cross_validation(folder: Path) -> bool:
    """Return whether a folder holds folds."""
    return bool(folds_in(folder))


def folds_in(folder: Path) -> list[Path]:
    """Return the folders of the folds that a folder holds, from the first on."""
    named = (folder / run_folder.fold_name(at) for at in itertools.count())
    return list(itertools.takewhile(Path.is_dir, named))


def read_cross_validation(folder: Path) -> dict[str, Any]:
    """Return all that the report of a cross-validation says.

    Args:
        folder: Holds the folds.

    Returns:
        As `read_report`: `metrics`, `recipe`, `labels`, `command`, and `data`, whose rows, plots, mistakes and doubtful
        labels are those of all rows out of fold; `course`, and what else `data` has of one run, are of fold 1. Then
        `folds`, the `name`, `metrics` and `data` of each, and `baselines`, the means of theirs.

    Raises:
        InputError: A file is missing or corrupt.
    """
    saved, labels = read_recipe(folder), read_labels(folder)
    with faults_of(folder / run_folder.RECIPE):
        many = count(saved["folds"], FEWEST_FOLDS)
    held = read(folder / run_folder.METRICS)
    tested = {"test"} & held.keys()
    with faults_of(folder / run_folder.METRICS):
        metrics = checked_metrics(held, "out_of_fold", "mean", "deviation", *tested)
        metrics["folds"] = [_fold_scores(one, metrics["task"]) for one in listed(held["folds"], many, many)]
    folds = [_read_fold(folder, at, metrics["task"]) for at in range(many)]
    own = _read_own(folder / run_folder.REPORT_DATA, "test" if tested else "train")
    first, data = folder / run_folder.fold_name(0), folds[0]["data"]
    return {
        "folder": str(folder),
        "metrics": metrics,
        "recipe": {**saved, **_peak_rate(read_recipe(first))},
        "labels": labels,
        "data": {**{name: data[name] for name in OF_FIRST}, "cost": _cost(folds), "scored": "out_of_fold", **own},
        "course": read_course(first, data),
        "command": command(saved, folder),
        "fold": None,
        "folds": folds,
        "baselines": {name: _means(folds, name, metrics["task"]) for name in BASELINES},
    }


def _fold_scores(held: Mapping[str, Any], task: str) -> dict[str, Any]:
    return {**scores(held, task), "kept_epoch": count(held["kept_epoch"])}


def _read_fold(folder: Path, at: int, task: str) -> dict[str, Any]:
    place = folder / run_folder.fold_name(at)
    metrics, data = read(place / run_folder.METRICS), read_data(place / run_folder.REPORT_DATA)
    with faults_of(place / run_folder.METRICS):
        metrics = checked_metrics(metrics, "test")
        if metrics["task"] != task:
            raise ValueError(f"the task is {metrics['task']}, that of the cross-validation {task}")
    with faults_of(place / run_folder.REPORT_DATA):
        if data["scored"] != "test":
            raise ValueError(f"the rows scored are {data['scored']!r:.40}, not 'test'")
    return {"name": f"fold {at + 1}", "metrics": metrics, "data": data}


def _read_own(path: Path, scored: str) -> dict[str, Any]:
    if not path.exists():
        raise InputError(f"{path}: is missing, without which there is no report; {REMEDY}")
    held = read(path)
    with faults_of(path):
        return checked_rows(held, scored)


def _peak_rate(saved: Mapping[str, Any]) -> dict[str, Any]:
    return {"peak_rate": saved["peak_rate"]} if "peak_rate" in saved else {}


def _cost(folds: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the cost of fold 1, but the most memory of any."""
    costs = [fold["data"]["cost"] for fold in folds]
    most = max((one["peak_memory"] for one in costs if one["peak_memory"] is not None), default=None)
    return {**costs[0], "peak_memory": most}


def _means(folds: Sequence[Mapping[str, Any]], name: str, task: str) -> dict[str, float]:
    """Return the mean of each score of a baseline that every fold has."""
    each = [fold["metrics"]["baselines"][name] for fold in folds]
    return {key: sum(one[key] for one in each) / len(each) for key in COLUMNS[task] if all(key in one for one in each)}
