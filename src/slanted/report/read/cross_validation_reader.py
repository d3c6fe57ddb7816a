"""A cross-validation's folder -> the plain dict that its page is made of."""

import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from slanted.errors import InputError
from slanted.report.read import schemas
from slanted.report.read.run_reader import command, course, read, read_data, read_history
from slanted.text.runs import run_folder
from slanted.text.scoring.headline import COLUMNS

BASELINES = ("tfidf", "majority")
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
    saved = read(folder / run_folder.RECIPE, {**schemas.RECIPE, "folds": schemas.FOLDS})
    labels = [str(label) for label in read(folder / run_folder.LABELS, schemas.LABELS)["labels"]]
    metrics = read(folder / run_folder.METRICS, schemas.METRICS)
    task, tested = metrics["task"], "test" in metrics
    schemas.check(folder / run_folder.METRICS, metrics, schemas.scores_of_folds(task, saved["folds"], tested))
    folds = [_read_fold(folder, at, task, len(labels)) for at in range(saved["folds"])]
    own = _read_own(folder / run_folder.REPORT_DATA, schemas.data_of_folds(task, len(labels), tested))
    first, data = folder / run_folder.fold_name(0), folds[0]["data"]
    return {
        "folder": str(folder),
        "metrics": metrics,
        "recipe": {**saved, **_peak_rate(read(first / run_folder.RECIPE, schemas.RECIPE))},
        "labels": labels,
        "data": {**{name: data[name] for name in OF_FIRST}, "cost": _cost(folds), "scored": "out_of_fold", **own},
        "course": course(read_history(first / run_folder.HISTORY), data["groups"], data["stages"]),
        "command": command(saved, folder),
        "fold": None,
        "folds": folds,
        "baselines": {name: _means([fold["metrics"]["baselines"][name] for fold in folds], task) for name in BASELINES},
    }


def _read_fold(folder: Path, at: int, task: str, outputs: int) -> dict[str, Any]:
    place = folder / run_folder.fold_name(at)
    metrics = read(place / run_folder.METRICS, {**schemas.METRICS, "task": {task}, **schemas.scores_of(task, "test")})
    data = read_data(place / run_folder.REPORT_DATA, task, outputs, {"test"})
    return {"name": f"fold {at + 1}", "metrics": metrics, "data": data}


def _read_own(path: Path, shape: schemas.Shape) -> dict[str, Any]:
    if not path.exists():
        raise InputError(f"{path}: is missing, without which there is no report; {REMEDY}")
    held = read(path, shape)
    return {name: held[name] for name in shape}


def _peak_rate(saved: Mapping[str, Any]) -> dict[str, Any]:
    return {"peak_rate": saved["peak_rate"]} if "peak_rate" in saved else {}


def _cost(folds: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the cost of fold 1, but the most memory of any."""
    costs = [fold["data"]["cost"] for fold in folds]
    most = max((one["peak_memory"] for one in costs if one["peak_memory"] is not None), default=None)
    return {**costs[0], "peak_memory": most}


def _means(several: Sequence[Mapping[str, Any]], task: str) -> dict[str, float]:
    """Return the mean of each of a task's scores that every fold has."""
    keys = [key for key in COLUMNS[task] if all(key in one for one in several)]
    return {key: sum(one[key] for one in several) / len(several) for key in keys}
