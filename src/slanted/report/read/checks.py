"""Checks of the JSON files of a run: the format version, and a number wherever the report shows a number.

Any other damage makes the code that uses the values raise; `faults_of` turns that into one line that names the file.
"""

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from slanted.errors import InputError
from slanted.text.runs import run_folder
from slanted.text.scoring.calibration import CALIBRATION, Calibration
from slanted.text.scoring.headline import BASELINES, COLUMNS, FROZEN_ENCODER

FORMAT_VERSION = 1  # of report.json; a file without one is of version 1
DAMAGED = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
REMEDY = "restore the file or train again"
SPEED = ("total_steps", "train_seconds", "examples_per_second")


def read(path: Path) -> dict[str, Any]:
    """Return the object in a JSON file of a run.

    Raises:
        InputError: The file cannot be read, is not a JSON object, or has an unknown format version.
    """
    content = run_folder.read_json(path)
    if not isinstance(content, dict):
        raise InputError(f"{path}: is not a JSON object; {REMEDY}")
    version = content.get("format_version", FORMAT_VERSION)
    if version != FORMAT_VERSION:
        rule = f"has format version {version!r:.20}, and this version of slanted reads version {FORMAT_VERSION}"
        raise InputError(f"{path}: {rule}; use the version of slanted that wrote it, or train again")
    return content


@contextmanager
def faults_of(path: Path, *more: type[Exception]) -> Iterator[None]:
    """Treat errors in this context as damage to the file whose values it uses.

    Args:
        path: The file.
        more: Exception classes to treat so, beside those that Python raises for a missing key or a value of the wrong
            type or length.

    Raises:
        InputError: The context raised such an exception.
    """
    try:
        yield
    except InputError:
        raise
    except (*DAMAGED, *more) as error:
        why = " ".join((f"{error} is missing" if isinstance(error, KeyError) else str(error)).split())
        raise InputError(f"{path}: cannot be used ({why}); {REMEDY}") from None


def number(value: Any, low: float = -math.inf, high: float = math.inf) -> Any:
    """Check that `value` is a number in [low, high], and return it."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise ValueError(f"{value!r:.40} is not a number in [{low}, {high}]")
    return value


def count(value: Any, low: float = 0, high: float = math.inf) -> int:
    """Check that `value` is a whole number in [low, high], and return it."""
    if not isinstance(number(value, low, high), int):
        raise ValueError(f"{value!r:.40} is not a whole number")
    return value


def listed(value: Any, least: int = 0, most: float = math.inf) -> list[Any]:
    """Check that `value` is a list of `least` to `most` entries, and return it."""
    if not isinstance(value, list) or not least <= len(value) <= most:
        raise ValueError(f"{value!r:.40} is not a list of {least} to {most} entries")
    return value


def numbers(content: Mapping[str, Any], low: float = -math.inf) -> dict[str, Any]:
    """Check that all values of an object are numbers >= `low`, and return it."""
    return {name: number(value, low) for name, value in content.items()}


def label_names(content: Mapping[str, Any]) -> list[str]:
    """Return the labels in labels.json, which are strings or numbers, as strings."""
    return [one if isinstance(one, str) else str(number(one)) for one in listed(content["labels"], 1)]


def scores(content: Mapping[str, Any], task: str = "") -> dict[str, Any]:
    """Check scores, and return them; those of the task "single" have an accuracy."""
    each = {name: content[name] for name in ("per_class", "per_target") if name in content}
    checked = numbers({name: value for name, value in content.items() if name not in each})
    if task == "single" or "accuracy" in content:
        number(content["accuracy"], 0, 1)
    for one in each.get("per_class", {}).values():
        numbers({name: one[name] for name in ("precision", "recall", "f1", "support")})
    return {**checked, **{name: {key: numbers(one) for key, one in of.items()} for name, of in each.items()}}


def checked_metrics(content: Mapping[str, Any], *needed: str) -> dict[str, Any]:
    """Check the content of metrics.json, and return it.

    Args:
        content: The content.
        needed: The entries that it must have beside those of every run: "valid", "test" and so on.
    """
    task = content["task"]
    if task not in COLUMNS:
        raise ValueError(f"{task!r:.40} is not a task")
    for name in (*SPEED, "epochs", *({"kept_epoch", "train_test_duplicates"} & content.keys())):
        number(content[name], 0)
    for note in listed(content.get("notes", [])):
        if not isinstance(note, str):
            raise ValueError(f"{note!r:.40} is no note")
    checked = {**content, "backend": content["backend"], "precision": content["precision"]}
    if (how := Calibration.of(content)) is not None:
        checked[CALIBRATION] = how
    for name in {"valid", "test", "out_of_fold"} & {*content, *needed}:
        checked[name] = scores(content[name], task)
    for name in {"mean", "deviation"} & {*content, *needed}:
        checked[name] = scores(content[name])
    if {"baselines", "test", "valid"} & set(needed):
        found = content["baselines"]
        named = [name for name in BASELINES if name != FROZEN_ENCODER or name in found]  # that of earlier runs lacks it
        checked["baselines"] = {name: scores(found[name]) for name in named}
    return checked


def checked_data(content: Mapping[str, Any]) -> dict[str, Any]:
    """Check the content of a run's report.json, and return it."""
    return {
        **content,
        **checked_rows(content, content["scored"]),
        "texts_per_second": number(content["texts_per_second"], 0),
        "groups": [{**one, "multiplier": number(one["multiplier"], 0, 1e6)} for one in listed(content["groups"], 1)],
        "stages": [[number(first, 0), listed(names)] for first, names in listed(content["stages"], 1)],
        "epochs": [_epoch(one) for one in listed(content["epochs"], 1)],
        "lengths": _lengths(content["lengths"]),
        "cost": _cost(content["cost"]),
        "versions": {"slanted": content["versions"]["slanted"], **content["versions"]},
    }


