"""report.json of a cross-validation: what its page needs and no other file holds, from the rows and out_of_fold.csv."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from slanted.report.collect import rows_of
from slanted.report.folder import read_data
from slanted.report.mistakes import MOST_MISTAKES
from slanted.report.predicted import read_predicted
from slanted.report.quality import quality_of
from slanted.report.suspects import suspects_of
from slanted.text import artefacts
from slanted.text.data import RunData
from slanted.text.numeric import deviations
from slanted.text.targets import Target


def folds_data(data: RunData, folder: Path) -> dict[str, Any]:
    """Return what report.json of a cross-validation holds; no model is needed.

    Args:
        data: All rows, and their folds.
        folder: Holds out_of_fold.csv, and each fold with its report.json.

    Raises:
        InputError: A file is missing or damaged.
    """
    target, places = data.target, [folder / artefacts.fold_name(at) for at in range(len(data.folds))]
    predicted = read_predicted(folder / artefacts.OUT_OF_FOLD, data.train, target, data.numbers)
    each = [read_data(one / artefacts.REPORT_DATA, target.kind, len(target.labels), {"test"}) for one in places]
    return {
        "rows": rows_of(data),
        "quality": quality_of(predicted, target),
        "mistakes": surest([one["mistakes"] for one in each], target, data.train.y),
        "suspects": {"held_out": suspects_of([predicted], target)},
    }


def surest(
    several: Sequence[Sequence[dict[str, Any]]], target: Target, y: np.ndarray, most: int = MOST_MISTAKES
) -> list[dict[str, Any]]:
    """Return the mistakes of all folds that their models are surest of; of numbers the largest errors.

    Args:
        several: The mistakes of each fold, as its report.json has them.
        target: What is predicted.
        y: What is true of all rows; errors are in its deviations.
        most: How many are returned.
    """
    spread = deviations(y) if target.kind == "regression" else []
    units = {name: float(one) for name, one in zip(target.names, spread, strict=False) if one > 0.0}

    def worst(one: Mapping[str, Any]) -> float:
        if target.kind != "regression":
            return one["confidence"]
        return abs(one["predicted"] - one["true"]) / units.get(str(one["target"]), 1.0)

    return sorted((one for mistakes in several for one in mistakes), key=worst, reverse=True)[:most]
