"""Read the folder of a cross-validation into the dict that its page is made from."""

import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from slanted.errors import InputError
from slanted.report.read.checks import checked_metrics, checked_rows, count, faults_of, listed, read, scores
from slanted.report.read.run_reader import command, read_course, read_data, read_labels, read_recipe
from slanted.text.runs import run_folder
from slanted.text.scoring.headline import BASELINES, COLUMNS
from slanted.text.settings import FEWEST_FOLDS

OF_FIRST = ("groups", "stages", "lengths", "texts_per_second", "versions")
REMEDY = "to write it, run the training command again with --resume; if it read standard input, train again"


def is_cross_validation(folder: Path) -> bool:
    """Return whether `folder` is that of a cross-validation: it has folders of folds."""
    return bool(folds_in(folder))


def folds_in(folder: Path) -> list[Path]:
    """Return the folders of the folds in `folder`, in order."""
    paths = (folder / run_folder.fold_name(at) for at in itertools.count())
    return list(itertools.takewhile(Path.is_dir, paths))


def read_cross_validation(folder: Path) -> dict[str, Any]:
    """Read the data for the report of a cross-validation.

    Args:
        folder: The folder of the cross-validation.

    Returns:
        The entries of `read_report`. In `data` the rows, plots, mistakes and label issues are those of the out-of-fold
        predictions; `course` and the other entries of `data` are those of fold 1. `folds` has the `name`, `metrics` and
        `data` of each fold, `baselines` the mean scores of the folds' baselines.

    Raises:
        InputError: A file is missing or corrupt.
    """
    saved, labels = read_recipe(folder), read_labels(folder)
    with faults_of(folder / run_folder.RECIPE):
        k = count(saved["folds"], FEWEST_FOLDS)
    content = read(folder / run_folder.METRICS)
    tested = {"test"} & content.keys()
    with faults_of(folder / run_folder.METRICS):
        metrics = checked_metrics(content, "out_of_fold", "mean", "deviation", *tested)
        metrics["folds"] = [_fold_scores(one, metrics["task"]) for one in listed(content["folds"], k, k)]
    folds = [_read_fold(folder, at, metrics["task"]) for at in range(k)]
    all_rows = _read_out_of_fold(folder / run_folder.REPORT_DATA, "test" if tested else "train")
    first, data = folder / run_folder.fold_name(0), folds[0]["data"]
    return {
        "folder": str(folder),
        "metrics": metrics,
        "recipe": {**saved, **_peak_rate(read_recipe(first))},
        "labels": labels,
        "data": {**{name: data[name] for name in OF_FIRST}, "cost": _cost(folds), "scored": "out_of_fold", **all_rows},
        "course": read_course(first, data),
        "command": command(saved, folder),
        "fold": None,
        "folds": folds,
        "baselines": {name: _means(folds, name, metrics["task"]) for name in _scored_by_all(folds)},
    }


def _fold_scores(content: Mapping[str, Any], task: str) -> dict[str, Any]:
    return {**scores(content, task), "kept_epoch": count(content["kept_epoch"])}


def _read_fold(folder: Path, at: int, task: str) -> dict[str, Any]:
    place = folder / run_folder.fold_name(at)
    metrics, data = read(place / run_folder.METRICS), read_data(place / run_folder.REPORT_DATA)
    with faults_of(place / run_folder.METRICS):
        metrics = checked_metrics(metrics, "test")
        if metrics["task"] != task:
            raise ValueError(f"the task is {metrics['task']}, but that of the cross-validation is {task}")
    with faults_of(place / run_folder.REPORT_DATA):
        if data["scored"] != "test":
            raise ValueError(f"the scored rows are {data['scored']!r:.40}, not 'test'")
    return {"name": f"fold {at + 1}", "metrics": metrics, "data": data}


def _read_out_of_fold(path: Path, scored: str) -> dict[str, Any]:
    if not path.exists():
        raise InputError(f"{path}: is missing, and the report needs it; {REMEDY}")
    content = read(path)
    with faults_of(path):
        return checked_rows(content, scored)


def _peak_rate(saved: Mapping[str, Any]) -> dict[str, Any]:
    return {"peak_rate": saved["peak_rate"]} if "peak_rate" in saved else {}


def _cost(folds: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the cost of fold 1, with the largest memory use of all folds."""
    costs = [fold["data"]["cost"] for fold in folds]
    most = max((one["peak_memory"] for one in costs if one["peak_memory"] is not None), default=None)
    return {**costs[0], "peak_memory": most}


def _scored_by_all(folds: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the baselines that all folds have; folds of earlier versions lack the frozen encoder."""
    return [name for name in BASELINES if all(name in fold["metrics"]["baselines"] for fold in folds)]


def _means(folds: Sequence[Mapping[str, Any]], name: str, task: str) -> dict[str, float]:
    """Return the mean over the folds of each score of a baseline that all folds have."""
    each = [fold["metrics"]["baselines"][name] for fold in folds]
    return {key: sum(one[key] for one in each) / len(each) for key in COLUMNS[task] if all(key in one for one in each)}
