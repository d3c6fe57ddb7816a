"""Readers of a run's JSON objects and history.csv, with one line for each error."""

import csv
import io
from pathlib import Path
from types import UnionType
from typing import Any

import numpy as np

from slanted.common.regular_files import read_regular
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


def read_history(path: Path) -> np.ndarray:
    """Return step, epoch, loss and learning rate of every step, float64 (steps, 4).

    Raises:
        InputError: The file is missing or damaged.
    """
    try:
        lines = io.StringIO(read_regular(path).decode("utf-8"), newline="")
        rows = np.array(list(csv.reader(lines))[1:], "float64")
    except (OSError, ValueError, csv.Error) as error:
        raise InputError(f"{path}: cannot be read ({error}); {RESTORE}") from None
    if rows.ndim != 2 or rows.shape[1] != len(run_folder.HISTORY_COLUMNS):
        raise InputError(f"{path}: has no steps; {RESTORE}")
    if not np.isfinite(rows).all():
        raise InputError(f"{path}: a value is not a finite number; {RESTORE}")
    return rows
