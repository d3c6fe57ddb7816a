"""Train one run and write its folder: the model, its scores, and all settings needed to repeat the run."""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from slanted.common import atomic_files
from slanted.errors import TrainingFailed
from slanted.runtime.memory import release
from slanted.runtime.random_state import preserved_random_state
from slanted.text.labels.examples import Examples
from slanted.text.labels.splits import split_validation
from slanted.text.models.predictions_csv import write_predictions
from slanted.text.models.text_model import TextModel
from slanted.text.progress.jsonl import LiveFile
from slanted.text.progress.progress import Progress
from slanted.text.runs import resume_check, run_folder
from slanted.text.runs.checkpoints import steps_of
from slanted.text.runs.run_data import RunData
from slanted.text.runs.run_request import RunRequest
from slanted.text.runs.starting_model import require_unchanged_model
from slanted.text.scoring.baselines import baseline_scores
from slanted.text.scoring.calibration import CALIBRATION, FROM_SPLIT, SPLIT_SHARE, Calibration, needs_second_model
from slanted.text.scoring.intervals import TEST_INTERVALS
from slanted.text.settings import Settings
from slanted.text.training.fine_tuning import FineTuningRun, TrainingResult, recipe_lines

Baselines = Callable[[RunData, Examples, Settings], dict[str, Any]]


@dataclass(frozen=True)
class FinishedRun:
    """A run whose files are all in its folder, which is still locked.

    Attributes:
        out: The folder.
        data: The rows.
        run: The run: model, batches, curve and plan.
        result: Its history and its saved epoch.
        model: The trained model.
        metrics: The content of metrics.json.
        progress: Receives every message and event.
    """

    out: Path
    data: RunData
    run: FineTuningRun
    result: TrainingResult
    model: TextModel
    metrics: dict[str, Any]
    progress: Progress


Finish = Callable[[FinishedRun], None]


def baselines_of(data: RunData, scored: Examples, settings: Settings) -> dict[str, Any]:
    """Return the scores on `scored` of the majority baseline and of TF-IDF with a linear model, by name."""
    splits = [data.of_fold(fold) for fold in data.folds] or [data]
    choosing = [(split.train, split.valid) for split in splits if split.valid is not None]
    return baseline_scores(data.train, scored, data.target, settings.positive, choosing)


@preserved_random_state()  # for the calling program
def train_here(
    request: RunRequest,
    data: RunData,
    progress: Progress,
    *,
    keep_model: bool = True,
    baselines: Baselines = baselines_of,
    finish: Finish | None = None,
) -> dict[str, Any]:
    """Train a run in this process, where Keras is running, write its folder, and return the content of metrics.json.

    Args:
        request: The files, the settings, with backend and precision chosen, and the folder.
        data: The rows.
        progress: Receives every message and event.
        keep_model: Whether to write the model and its tokenizer to the folder, or only the scores.
        baselines: Computes the scores of the baselines.
        finish: Called once all files of the run are in its folder, so that an error in it does not affect them.

    Raises:
        InputError: The folder cannot be used or written to, or the model has changed since an earlier run.
        TrainingFailed: The loss is not finite.
    """
    run = FineTuningRun(data.target, data.train, data.valid, request.settings, progress)
    if request.model_sums is not None:
        require_unchanged_model(request.settings.model, request.model_sums)
    request, settings = request.with_settings(run.settings), run.settings
    for line in (*run.summary, *recipe_lines(settings.recipe, run.encoder.hidden_dim)):
        progress.say(line)
    if settings.recipe.is_layerwise:
        progress.say(str(run.plan))
    with request.folder.lock(), ExitStack() as last:
        last.callback(release, run.classifier.variables)
        with request.folder.replace() as folder, progress.shown_to(live := LiveFile(folder)):
            scored = data.test or data.valid
            frozen = {} if scored is None else run.frozen.scores(scored)  # before the encoder is trained
            result, sha256 = _fit(run, request, data, progress)
            model = finished_model(run, data.train)
            last.callback(release, model.classifier.variables)
            if model.calibration is not None:
                progress.say(str(model.calibration))
            both = None if data.test is None else model.predict_both(data.test.texts, data.test.texts_b)
            predicted = None if both is None else both[0]
            metrics = _facts(run, result, data) | scores_of(model, data, both)
            if request.expected is not None:
                metrics |= request.expected.facts()
            if data.test is not None and predicted is not None:
                intervals = model.intervals(data.test, predicted)
                metrics |= {TEST_INTERVALS: intervals} if intervals else {}
            if scored is not None:
                metrics["baselines"] = {**baselines(data, scored, settings), **frozen}
            repeat = {
                "files": asdict(request.files),
                "columns": asdict(data.columns),
                "peak_rate": run.lr_max,
                **sha256,
                "fast_paths": run.fast_paths,
                resume_check.DECIDED: list(request.decided),
            }
            with atomic_files.disk_errors(request.out):
                model.save(folder, repeat, weights=keep_model)
                data.bad_rows.write(folder / run_folder.BAD_ROWS)
            atomic_files.write_rows(folder / run_folder.HISTORY, run_folder.HISTORY_COLUMNS, result.history.steps)
            if predicted is not None:
                write_predictions(folder / run_folder.PREDICTIONS, data.target, predicted, model.decision_thresholds)
            atomic_files.write_json(folder / run_folder.METRICS, metrics)
            live.result(metrics)
        progress.result(metrics)  # the run is safe, whatever a view does
        if finish is not None:
            finish(FinishedRun(request.out, data, run, result, model, metrics, progress))
    return metrics


