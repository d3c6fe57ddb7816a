"""Readers of what a run leaves, which say in one line what is wrong with a file."""

import csv
from pathlib import Path
from types import UnionType
from typing import Any

from slanted.errors import InputError
from slanted.text.runs import run_folder

RESTORE = "restore the file or train again"


def read_object(path: Path, **kinds: type | UnionType) -> dict[str, Any]:
    """Return what a run's JSON file holds: an object with entries of these kinds.

    Args:
        path: The file.
        kinds: The type of each entry that it must have.

    Raises:
        InputError: The file is missing, holds no JSON, no object, or lacks an entry.
    """
    held = run_folder.read_json(path)
    if not isinstance(held, dict):
        raise InputError(f"{path}: holds no JSON object; {RESTORE}")
    wrong = [name for name, kind in kinds.items() if not isinstance(held.get(name), kind)]
    if wrong:
        raise InputError(f"{path}: does not say {wrong[0]!r} as a run's does; {RESTORE}")
    return held


def read_history(path: Path) -> tuple[list[float], list[float]]:
    """Return the loss and the curve's rate at each step, of which there is one at least.

    Raises:
        InputError: history.csv is missing or broken.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = [(float(row["loss"]), float(row["learning_rate"])) for row in csv.DictReader(file)]
    except (OSError, KeyError, TypeError, ValueError, csv.Error) as error:
        raise InputError(f"{path}: cannot be read ({error}); {RESTORE}") from None
    if not rows:
        raise InputError(f"{path}: holds no steps; {RESTORE}")
    return [loss for loss, _ in rows], [rate for _, rate in rows]
