"""Write report.json, report.html and README.md of a run or a cross-validation; `slanted report` only the last two."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from slanted.common import atomic_files
from slanted.report.collect.folds_data import folds_data
from slanted.report.collect.report_data import predictions_of, report_data
from slanted.report.read.cross_validation_reader import folds_in, is_cross_validation, read_cross_validation
from slanted.report.read.run_reader import read_report
from slanted.report.render.model_card import model_card
from slanted.report.render.page import page
from slanted.text.runs import run_folder
from slanted.text.runs.artefacts import CARD, is_card
from slanted.text.runs.run_data import RunData

if TYPE_CHECKING:
    from slanted.text.models.text_model import TextModel
    from slanted.text.training.train_run import FinishedRun


def write_report(finished: "FinishedRun") -> Path:
    """Write report.json and report.html of a finished run and return the path of the page.

    Raises:
        InputError: A file of the folder is missing or damaged, or it cannot be written to.
    """
    content = report_data(finished.data, finished.run, finished.result, finished.model, finished.out)
    atomic_files.write_json(finished.out / run_folder.REPORT_DATA, content)
    return write_page(finished.out)


def collect_predictions(folder: Path, data: RunData, model: "TextModel") -> None:
    """Write again what report.json says of the predictions of a run, if there is one.

    Args:
        folder: The folder, with recipe.json, history.csv, report.json and predictions.csv.
        data: The rows of the run.
        model: The trained model, which has changed.
    """
    path = folder / run_folder.REPORT_DATA
    if path.is_file():
        settings = model.settings
        predictions = predictions_of(data, settings.recipe.least_epochs, settings.seed, model, folder)
        before = run_folder.read_json(path)
        before.pop("mistakes_left_out", None)
        atomic_files.write_json(path, {**before, **predictions})


def write_folds_report(folder: Path, data: RunData) -> Path:
    """Write report.json and report.html of a finished cross-validation and return the path of the page.

    The pages of the folds are written again, because they name the folder that they were first written to.

    Args:
        folder: The folder of the cross-validation: the folds, each with its report, and out_of_fold.csv.
        data: The rows of all folds.

    Raises:
        InputError: A file of the folder is missing or damaged, or it cannot be written to.
    """
    for fold in folds_in(folder):
        if (fold / run_folder.REPORT_DATA).is_file() and not fold.is_symlink():
            write_page(fold)
    atomic_files.write_json(folder / run_folder.REPORT_DATA, folds_data(data, folder))
    return write_page(folder)


def lacks_folds_report(folder: Path) -> bool:
    """Return whether all folds of a cross-validation in `folder` have reports, but it has none itself."""
    of_folds = is_cross_validation(folder) and all((one / run_folder.REPORT_DATA).is_file() for one in folds_in(folder))
    return of_folds and not all((folder / name).is_file() for name in (run_folder.REPORT_DATA, run_folder.REPORT))


def write_page(folder: Path) -> Path:
    """Write report.html and README.md from the files of a run or a cross-validation and return the path of the first.

    A README.md that slanted did not write stays.

    Raises:
        InputError: A file that the report needs is missing or damaged, or the folder cannot be written to.
    """
    run_folder.settle(folder)
    report = read_cross_validation(folder) if is_cross_validation(folder) else read_report(folder)
    texts, card = {run_folder.REPORT: page(report)}, folder / CARD
    if is_card(card) or not os.path.lexists(card):
        texts[CARD] = model_card(report)
    for name, text in texts.items():
        with atomic_files.atomic_writer(folder / name) as file:
            file.write(text)
    return folder / run_folder.REPORT