def finished_model(run: FineTuningRun, train: Examples) -> TextModel:
    """Return the trained model of a run, calibrated if its settings and its rows allow it.

    Args:
        run: A run whose `fit` was called.
        train: Its training rows.
    """
    model = run.trained_model()
    target, settings = run.target, run.settings
    if not needs_second_model(target.kind, len(train), run.valid is not None, settings.calibrate):
        return model
    rest, held_out = split_validation(target, train, SPLIT_SHARE, settings.seed)
    explained = f"calibration: a second model learns {len(rest):,} of the rows, for the temperature"
    run.progress.say(f"{explained} alone; --calibrate none leaves it out")
    second = FineTuningRun(target, train.take(rest), None, settings, run.progress.steps_only("calibration"))
    second.fit()
    seen, rows = second.trained_model(), train.take(held_out)
    found = Calibration.fitted(target.kind, seen.predict(rows.texts, rows.texts_b), rows.y, FROM_SPLIT)
    release(seen.classifier.variables)
    if found is not None:
        model.calibrate(found)
    return model


def _fit(
    run: FineTuningRun, request: RunRequest, data: RunData, progress: Progress
) -> tuple[TrainingResult, dict[str, dict[str, Any]]]:
    """Train, from the last checkpoint if there is one; return the result, and the SHA-256 sums for recipe.json."""
    checkpoints = request.checkpoints(data)
    if checkpoints is None:
        return run.fit(), {}
    started_with = resume_check.StartedWith.of(request.files, request.settings, data.sha256)
    started_with = replace(started_with, decided=list(request.decided))
    snapshot = checkpoints.latest(progress.say)
    if snapshot is not None:
        started_with.check_continues(request.out)  # again, because another process may have written to it since
        progress.say(f"resumed: from the checkpoint of step {snapshot.step} of {run.total_steps}")
    started_with.write(request.out)
    try:
        return run.fit(checkpoints, snapshot), {"sha256": started_with.sha256}
    except TrainingFailed as error:
        steps = steps_of(request.out)
        saved = f"; the checkpoint of step {steps[-1]} is saved, --overwrite starts again" if steps else ""
        raise TrainingFailed(f"{error}{saved}") from None


def _facts(run: FineTuningRun, result: TrainingResult, data: RunData) -> dict[str, Any]:
    """Return the entries of metrics.json other than the scores."""
    settings, examples = run.settings, len(data.train)
    facts = {
        "task": data.target.kind,
        "examples": examples,
        "epochs": settings.recipe.least_epochs,
        "kept_epoch": result.kept_epoch,
        **({"is_averaged": result.is_averaged} if settings.average else {}),
        "total_steps": run.total_steps,
        "train_seconds": result.seconds,
        "examples_per_second": examples * settings.recipe.least_epochs / result.seconds,
        "backend": settings.backend,
        "precision": settings.precision,
        "seed": settings.seed,
        "resumed_from_step": result.resumed_from_step,
    }
    if data.train_test_duplicates is not None:
        facts["train_test_duplicates"] = data.train_test_duplicates
    if data.notes or run.notes:
        facts["notes"] = [*data.notes, *run.notes]
    return facts


def scores_of(model: TextModel, data: RunData, both: tuple[np.ndarray, np.ndarray] | None) -> dict[str, Any]:
    """Return the calibration, and the scores on the validation rows and on the test rows, whose predictions are `both`.

    The validation rows include those that calibrated the model.
    """
    how = {} if model.calibration is None else {CALIBRATION: model.calibration.to_dict()}
    parts = {"valid": (data.valid, None), "test": (data.test, both)}
    return how | {name: model.score(part, known) for name, (part, known) in parts.items() if part is not None}
