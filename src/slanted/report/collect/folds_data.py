"""The content of report.json of a cross-validation, from its rows, out_of_fold.csv and the report.json of each fold."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from slanted.report.collect.label_issues import suspects_of
from slanted.report.collect.plot_data import quality_of
from slanted.report.collect.predicted_rows import read_predicted
from slanted.report.collect.report_data import rows_of
from slanted.report.collect.worst_errors import MOST_MISTAKES
from slanted.report.read.checks import FORMAT_VERSION
from slanted.report.read.run_reader import read_data
from slanted.text.labels.numeric_labels import deviations
from slanted.text.labels.targets import Target
from slanted.text.runs import run_folder
from slanted.text.runs.run_data import RunData
from slanted.text.scoring.calibration import Calibration


def folds_data(data: RunData, folder: Path) -> dict[str, Any]:
    """Return the content of report.json of a cross-validation; no model is needed.

    Args:
        data: The rows and their folds.
        folder: The folder of the cross-validation, with out_of_fold.csv and the folds with their report.json.

    Raises:
        InputError: A file is missing or damaged.
    """
    target, places = data.target, [folder / run_folder.fold_name(at) for at in range(len(data.folds))]
    predicted = read_predicted(folder / run_folder.OUT_OF_FOLD, data.train, target, data.numbers)
    each = [read_data(one / run_folder.REPORT_DATA) for one in places]
    return {
        "format_version": FORMAT_VERSION,
        **_last_date(each),
        "rows": rows_of(data),
        "quality": quality_of(predicted, target, Calibration.of(run_folder.read_json(folder / run_folder.RECIPE))),
        "mistakes": surest([one["mistakes"] for one in each], target, data.train.y),
        "suspects": {"held_out": suspects_of([predicted], target)},
    }


def _last_date(folds: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Return the entry `finished`: the last one of the folds, which earlier versions lack."""
    dates = [fold["finished"] for fold in folds if "finished" in fold]
    return {"finished": max(dates).isoformat(timespec="minutes")} if dates else {}


def surest(
    several: Sequence[Sequence[dict[str, Any]]], target: Target, y: np.ndarray, most: int = MOST_MISTAKES
) -> list[dict[str, Any]]:
    """Return the most confident mistakes of all folds; in regression the largest errors.

    Args:
        several: The mistakes in the report.json of each fold.
        target: The target that the models predict.
        y: The true labels of all rows; in regression errors are divided by their standard deviation.
        most: The maximum number of mistakes to return.
    """
    spread = deviations(y) if target.kind == "regression" else []
    units = {name: float(one) for name, one in zip(target.names, spread, strict=False) if one > 0.0}

    def worst(one: Mapping[str, Any]) -> float:
        if target.kind != "regression":
            return one["confidence"]
        return abs(one["predicted"] - one["true"]) / units.get(str(one["target"]), 1.0)

    return sorted((one for mistakes in several for one in mistakes), key=worst, reverse=True)[:most]
