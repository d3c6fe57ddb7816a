"""`slanted train`: reads the data, chooses the machine, trains one run or K folds, prints the result, reports."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from slanted.commands.console import say_folds, say_result
from slanted.errors import InputError
from slanted.runtime import backend_choice
from slanted.runtime.keras_startup import check_installed, start_keras
from slanted.text.pretrained.model_files import locate, most_tokens
from slanted.text.progress.progress import Progress
from slanted.text.runs import resume_check, run_folder
from slanted.text.runs.checkpoints import Checkpoints, Pace
from slanted.text.runs.run_data import DataFiles, RunData, read_data
from slanted.text.settings import Settings

if TYPE_CHECKING:
    from slanted.text.training.train_run import FinishedRun


def train(
    files: DataFiles,
    out: Path,
    settings: Settings,
    overwrite: bool = False,
    progress: Progress | None = None,
    resume: bool = False,
    pace: Pace | None = None,
) -> dict[str, Any]:
    """Train on `files` and leave the run in `out`; return what metrics.json holds.

    Args:
        files: What to read.
        out: The run's folder.
        settings: All else.
        overwrite: Whether a run in `out` is replaced.
        progress: Is told everything.
        resume: Whether a run in `out` goes on, or its result is shown if it is finished; without one it begins.
        pace: How often a checkpoint is written, so that the run can go on.

    Raises:
        InputError: Whatever is wrong with the files, the settings or the folder; `out` is then as it was.
        TrainingFailed: The loss is not finite.
    """
    progress = progress or Progress()
    check_installed("slanted train")
    if resume:
        settings = resume_check.settings_to_go_on(files, out, settings, overwrite)
        if resume_check.is_finished(out) and not overwrite:
            return _result_again(out, progress, files, settings)
    run_folder.check_free(out, overwrite, resume)
    # The sums are of the rows that are then read.
    sums = resume_check.sums_of(files) if resume_check.can_be_read_again(files) else None
    data = replace(read_data(files, settings), sha256=sums)
    most = most_tokens(locate(settings.model))
    if most is not None:
        settings.check_length(most)
    for line in data.summary:
        progress.say(line)
    settings = _on_machine(settings, progress)
    try:
        if data.folds:
            from slanted.text.training.cross_validation import train_folds

            given = (files, data, out, settings, overwrite, progress, resume, pace or Pace())
            return train_folds(*given, finish_fold=_finish, finish=_finish_folds)
        from slanted.text.training.train_run import train_here

        checkpoints = None if data.sha256 is None else Checkpoints(out, pace or Pace())
        more: dict[str, Any] = {"resume": resume, "checkpoints": checkpoints, "finish": _finish}
        return train_here(files, data, out, settings, overwrite, progress, **more)
    finally:
        progress.end()


def _finish(run: "FinishedRun") -> None:
    """Print the result of a run and write its report: where that fails, --resume makes it."""
    from slanted.report.write_report import leave_report

    say_result(run.metrics, run.out, run.progress)
    run.progress.say(f"report: {leave_report(run.out, run.data, run.fitting, run.trained, run.model)}")


def _finish_folds(out: Path, data: RunData, metrics: dict[str, Any], progress: Progress) -> None:
    """Print the result of a cross-validation and write its report: where that fails, --resume makes it."""
    from slanted.report.write_report import leave_folds_report

    say_folds(metrics, out, progress)
    progress.say(f"report: {leave_folds_report(out, data)}")


def _on_machine(settings: Settings, progress: Progress) -> Settings:
    """Return the settings with backend and precision decided, and have Keras use them."""
    choice = backend_choice.choose(settings.backend, settings.precision, progress.say)
    progress.say(f"machine: {choice.why}")
    start_keras(choice.backend)
    return replace(settings, backend=choice.backend, precision=choice.precision)


def _result_again(out: Path, progress: Progress, files: DataFiles, settings: Settings) -> dict[str, Any]:
    """Say and return the result of a finished run; a cross-validation that lacks its report gets it."""
    from slanted.report.write_report import lacks_folds_report, leave_folds_report

    path = out / run_folder.METRICS
    metrics = run_folder.read_json(path)
    progress.say(f"resume: the run in {out} is finished")
    try:
        (say_folds if "folds" in metrics else say_result)(metrics, out, progress)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise InputError(f"{path}: holds no scores of a run ({error!r}); restore the file or train again") from None
    if lacks_folds_report(out):
        try:
            progress.say(f"report: {leave_folds_report(out, read_data(files, settings))}")
        except InputError as error:  # the run is finished whatever becomes of its report
            progress.say(f"report: not made; {error}")
    return metrics
