"""Rows of one file for training, validation and test, as a column says."""

import numpy as np

from slanted.common.messages import shown
from slanted.errors import InputError
from slanted.text.rows.rows import Rows

TRAIN, VALID, TEST = "train", "valid", "test"
_NAMES = {"train": TRAIN, "training": TRAIN, "valid": VALID, "validation": VALID, "dev": VALID, "test": TEST}


def parts_of(rows: Rows) -> dict[str, np.ndarray]:
    """Return the sorted positions of the rows of each part: "train", and "valid" and "test" if there are any.

    Args:
        rows: All rows; without a column `split` all are for training.

    Raises:
        InputError: A cell of the column names no part, or no row is for training.
    """
    cells = rows.names.get("split")
    if cells is None:
        return {TRAIN: np.arange(len(rows))}
    known = {cell: _NAMES.get(cell.strip().casefold()) for cell in set(cells)}
    column = shown(rows.columns.split)
    for row, cell in enumerate(cells):
        if known[cell] is None:
            problem = f"{rows.locations[row]}: --split: column {column} holds {shown(cell)}"
            raise InputError(f"{problem}, not train, valid, validation, dev or test; correct it")
    parts = np.array([known[cell] for cell in cells])
    if TRAIN not in parts:
        raise InputError(f"{rows.source}: --split: column {column} has no row for training; name some 'train'")
    return {part: np.flatnonzero(parts == part) for part in (TRAIN, VALID, TEST) if part in parts}
