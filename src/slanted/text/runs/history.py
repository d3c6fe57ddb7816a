"""Readers of a run's JSON objects and history.csv, with one line for each error."""

import csv
from pathlib import Path
from types import UnionType
from typing import Any

from slanted.errors import InputError
from slanted.text.runs import run_folder

RESTORE = "restore the file or train again"


def read_object(path: Path, **kinds: type | UnionType) -> dict[str, Any]:
    """Return the object in a run's JSON file.

    Args:
        path: The file.
        kinds: The entries that the object must have, with their types.

    Raises:
        InputError: The file is missing, is not JSON, contains no object, or an entry is missing or of another type.
    """
    values = run_folder.read_json(path)
    if not isinstance(values, dict):
        raise InputError(f"{path}: holds no JSON object; {RESTORE}")
    wrong = [name for name, kind in kinds.items() if not isinstance(values.get(name), kind)]
    if wrong:
        raise InputError(f"{path}: does not say {wrong[0]!r} as a run's does; {RESTORE}")
    return values


def read_history(path: Path) -> tuple[list[float], list[float]]:
    """Return the loss and the applied learning rate of each step.

    Raises:
        InputError: history.csv is missing, damaged or empty.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = [(float(row["loss"]), float(row["learning_rate"])) for row in csv.DictReader(file)]
    except (OSError, KeyError, TypeError, ValueError, csv.Error) as error:
        raise InputError(f"{path}: cannot be read ({error}); {RESTORE}") from None
    if not rows:
        raise InputError(f"{path}: holds no steps; {RESTORE}")
    return [loss for loss, _ in rows], [rate for _, rate in rows]
