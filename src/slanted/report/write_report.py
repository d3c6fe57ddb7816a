"""report.json and report.html of a run and of a cross-validation: written by `train`, the page by `slanted report`."""

from pathlib import Path
from typing import TYPE_CHECKING

from slanted.common import atomic_files
from slanted.report.collect.folds_data import folds_data
from slanted.report.collect.report_data import report_data
from slanted.report.read.cross_validation_reader import folds_in, is_cross_validation, read_cross_validation
from slanted.report.read.run_reader import read_report
from slanted.report.render.page import page
from slanted.text.runs import run_folder
from slanted.text.runs.run_data import RunData

if TYPE_CHECKING:
    from slanted.text.models.text_model import TextModel
    from slanted.text.training.fine_tuning import Fitting, Trained


def leave_report(folder: Path, data: RunData, fitting: "Fitting", trained: "Trained", model: "TextModel") -> Path:
    """Write report.json and report.html beside a finished run's other files and return where the page is."""
    atomic_files.write_json(folder / run_folder.REPORT_DATA, report_data(data, fitting, trained, model, folder))
    return write_page(folder)


def leave_folds_report(folder: Path, data: RunData) -> Path:
    """Write report.json and report.html beside a finished cross-validation's other files; return where the page is.

    The pages of the folds are written anew: they were made when the folds lay elsewhere.

    Args:
        folder: Holds the folds, each with its report, and out_of_fold.csv.
        data: All rows.

    Raises:
        InputError: A file of the folder is missing or damaged, or it cannot be written to.
    """
    for fold in folds_in(folder):
        if (fold / run_folder.REPORT_DATA).is_file():
            write_page(fold)
    atomic_files.write_json(folder / run_folder.REPORT_DATA, folds_data(data, folder))
    return write_page(folder)


def lacks_folds_report(folder: Path) -> bool:
    """Return whether a folder holds a cross-validation whose folds have reports, and the whole has not all of its."""
    each = is_cross_validation(folder) and all((one / run_folder.REPORT_DATA).is_file() for one in folds_in(folder))
    return each and not all((folder / name).is_file() for name in (run_folder.REPORT_DATA, run_folder.REPORT))


def write_page(folder: Path) -> Path:
    """Write report.html from the files of a run or a cross-validation and return where it is.

    Raises:
        InputError: The folder holds neither, lacks what a report needs, or cannot be written to.
    """
    made = page(read_cross_validation(folder) if is_cross_validation(folder) else read_report(folder))
    with atomic_files.atomic_writer(folder / run_folder.REPORT) as file:
        file.write(made)
    return folder / run_folder.REPORT
