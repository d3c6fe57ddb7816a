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
from dataclasses import asdict
from pathlib import Path
from typing import Any

import keras

from slanted.common import atomic_files
from slanted.runtime.random_state import preserved_random_state
from slanted.text.models.fold_ensemble import DiskEnsemble, FoldEnsemble
from slanted.text.models.predictions_csv import write_predictions
from slanted.text.progress.progress import Progress, fold_title, shown_as_fold
from slanted.text.runs import run_folder
from slanted.text.runs.checkpoints import FOLDER as CHECKPOINTS
from slanted.text.runs.resume_check import StartedWith
from slanted.text.runs.run_data import RunData
from slanted.text.runs.run_request import RunRequest
from slanted.text.runs.saved_run import read_run
from slanted.text.scoring.headline import headline
from slanted.text.scoring.metrics import score_predictions
from slanted.text.settings import Settings
from slanted.text.training.fold_metrics import fold_metrics
from slanted.text.training.train_run import Finish, baselines_of, train_here

Metrics = dict[str, Any]
FinishFolds = Callable[[Path, RunData, Metrics, Progress], None]


@preserved_random_state()
def train_folds(
    request: RunRequest,
    data: RunData,
    progress: Progress,
    *,
    finish_fold: Finish | None = None,
    finish: FinishFolds | None = None,
) -> Metrics:
    """Train every fold of `data`, write all of them to the request's folder and return the content of metrics.json.

    Finished folds in the folder are used as they are; an unfinished one is continued from its last checkpoint, or
    trained again where none is written.

    Args:
        request: What is asked for, with backend and precision decided.
        data: The rows and their folds.
        progress: Receives every message and event.
        finish_fold: Is called once a fold is safe in its folder.
        finish: Is called with the folder, the rows, the metrics and `progress` once all is safe in the folder.

    Raises:
        InputError: The folder cannot be used or written to.
        TrainingFailed: The loss of a fold is not finite.
    """
    settings, folds = request.settings, range(len(data.folds))
    with request.folder.lock():
        with request.folder.replace(CHECKPOINTS) as work:  # a process that dies at any time loses nothing of it
            repeat: Metrics = {"files": asdict(request.files), "columns": asdict(data.columns)}
            if data.sha256 is not None:
                started_with = StartedWith.of(request.files, settings, data.sha256)
                started_with.write(request.out)
                repeat["sha256"] = started_with.sha256
            steps_before = sum(request.folder.fold(at).steps_done for at in folds)
            runs = [train_fold(request.of_fold(at), data, at, progress, finish_fold) for at in folds]
            atomic_files.write_json(work / run_folder.RECIPE, {**settings.to_dict(), **repeat})
            model = DiskEnsemble(read_run(work))
            model.write_labels(work)
            metrics = fold_metrics(data, settings, runs, steps_before or None)
            metrics["out_of_fold"] = _predict_held_rows(data, settings, model, work)
            if data.test is not None:
                metrics |= _predict_test(data, settings, model, work)
            data.bad_rows.write(work / run_folder.BAD_ROWS)
            atomic_files.write_json(work / run_folder.METRICS, metrics)
        progress.result(metrics)
        if finish is not None:
            finish(request.out, data, metrics, progress)
    return metrics


def train_fold(
    request: RunRequest, data: RunData, number: int, progress: Progress, finish: Finish | None = None
) -> Metrics:
    """Train one fold, from its last checkpoint if it has one, and return the content of its metrics.json.

    Args:
        request: Of this fold.
        data: The rows and their folds.
        number: Of the fold, from 0.
        progress: Receives every message and event.
        finish: Is called once the fold is safe in its folder.
    """
    if request.folder.state.is_finished:
        return request.folder.metrics()
    keras.backend.clear_session()  # frees the model before, and names layers as a process of its own would
    title = fold_title(number, len(data.folds))
    shown = shown_as_fold(progress, number, len(data.folds))
    try:
        metrics = train_here(request, data.of_fold(data.folds[number]), shown, finish=finish)
    finally:
        shown.end()
    epoch = f"saved epoch {metrics['kept_epoch']} of {metrics['epochs']}"
    progress.say(f"{title}: held-out rows: {headline(metrics['test'], metrics['task'])}; {epoch}")
    return metrics


def _predict_held_rows(data: RunData, settings: Settings, model: FoldEnsemble, folder: Path) -> Metrics:
    """Write out_of_fold.csv and return its scores: every row's labels by its own fold's thresholds."""
    predicted, thresholds = model.predict_out_of_fold(data.train, data.folds)
    write_predictions(folder / run_folder.OUT_OF_FOLD, data.target, predicted, thresholds, data.numbers)
    return score_predictions(data.target, data.train.y, predicted, settings.positive, thresholds)


def _predict_test(data: RunData, settings: Settings, model: FoldEnsemble, folder: Path) -> Metrics:
    """Write predictions.csv and return the scores of the test rows, and the baselines' of all training rows."""
    assert data.test is not None
    predicted = model.predict(data.test.texts, data.test.texts_b)
    write_predictions(folder / run_folder.PREDICTIONS, data.target, predicted, model.decision_thresholds)
    scores = score_predictions(data.target, data.test.y, predicted, settings.positive, model.decision_thresholds)
    return {"test": scores, "baselines": baselines_of(data, data.test, settings)}
