"""`slanted train --folds K`: K-fold cross-validation.

The folder of a cross-validation contains

    fold_1/ ... fold_K/    the run of each fold; its test scores are those of its held-out rows
    recipe.json            all settings, to repeat the cross-validation
    labels.json            as for a run; in multi-label classification with the mean thresholds of the folds
    out_of_fold.csv        a prediction for every training row by the one model that was not trained on it; `row` counts
                           the rows of all input files from 0, skipped rows included; `fold` is the row's fold, from 1
    metrics.json           mean and deviation of each score over the folds, and the scores of out_of_fold.csv
    predictions.csv        if there is a test file: the mean prediction of all models
    report.html            the report, with links to the reports of the folds; report.json has its data

The held-out rows of a fold select nothing: epoch and thresholds are selected on separate validation rows (`fold_rows`).
Once all folds are trained, one temperature is fitted on all held-out rows, and the model of each fold is replaced by
the same one, calibrated. A temperature is one number for all rows: theirs are hardly fitted to it.
"""

import shutil
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np

from slanted.common import atomic_files
from slanted.runtime.memory import release
from slanted.runtime.random_state import preserved_random_state
from slanted.text.models.fold_ensemble import DiskEnsemble, FoldEnsemble
from slanted.text.models.predictions_csv import FOLD, Layout, write_predictions
from slanted.text.models.text_model import TextModel
from slanted.text.progress.progress import Progress, fold_title, shown_as_fold
from slanted.text.runs import run_folder
from slanted.text.runs.artefacts import SUMS, sums_in
from slanted.text.runs.checkpoints import FOLDER as CHECKPOINTS
from slanted.text.runs.resume_check import DECIDED, StartedWith, with_settled
from slanted.text.runs.run_data import RunData
from slanted.text.runs.run_folder import RunFolder
from slanted.text.runs.run_request import RunRequest
from slanted.text.runs.saved_run import read_run
from slanted.text.runs.starting_model import model_sums, require_unchanged_model
from slanted.text.scoring.calibration import CALIBRATION, Calibration
from slanted.text.scoring.headline import headline
from slanted.text.scoring.intervals import TEST_INTERVALS
from slanted.text.scoring.metrics import score_predictions
from slanted.text.settings import Settings
from slanted.text.training.fold_metrics import fold_metrics
from slanted.text.training.frozen_encoder import frozen_encoder
from slanted.text.training.train_run import Finish, baselines_of, scores_of, train_here

Metrics = dict[str, Any]
KEPT = (run_folder.HISTORY, run_folder.BAD_ROWS, run_folder.REPORT, run_folder.REPORT_DATA)
FinishFolds = Callable[[Path, RunData, Metrics, Progress], None]
Recollect = Callable[[Path, RunData, TextModel], None]


