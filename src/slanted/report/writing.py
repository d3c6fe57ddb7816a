"""report.json and report.html of a run: written at the end of `train`, and the page again by `slanted report`."""

from pathlib import Path
from typing import TYPE_CHECKING

from slanted.report.collect import report_data
from slanted.report.folder import read_report
from slanted.report.page import page
from slanted.text import artefacts
from slanted.text.data import RunData

if TYPE_CHECKING:
    from slanted.text.model import TextModel
    from slanted.text.training import Fitting, Trained


def leave_report(folder: Path, data: RunData, fitting: "Fitting", trained: "Trained", model: "TextModel") -> Path:
    """Write report.json and report.html beside a finished run's other files and return where the page is."""
    artefacts.write_json(folder / artefacts.REPORT_DATA, report_data(data, fitting, trained, model, folder))
    return write_page(folder)


def write_page(folder: Path) -> Path:
    """Write report.html from a run's files and return where it is.

    Raises:
        InputError: The folder holds no run, lacks what a report needs, or cannot be written to.
    """
    made = page(read_report(folder))
    with artefacts.written_whole(folder / artefacts.REPORT) as file:
        file.write(made)
    return folder / artefacts.REPORT
