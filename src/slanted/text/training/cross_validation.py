"""`slanted train --folds K`: a cross-validation of K ordinary runs, its scores, and the rows predicted out of fold.

    fold_1/ ... fold_K/    each a complete run; its test scores are of the rows it holds out
    recipe.json            repeats the whole
    labels.json            as of any run; with several labels the means of the folds' thresholds
    out_of_fold.csv        every training row, predicted by the one model that has not seen it; `row` counts from 0 the
                           rows of the input, skipped ones too, and goes on from one file to the next
    metrics.json           mean and deviation of each score over the folds, and the scores of out_of_fold.csv
    predictions.csv        where there is a test file: the mean of all models
    report.html            the whole in pictures, which leads to the page of each fold; report.json: what it needs

No score of a fold is chosen by: its epoch and its thresholds come from validation rows apart (`fold_rows`).
"""

from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import keras

from slanted.common import atomic_files
from slanted.runtime.random_state import kept_random_state
from slanted.text.models.fold_ensemble import FoldedModel, StoredFolds
from slanted.text.models.predictions_csv import write_predictions
from slanted.text.progress.progress import Progress, fold_title, shown_as_fold
from slanted.text.runs import run_folder
from slanted.text.runs.checkpoints import FOLDER as CHECKPOINTS
from slanted.text.runs.checkpoints import Checkpoints, Pace, fold_folder, steps_of
from slanted.text.runs.resume_check import StartedWith, is_finished
from slanted.text.runs.run_data import DataFiles, RunData
from slanted.text.runs.saved_run import read_run
from slanted.text.scoring.headline import headline
from slanted.text.scoring.metrics import score_predictions
from slanted.text.settings import Settings
from slanted.text.training.fold_metrics import fold_metrics
from slanted.text.training.train_run import Finish, baselines_of, train_here

Metrics = dict[str, Any]
FinishFolds = Callable[[Path, RunData, Metrics, Progress], None]


@kept_random_state()
def train_folds(
    files: DataFiles,
    data: RunData,
    out: Path,
    settings: Settings,
    overwrite: bool,
    progress: Progress,
    resume: bool = False,
    pace: Pace | None = None,
    finish_fold: Finish | None = None,
    finish: FinishFolds | None = None,
) -> Metrics:
    """Train every fold of `data` and leave all of them in `out`; return what metrics.json holds.

    Args:
        files: Where the data comes from.
        data: The rows and their folds.
        out: The folder.
        settings: With backend and precision decided.
        overwrite: Whether a run in `out` is replaced.
        progress: Is told everything.
        resume: Whether the folds that `out` holds finished are taken as they are, and one that is not goes on.
        pace: How often a checkpoint is written; None: never, and a fold is finished or begins anew.
        finish_fold: Is called once a fold is safe in its folder.
        finish: Is called with the folder, the rows, the metrics and `progress` once all is safe in the folder.

    Raises:
        InputError: The folder is another's or cannot be written to.
        TrainingFailed: The loss of a fold is not finite.
    """
    folds = range(len(data.folds))
    with run_folder.held(out, overwrite, resume):
        with run_folder.replaced(out, CHECKPOINTS) as work:  # a process that dies at any time loses nothing of it
            more: Metrics = {"files": asdict(files), "columns": asdict(data.columns)}
            if data.sha256 is not None:
                started_with = StartedWith.of(files, settings, data.sha256)
                started_with.write(out)
                more["sha256"] = started_with.sha256
            behind = sum(_steps_behind(fold_folder(out, at)) for at in folds)
            runs = [
                train_fold(files, data, fold_folder(out, at), at, settings, progress, pace, finish_fold) for at in folds
            ]
            atomic_files.write_json(work / run_folder.RECIPE, {**settings.to_dict(), **more})
            model = StoredFolds(read_run(work))
            model.write_labels(work)
            metrics = fold_metrics(data, settings, runs, behind or None)
            metrics["out_of_fold"] = _predict_held_rows(data, settings, model, work)
            if data.test is not None:
                metrics |= _predict_test(data, settings, model, work)
            data.bad_rows.write(work / run_folder.BAD_ROWS)
            atomic_files.write_json(work / run_folder.METRICS, metrics)
        progress.result(metrics)
        if finish is not None:
            finish(out, data, metrics, progress)
    return metrics


def train_fold(
    files: DataFiles,
    data: RunData,
    folder: Path,
    number: int,
    settings: Settings,
    progress: Progress,
    pace: Pace | None,
    finish: Finish | None = None,
) -> Metrics:
    """Train one fold into its folder, from where that has come to if it holds its run; return its metrics.json.

    Args:
        files: Where the data comes from.
        data: The rows and their folds.
        folder: Of this fold's run.
        number: Of the fold, from 0.
        settings: Of the whole.
        progress: Is told everything.
        pace: How often a checkpoint is written, or None.
        finish: Is called once the fold is safe in its folder.
    """
    if is_finished(folder):
        return run_folder.read_json(folder / run_folder.METRICS)
    keras.backend.clear_session()  # the model before is let go, and layers are named as in a process of its own
    title = fold_title(number, len(data.folds))
    shown = shown_as_fold(progress, number, len(data.folds))
    checkpoints = Checkpoints(folder, pace) if pace and data.sha256 is not None else None
    own, rows = replace(settings, folds=0), data.of_fold(data.folds[number])
    try:
        more: dict[str, Any] = {"resume": True, "checkpoints": checkpoints, "finish": finish}
        metrics = train_here(files, rows, folder, own, False, shown, **more)
    finally:
        shown.end()
    kept = f"kept epoch {metrics['kept_epoch']} of {metrics['epochs']}"
    progress.say(f"{title}: held-out rows: {headline(metrics['test'], metrics['task'])}; {kept}")
    return metrics


def _steps_behind(folder: Path) -> int:
    """Return how many steps of a fold were trained before this process."""
    if (folder / run_folder.METRICS).is_file():
        return run_folder.read_json(folder / run_folder.METRICS)["total_steps"]
    return max(steps_of(folder), default=0)


def _predict_held_rows(data: RunData, settings: Settings, model: FoldedModel, folder: Path) -> Metrics:
    """Write out_of_fold.csv and return its scores: every row's labels by its own fold's thresholds."""
    predicted, cuts = model.predict_held(data.train, data.folds)
    write_predictions(folder / run_folder.OUT_OF_FOLD, data.target, predicted, cuts, data.numbers)
    return score_predictions(data.target, data.train.y, predicted, settings.positive, cuts)


def _predict_test(data: RunData, settings: Settings, model: FoldedModel, folder: Path) -> Metrics:
    """Write predictions.csv and return the scores of the test rows, and the baselines' of all training rows."""
    assert data.test is not None
    predicted = model.predict(data.test.texts, data.test.texts_b)
    write_predictions(folder / run_folder.PREDICTIONS, data.target, predicted, model.cuts)
    scores = score_predictions(data.target, data.test.y, predicted, settings.positive, model.cuts)
    return {"test": scores, "baselines": baselines_of(data, data.test, settings)}