@preserved_random_state()
def train_folds(
    request: RunRequest,
    data: RunData,
    progress: Progress,
    *,
    finish_fold: Finish | None = None,
    recollect: Recollect | None = None,
    finish: FinishFolds | None = None,
) -> Metrics:
    """Train every fold of `data`, write the cross-validation to its folder, and return the content of metrics.json.

    Finished folds in the folder are not trained again; an unfinished fold continues from its last checkpoint, or is
    trained again if it has none.

    Args:
        request: The files, the settings, with backend and precision chosen, and the folder.
        data: The rows and their folds.
        progress: Receives every message and event.
        finish_fold: Called once the files of a fold are in its folder.
        recollect: Called with a folder that has the files of a fold, its rows and its calibrated model, to collect
            again what the report shows of its predictions.
        finish: Called with the folder, the rows, the metrics and `progress` once all files are in the folder.

    Raises:
        InputError: The folder cannot be used or written to, or the model was changed between two folds.
        TrainingFailed: The loss of a fold is not finite.
    """
    settings, folds = request.settings, range(len(data.folds))
    with request.folder.lock():
        with request.folder.replace(CHECKPOINTS) as work:  # finished folds survive if the process is killed
            repeat: Metrics = {"files": asdict(request.files), "columns": asdict(data.columns)}
            repeat[DECIDED] = list(request.decided)
            if data.sha256 is not None:
                started_with = StartedWith.of(request.files, settings, data.sha256)
                started_with = replace(started_with, decided=list(request.decided))
                started_with.write(request.out)
                repeat["sha256"] = started_with.sha256
            of_model = repeat["sha256"]["model"] if "sha256" in repeat else model_sums(settings.model)
            request = replace(request, model_sums=of_model)
            steps_before = sum(request.folder.fold(at).steps_done for at in folds)
            runs = []
            for at in folds:
                runs.append(train_fold(request.of_fold(at), data, at, progress, finish_fold))
                request = request.with_settings(with_settled(settings, request.folder.fold(0)))
            settings = request.settings
            atomic_files.write_json(work / run_folder.RECIPE, {**settings.to_dict(), **repeat})
            calibration = _calibrate(request, data, DiskEnsemble(read_run(work)), recollect)
            if calibration is not None:
                repeat[CALIBRATION] = calibration.to_dict()
                atomic_files.write_json(work / run_folder.RECIPE, {**settings.to_dict(), **repeat})
                runs = [request.folder.fold(at).metrics() for at in folds]
                progress.say(str(calibration))
            model = DiskEnsemble(read_run(work))
            model.write_labels(work)
            recipe = {**settings.to_dict(), **repeat, SUMS: sums_in(work)}
            atomic_files.write_json(work / run_folder.RECIPE, recipe)
            metrics = fold_metrics(data, settings, runs, steps_before or None)
            metrics |= {CALIBRATION: repeat[CALIBRATION]} if calibration is not None else {}
            if request.expected is not None:
                metrics |= request.expected.facts()
            metrics["out_of_fold"] = _predict_out_of_fold(data, settings, model, work)
            if data.test is not None:
                metrics |= _predict_test(data, settings, model, work)
                require_unchanged_model(settings.model, of_model)  # which a baseline has read again
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
        request: The request of this fold.
        data: The rows and their folds.
        number: The number of the fold, from 0.
        progress: Receives every message and event.
        finish: Called once the files of the fold are in its folder.
    """
    run_folder.settle(request.out)
    if request.folder.state.is_finished:
        return request.folder.metrics()
    request = request.with_settings(with_settled(request.settings, request.folder))
    keras.backend.clear_session()  # frees the previous model, and restarts the numbering of layer names
    title = fold_title(number, len(data.folds))
    shown = shown_as_fold(progress, number, len(data.folds))
    try:
        metrics = train_here(request, data.of_fold(data.folds[number]), shown, finish=finish)
    finally:
        shown.end()
    epoch = f"saved epoch {metrics['kept_epoch']} of {metrics['epochs']}"
    progress.say(f"{title}: held-out rows: {headline(metrics['test'], metrics['task'])}; {epoch}")
    return metrics


def _calibrate(
    request: RunRequest, data: RunData, model: FoldEnsemble, recollect: Recollect | None
) -> Calibration | None:
    """Calibrate the models of all folds with one temperature, and return it; None if the run has no calibration.

    A process that was killed meanwhile has calibrated some folds: the others then get the same temperature.
    """
    before = [read_run(request.folder.fold(at).path).calibration for at in range(len(data.folds))]
    how = next(filter(None, before), None) or model.fit_calibration(data.train, data.folds)
    if how is None:
        return None
    for at in [at for at, done in enumerate(before) if done is None]:
        _calibrate_fold(request.folder.fold(at).path, data.of_fold(data.folds[at]), how, recollect)
    return how


def _calibrate_fold(folder: Path, data: RunData, how: Calibration, recollect: Recollect | None) -> None:
    """Replace the run of a fold by the same one with a calibrated model, its scores and predictions."""
    assert data.test is not None
    metrics, recipe = RunFolder(folder).metrics(), run_folder.read_json(folder / run_folder.RECIPE)
    with RunFolder(folder, overwrite=True).claim() as new:
        model = TextModel.load(folder)
        model.calibrate(how)
        both = model.predict_both(data.test.texts, data.test.texts_b)
        metrics |= {CALIBRATION: how.to_dict(), **scores_of(model, data, both)}
        with atomic_files.disk_errors(folder):
            for name in KEPT:
                if (folder / name).is_file():
                    shutil.copyfile(folder / name, new / name)
            model.save(new, {key: value for key, value in recipe.items() if key not in (CALIBRATION, SUMS)})
        write_predictions(new / run_folder.PREDICTIONS, data.target, both[0], model.decision_thresholds)
        if recollect is not None:
            recollect(new, data, model)
        atomic_files.write_json(new / run_folder.METRICS, metrics)
        release(model.classifier.variables)


def _predict_out_of_fold(data: RunData, settings: Settings, model: FoldEnsemble, folder: Path) -> Metrics:
    """Write out_of_fold.csv and return its scores; labels are decided by the thresholds of each row's fold."""
    predicted, thresholds = model.predict_out_of_fold(data.train, data.folds)
    before = predicted if model.calibration is None else model.calibration.undone(data.target.kind, predicted)
    numbers = np.zeros(len(data.train), np.int64)
    for number, fold in enumerate(data.folds, start=1):
        numbers[fold.test] = number
    layout = Layout(data.numbers, {FOLD: numbers})
    write_predictions(folder / run_folder.OUT_OF_FOLD, data.target, predicted, thresholds, layout)
    return score_predictions(data.target, data.train.y, predicted, settings.positive, thresholds, before)


def _predict_test(data: RunData, settings: Settings, model: FoldEnsemble, folder: Path) -> Metrics:
    """Write predictions.csv; return the test scores, and those of baselines trained on all training rows."""
    assert data.test is not None
    predicted, before = model.predict_both(data.test.texts, data.test.texts_b)
    write_predictions(folder / run_folder.PREDICTIONS, data.target, predicted, model.decision_thresholds)
    scores = model.score(data.test, (predicted, before))
    frozen = frozen_encoder(data.target, data.train, settings).scores(data.test)
    intervals = model.intervals(data.test, predicted)
    more = {TEST_INTERVALS: intervals} if intervals else {}
    return {"test": scores, **more, "baselines": {**baselines_of(data, data.test, settings), **frozen}}
