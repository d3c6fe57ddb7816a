"""Read the folder of a run, or of a fold, into the dict that its page is made from."""

import shlex
from collections.abc import Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from slanted.common.messages import option_of
from slanted.errors import InputError
from slanted.report.read.checks import (
    checked_data,
    checked_metrics,
    count,
    faults_of,
    label_names,
    listed,
    number,
    read,
)
from slanted.text.runs import run_folder
from slanted.text.runs.artefacts import SUMS, check_sums
from slanted.text.runs.history import read_history
from slanted.text.settings import MOST_FOLDS

MOST_POINTS = 1000
FILE_OPTIONS = ("valid", "test", "text", "text_b", "encoding", "label_separator", "bad_rows", "separator", "quotes")
FILE_OPTIONS += ("group", "split", "weight")
LIST_OPTIONS = ("text", "label")
RECIPE_KEYS = ("name", "source", "curve", "truncate")
FILE_DEFAULTS = {"encoding": "utf-8", "bad_rows": "fail", "quotes": "auto"}


def read_report(folder: Path) -> dict[str, Any]:
    """Read the data for the report of a run.

    Args:
        folder: The run folder.

    Returns:
        `metrics`, `recipe`, `labels` and `data`, the content of the JSON files; `course`, the learning rates and losses
        over the steps; `command`, which repeats the run; `fold`, such as "1 of 5", or None; `folds`, empty.

    Raises:
        InputError: The folder is not that of a finished run, or a file is missing or corrupt.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: there is no such folder; give the folder of `slanted train --out`")
    content, saved = read(folder / run_folder.METRICS), read_recipe(folder)
    labels, data = read_labels(folder), read_data(folder / run_folder.REPORT_DATA)
    with faults_of(folder / run_folder.METRICS):
        metrics = checked_metrics(content, *({data["scored"], "baselines"} if data["scored"] else ()))
    parent = _cross_validation_of(folder)
    return {
        "folder": str(folder),
        "metrics": metrics,
        "recipe": saved,
        "labels": labels,
        "data": data,
        "course": read_course(folder, data),
        "command": command(saved, folder) if parent is None else command(parent, folder.parent),
        "fold": None if parent is None else f"{folder.name.removeprefix(run_folder.FOLD)} of {parent['folds']}",
        "folds": [],
    }


def read_recipe(folder: Path) -> dict[str, Any]:
    """Return the checked content of recipe.json of a run, or of a cross-validation.

    Raises:
        InputError: The file is missing or damaged.
    """
    saved = read(folder / run_folder.RECIPE)
    with faults_of(folder / run_folder.RECIPE):
        recipe = {**saved["recipe"], **{name: str(saved["recipe"][name]) for name in RECIPE_KEYS}}
        rate = {"peak_rate": number(saved["peak_rate"])} if "peak_rate" in saved else {}
        needed = {name: saved[name] for name in ("model", "max_tokens", "batch_size", "seed")}
        folds = {"folds": count(saved["folds"], 0, MOST_FOLDS)} if "folds" in saved else {}
        return {**saved, **needed, **rate, **folds, "recipe": recipe}


def read_labels(folder: Path) -> list[str]:
    """Return the labels of a run.

    Raises:
        InputError: labels.json is missing or damaged.
    """
    content = read(folder / run_folder.LABELS)
    check_sums(folder, read(folder / run_folder.RECIPE).get(SUMS), run_folder.LABELS)
    with faults_of(folder / run_folder.LABELS):
        return label_names(content)


def read_data(path: Path) -> dict[str, Any]:
    """Return the checked content of a run's report.json.

    Raises:
        InputError: The file is missing or damaged.
    """
    if not path.exists():
        raise InputError(f"{path}: is missing, and the report needs it; train the run again")
    content = read(path)
    with faults_of(path):
        return checked_data(content)


def read_course(folder: Path, data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the course of a run, from history.csv and the layer groups in report.json.

    Raises:
        InputError: One of the two files is damaged.
    """
    history = read_history(folder / run_folder.HISTORY)
    with faults_of(folder / run_folder.REPORT_DATA):
        return course(history, data["groups"], data["stages"])


