"""The JSON files of a run as a report uses them: of a version that it knows, with numbers where it shows numbers.

Whatever else is damaged makes the code that uses it raise; `faults_of` turns that into one line that names the file.
"""

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from slanted.errors import InputError
from slanted.text.runs import run_folder
from slanted.text.scoring.headline import COLUMNS

FORMAT_VERSION = 1  # of report.json; a file that names none is of version 1
DAMAGED = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
REMEDY = "restore the file or train again"
BASELINES = ("tfidf", "majority")
SPEED = ("total_steps", "train_seconds", "examples_per_second")


def read(path: Path) -> dict[str, Any]:
    """Return the object in a run's JSON file.

    Raises:
        InputError: It cannot be read, holds no object, or has a format that this version does not know.
    """
    held = run_folder.read_json(path)
    if not isinstance(held, dict):
        raise InputError(f"{path}: holds no object; {REMEDY}")
    version = held.get("format_version", FORMAT_VERSION)
    if version != FORMAT_VERSION:
        rule = f"has format version {version!r:.20}, and this slanted reads version {FORMAT_VERSION}"
        raise InputError(f"{path}: {rule}; use the slanted that wrote it, or train again")
    return held


@contextmanager
def faults_of(path: Path, *more: type[Exception]) -> Iterator[None]:
    """Take what the block raises for damage to the file whose values it uses.

    Args:
        path: The file.
        more: What may be raised beside what Python raises for a missing key or a value of another type or length.

    Raises:
        InputError: The block raised that.
    """
    try:
        yield
    except InputError:
        raise
    except (*DAMAGED, *more) as error:
        why = " ".join((f"{error} is missing" if isinstance(error, KeyError) else str(error)).split())
        raise InputError(f"{path}: cannot be used ({why}); {REMEDY}") from error


def number(value: Any, low: float = -math.inf, high: float = math.inf) -> Any:
    """Return a number, which is in [low, high]."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise ValueError(f"{value!r:.40} is no number in [{low}, {high}]")
    return value


def count(value: Any, low: float = 0, high: float = math.inf) -> int:
    """Return a whole number, which is in [low, high]."""
    if not isinstance(number(value, low, high), int):
        raise ValueError(f"{value!r:.40} is no whole number")
    return value


def listed(value: Any, least: int = 0, most: float = math.inf) -> list[Any]:
    """Return a list, which has from `least` to `most` entries."""
    if not isinstance(value, list) or not least <= len(value) <= most:
        raise ValueError(f"{value!r:.40} is no list of {least} to {most} entries")
    return value


def numbers(held: Mapping[str, Any], low: float = -math.inf) -> dict[str, Any]:
    """Return an object of numbers alone, none below `low`."""
    return {name: number(value, low) for name, value in held.items()}


def label_names(held: Mapping[str, Any]) -> list[str]:
    """Return the labels that labels.json holds, which are texts or numbers."""
    return [one if isinstance(one, str) else str(number(one)) for one in listed(held["labels"], 1)]


def scores(held: Mapping[str, Any], task: str = "") -> dict[str, Any]:
    """Return the scores of some rows; those of a task "single" have an accuracy."""
    each = {name: held[name] for name in ("per_class", "per_target") if name in held}
    made = numbers({name: value for name, value in held.items() if name not in each})
    if task == "single" or "accuracy" in held:
        number(held["accuracy"], 0, 1)
    for one in each.get("per_class", {}).values():
        numbers({name: one[name] for name in ("precision", "recall", "f1", "support")})
    return {**made, **{name: {one: numbers(own) for one, own in of.items()} for name, of in each.items()}}


def checked_metrics(held: Mapping[str, Any], *needed: str) -> dict[str, Any]:
    """Return what metrics.json holds, with the scores that are needed: of "valid", "test" and so on."""
    task = held["task"]
    if task not in COLUMNS:
        raise ValueError(f"{task!r:.40} is no task")
    for name in (*SPEED, "epochs", *({"kept_epoch", "train_test_duplicates"} & held.keys())):
        number(held[name], 0)
    made = {**held, "backend": held["backend"], "precision": held["precision"]}
    for name in {"valid", "test", "out_of_fold"} & {*held, *needed}:
        made[name] = scores(held[name], task)
    for name in {"mean", "deviation"} & {*held, *needed}:
        made[name] = scores(held[name])
    if {"baselines", "test", "valid"} & set(needed):
        made["baselines"] = {name: scores(held["baselines"][name]) for name in BASELINES}
    return made


def checked_data(held: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a run's report.json holds."""
    return {
        **held,
        **checked_rows(held, held["scored"]),
        "texts_per_second": number(held["texts_per_second"], 0),
        "groups": [{**one, "multiplier": number(one["multiplier"], 0, 1e6)} for one in listed(held["groups"], 1)],
        "stages": [[number(first, 0), listed(names)] for first, names in listed(held["stages"], 1)],
        "epochs": [_epoch(one) for one in listed(held["epochs"], 1)],
        "lengths": _lengths(held["lengths"]),
        "cost": _cost(held["cost"]),
        "versions": {"slanted": held["versions"]["slanted"], **held["versions"]},
    }


def _epoch(held: dict[str, Any]) -> dict[str, Any]:
    numbers({"train_loss": held.get("train_loss") or 0, **held.get("valid", {})})
    return held


def _lengths(held: dict[str, Any]) -> dict[str, Any]:
    if held["of"] not in ("texts", "chunks"):
        raise ValueError(f"{held['of']!r:.40} is neither texts nor chunks")
    bins = [[count(low), count(high), count(whole), count(cut)] for low, high, whole, cut in listed(held["bins"])]
    return {**held, "bins": bins, **numbers({name: held[name] for name in ("mean", "truncated")})}


def _cost(held: dict[str, Any]) -> dict[str, Any]:
    spent = numbers({name: held[name] for name in ("parameters", "tokens_an_epoch", "padding")})
    return {**spent, "peak_memory": held["peak_memory"] and number(held["peak_memory"])}


def checked_rows(held: Mapping[str, Any], scored: str | None) -> dict[str, Any]:
    """Return the numbers of rows in a report.json, and what it says of those that are scored."""
    made: dict[str, Any] = {"rows": numbers(held["rows"], 0)}
    made["suspects"] = {part: _suspects(found) for part, found in held["suspects"].items()}
    if scored is None:
        return made
    number(made["rows"][scored], 1)
    quality = {name: _plotted(plot, name) for name, plot in held["quality"].items()}
    return {**made, "quality": quality, "mistakes": listed(held["mistakes"])}


def _suspects(held: dict[str, Any] | None) -> dict[str, Any] | None:
    return held and {"rows": count(held["rows"]), "found": count(held["found"]), "listed": listed(held["listed"])}


def _plotted(plot: Any, name: str) -> list[Any]:
    """Return the numbers of a plot, which are counts and shares but for the points of a scatter plot."""
    low = -math.inf if name == "scatter" else 0.0

    def checked(value: Any) -> Any:
        if isinstance(value, list):
            return [checked(one) for one in value]
        return numbers(value, low) if isinstance(value, dict) else number(value, low)

    return [checked(one) for one in listed(plot)]