def _epoch(content: dict[str, Any]) -> dict[str, Any]:
    numbers({"train_loss": content.get("train_loss") or 0, **content.get("valid", {})})
    return content


def _lengths(content: dict[str, Any]) -> dict[str, Any]:
    if content["of"] not in ("texts", "chunks"):
        raise ValueError(f"{content['of']!r:.40} is neither texts nor chunks")
    bins = [[count(low), count(high), count(whole), count(cut)] for low, high, whole, cut in listed(content["bins"])]
    return {**content, "bins": bins, **numbers({name: content[name] for name in ("mean", "truncated")})}


def _cost(content: dict[str, Any]) -> dict[str, Any]:
    spent = numbers({name: content[name] for name in ("parameters", "tokens_an_epoch", "padding")})
    return {**spent, "peak_memory": content["peak_memory"] and number(content["peak_memory"])}


def checked_rows(content: Mapping[str, Any], scored: str | None) -> dict[str, Any]:
    """Check the numbers of rows in report.json and the entries about the scored rows, and return them."""
    checked: dict[str, Any] = {"rows": numbers(content["rows"], 0)}
    if "finished" in content:  # earlier versions wrote no date
        checked["finished"] = datetime.fromisoformat(content["finished"]).astimezone(UTC)
    checked["suspects"] = {part: _suspects(found) for part, found in content["suspects"].items()}
    if scored is None:
        return checked
    number(checked["rows"][scored], 1)
    quality = {name: _plotted(plot, name) for name, plot in content["quality"].items()}
    left_out = count(content.get("mistakes_left_out", 0))
    return {**checked, "quality": quality, "mistakes": listed(content["mistakes"]), "mistakes_left_out": left_out}


def _suspects(one: dict[str, Any] | None) -> dict[str, Any] | None:
    return one and {"rows": count(one["rows"]), "found": count(one["found"]), "listed": listed(one["listed"])}


def _plotted(plot: Any, name: str) -> list[Any]:
    """Check the numbers of a plot, which are >= 0 except in a scatter plot, and return them."""
    low = -math.inf if name == "scatter" else 0.0

    def checked(value: Any) -> Any:
        if isinstance(value, list):
            return [checked(one) for one in value]
        return numbers(value, low) if isinstance(value, dict) else number(value, low)

    return [checked(one) for one in listed(plot)]