def course(history: np.ndarray, groups: Sequence[Mapping[str, Any]], stages: Sequence[Any]) -> dict[str, Any]:
    """Return the learning rates of the layer groups and the loss over the run, at no more than 1,000 points.

    Args:
        history: Step, epoch, loss and learning rate of every step.
        groups: The name and the multiplier of each group.
        stages: The first step of each stage, with the names of its open groups.

    Returns:
        `every`, the number of steps per point, and `total`, the number of steps; lists `step`, `epoch`, `loss` (the
        mean of the steps of a point) and `smooth`; `lines`, a list of {"name", "rates"}, one for neighbouring groups
        with the same learning rates, None where they are closed; `epochs`, the first step of each epoch.
    """
    every = -(-len(history) // MOST_POINTS)
    starts = np.arange(0, len(history), every)
    steps, epochs = history[starts, 0].astype(int), history[starts, 1].astype(int)
    counts = np.diff(np.append(starts, len(history)))
    losses = np.add.reduceat(history[:, 2], starts) / counts
    first_steps = history[np.flatnonzero(np.diff(history[:, 1], prepend=0)), 0]
    return {
        "every": int(every),
        "total": len(history),
        "step": steps.tolist(),
        "epoch": epochs.tolist(),
        "loss": [_short(loss) for loss in losses],
        "smooth": [_short(loss) for loss in moving_average(losses)],
        "lines": _lines(history[starts, 3], steps, groups, stages),
        "epochs": [int(step) for step in first_steps],
    }


def moving_average(values: np.ndarray) -> np.ndarray:
    """Return the moving average over a twentieth of the values, centred; over fewer values at the ends.

    >>> moving_average(np.array([1.0, 3.0, 2.0])).tolist()
    [2.0, 2.0, 2.5]
    """
    reach = max(1, len(values) // 40)
    sums = np.cumsum(np.insert(values, 0, 0.0))
    places = np.arange(len(values))
    low, high = np.maximum(places - reach, 0), np.minimum(places + reach + 1, len(values))
    return (sums[high] - sums[low]) / (high - low)


def _lines(rates: np.ndarray, steps: np.ndarray, groups: Sequence[Any], stages: Sequence[Any]) -> list[dict[str, Any]]:
    """Return the learning rates of the groups, the input side first; neighbours with the same rates share a line."""
    stage = np.searchsorted([first for first, _ in stages], steps, side="right") - 1
    lines: list[tuple[list[str], list[float | None]]] = []
    for group in groups:
        is_open = np.array([group["name"] in names for _, names in stages])[stage]
        values = rates * group["multiplier"]
        shown = [_short(value) if opened else None for value, opened in zip(values, is_open, strict=True)]
        if lines and lines[-1][1] == shown:
            lines[-1][0].append(group["name"])
        else:
            lines.append(([group["name"]], shown))
    return [{"name": "all layers" if len(lines) == 1 else _span(names), "rates": values} for names, values in lines]


def _span(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{names[0]} to {names[-1]}"


def _short(value: float) -> float:
    return float(f"{value:.5g}")


def _cross_validation_of(folder: Path) -> dict[str, Any] | None:
    """Return recipe.json of the cross-validation that `folder` is a fold of; None if it is not a fold."""
    if not folder.name.startswith(run_folder.FOLD) or not (folder.parent / run_folder.RECIPE).is_file():
        return None
    parent = read_recipe(folder.parent)
    is_fold = folder.name in map(run_folder.fold_name, range(parent.get("folds", 0)))
    return parent if is_fold else None


def _given(files: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return the options for the files that have no default, as typed on a command line."""
    named = {name: files.get(name) for name in FILE_OPTIONS if not isinstance(files.get(name), list)}
    given = {option_of(name): [value] for name, value in named.items() if value not in (None, FILE_DEFAULTS.get(name))}
    given |= {option_of(name): listed(files[name]) for name in LIST_OPTIONS if isinstance(files.get(name), list)}
    if "\t" in given.get("--separator", []):
        given["--separator"] = ["tab"]
    if files.get("header") is not None:
        given["--header" if files["header"] else "--no-header"] = []
    if files.get("columns"):
        given["--columns"] = [",".join(listed(files["columns"]))]
    return {option: values for option, values in given.items() if values or option.endswith("header")}


def command(saved: Mapping[str, Any], folder: Path) -> str | None:
    """Return the command that repeats a run; None if it was trained from Python, or a name looks like an option.

    Raises:
        InputError: The files in recipe.json are damaged.

    >>> command({"files": {"train": "a b.csv", "test": "t.csv", "label": ["y"]}}, Path("runs/1"))
    "slanted train 'a b.csv' --recipe runs/1/recipe.json --out runs/1-again --test t.csv --label y"
    """
    files = saved.get("files")
    if files is None:
        return None
    with faults_of(folder / run_folder.RECIPE):
        train = [files["train"]] if isinstance(files["train"], str) else listed(files["train"], 1)
        given = _given(files)
        names = [*train, *chain(*given.values())]
        if any((name != "-" and name.startswith("-")) or not name.isprintable() for name in names):
            return None
        words = ["slanted", "train", *train, "--recipe", str(folder / run_folder.RECIPE), "--out", f"{folder}-again"]
        return shlex.join([*words, *chain.from_iterable([option, *values] for option, values in given.items())])
