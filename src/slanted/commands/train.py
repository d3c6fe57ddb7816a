"""`slanted train`: read the data, choose the backend, train one run or K folds, print the result, write the report."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from slanted.commands.console import say_folds, say_result, start_on_machine
from slanted.common.messages import plural
from slanted.errors import InputError
from slanted.runtime.keras_startup import check_installed
from slanted.text.formats.input_paths import require_apart
from slanted.text.progress.progress import Progress
from slanted.text.runs import resume_check, run_folder
from slanted.text.runs.artefacts import identity
from slanted.text.runs.run_data import DataFiles, RunData, read_data
from slanted.text.runs.run_folder import RunFolder
from slanted.text.runs.run_request import RunRequest
from slanted.text.runs.starting_model import model_sums
from slanted.text.training.workload import run_work

if TYPE_CHECKING:
    from slanted.text.models.text_model import TextModel
    from slanted.text.training.train_run import FinishedRun

FEW_VALIDATED = 100  # rows: of as many, an accuracy of 80 % has a 95 % interval of 8 points to either side


def train(request: RunRequest, progress: Progress | None = None) -> dict[str, Any]:
    """Train a run or a cross-validation, write its folder, and return the content of metrics.json.

    Args:
        request: The files, the settings and the folder. With `resume` an unfinished run in the folder is continued, and
            the result of a finished run is printed.
        progress: Receives every message and event; None: printed on standard output.

    Raises:
        InputError: The files, the settings or the folder are invalid; the folder is not changed.
        TrainingFailed: The loss is not finite.
    """
    progress, folder = progress or Progress(), request.folder
    check_installed("slanted train")
    run_folder.settle(folder.path)
    request = replace(request, decided=request.settings.undecided)
    if folder.resume:
        request = request.with_settings(resume_check.settings_to_resume(request))
        if folder.state.is_finished and not folder.overwrite:
            return _result_again(request, progress)
    folder.require_writable()
    require_apart("--out", folder.path, resume_check.paths_read(request.files, request.settings.model))
    data = resume_check.read_unchanged(request.files, request.settings)
    for line in data.summary:
        progress.say(line)
    settings = replace(request.settings, valid_share=data.valid_share)
    work = None if folder.resume else run_work(data, settings)
    settings, expected = start_on_machine(settings, progress, work)
    of_model = None if data.sha256 is None else model_sums(settings.model)
    request = replace(request.with_settings(settings), expected=expected, model_sums=of_model)
    try:
        if data.folds:
            from slanted.text.training.cross_validation import train_folds

            return train_folds(request, data, progress, finish_fold=_finish, recollect=_recollect, finish=_finish_folds)
        from slanted.text.training.train_run import train_here

        return train_here(request, data, progress, finish=_finish)
    finally:
        progress.end()


def _finish(finished: "FinishedRun") -> None:
    """Print the result of a run and write its report; if writing fails, --resume writes it."""
    from slanted.report.write_report import write_report

    say_result(finished.metrics, finished.out, finished.progress)
    valid = finished.data.valid
    if finished.data.test is None and valid is not None and len(valid) < FEW_VALIDATED:
        few = f"note: only {plural(len(valid), 'row')} validated, too few to rely on"
        more = "--folds 5 scores every row by a model that has not seen it, in about 5 times the time"
        finished.progress.say(f"{few}; {more}")
    finished.progress.say(f"report: {write_report(finished)}")


def _recollect(fold: Path, data: RunData, model: "TextModel") -> None:
    """Collect again what the report of a fold shows of its predictions, now that its model is calibrated."""
    from slanted.report.write_report import collect_predictions

    collect_predictions(fold, data, model)


def _finish_folds(out: Path, data: RunData, metrics: dict[str, Any], progress: Progress) -> None:
    """Print the result of a cross-validation and write its report; if writing fails, --resume writes it."""
    from slanted.report.write_report import write_folds_report

    say_folds(metrics, out, progress)
    progress.say(f"report: {write_folds_report(out, data)}")


def _result_again(request: RunRequest, progress: Progress) -> dict[str, Any]:
    """Print and return the result of a finished run; write the report of a cross-validation if it is missing."""
    from slanted.report.write_report import lacks_folds_report, write_folds_report

    out, metrics = request.out, request.folder.metrics()
    progress.say(f"resume: the run in {out} is finished")
    try:
        (say_folds if "folds" in metrics else say_result)(metrics, out, progress)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        path = out / run_folder.METRICS
        raise InputError(f"{path}: has no scores of a run ({error!r}); restore the file or train again") from None
    if lacks_folds_report(out):
        try:
            data = read_data(request.files, request.settings)
            progress.say(f"report: {write_folds_report(out, data)}")
        except InputError as error:  # the run is finished, with or without its report
            progress.say(f"report: not written; {error}")
    return metrics


@dataclass(frozen=True)
class RunBefore:
    """The run that a folder contained when a command began, for the message after SIGINT or SIGTERM.

    Args:
        out: The folder.
        files: The data files of the command.
    """

    out: Path
    files: DataFiles
    identity: tuple[int, int] | None = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "identity", identity(self.out))

    def what_survives(self) -> str:
        """Return the message that says what survives after SIGINT or SIGTERM."""
        progress, run = RunFolder(self.out).state.progress, identity(self.out)
        if run is not None and run != self.identity:
            return f"the run in {self.out} is finished{self._report_missing(bool(progress))}"
        if progress:
            return f"{progress} is saved; to continue, add --resume to the command"
        return "nothing was saved" if run is None else f"nothing was saved; the earlier run in {self.out} is unchanged"

    def _report_missing(self, unfinished: bool) -> str:
        """Return the part of that message about a missing report."""
        from slanted.report.write_report import lacks_folds_report

        lacks = lacks_folds_report(self.out)
        try:
            can_resume = unfinished or (lacks and resume_check.can_be_read_again(self.files))
        except InputError:  # a file was deleted meanwhile
            can_resume = False
        if can_resume:
            return ", except its report; to write it, add --resume to the command"
        return ", except its report, which needs the rows again" if lacks else ""
