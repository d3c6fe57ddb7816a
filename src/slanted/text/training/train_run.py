"""One run: rows and settings to a folder with the model, its scores and all that repeats the run."""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from slanted.common import atomic_files
from slanted.errors import TrainingFailed
from slanted.runtime.memory import release
from slanted.runtime.random_state import kept_random_state
from slanted.text.labels.examples import Part
from slanted.text.models.predictions_csv import write_predictions
from slanted.text.models.text_model import TextModel
from slanted.text.progress.jsonl import LiveFile
from slanted.text.progress.progress import Progress
from slanted.text.runs import resume_check, run_folder
from slanted.text.runs.checkpoints import Checkpoints, steps_of
from slanted.text.runs.run_data import DataFiles, RunData
from slanted.text.scoring.baselines import baseline_scores
from slanted.text.settings import Settings
from slanted.text.training.fine_tuning import Fitting, Trained, recipe_lines

Baselines = Callable[[RunData, Part, Settings], dict[str, Any]]


@dataclass(frozen=True)
class FinishedRun:
    """A run whose files are all in its folder, which is still locked.

    Attributes:
        out: The folder.
        data: The rows.
        fitting: The run as it was made ready.
        trained: What it came to.
        model: What it left.
        metrics: What metrics.json holds.
        progress: Is told everything.
    """

    out: Path
    data: RunData
    fitting: Fitting
    trained: Trained
    model: TextModel
    metrics: dict[str, Any]
    progress: Progress


Finish = Callable[[FinishedRun], None]


@kept_random_state()  # of the program that calls it
def train_here(
    files: DataFiles,
    data: RunData,
    out: Path,
    settings: Settings,
    overwrite: bool,
    progress: Progress,
    keep_model: bool = True,
    baselines: Baselines | None = None,
    resume: bool = False,
    checkpoints: Checkpoints | None = None,
    finish: Finish | None = None,
) -> dict[str, Any]:
    """Train, and leave the run in its folder, once the data is read and Keras has started.

    Args:
        files: Where the data comes from, for recipe.json.
        data: The rows.
        out: The run's folder.
        settings: With backend and precision decided.
        overwrite: Whether a run in `out` is replaced.
        progress: Is told everything.
        keep_model: Whether the model and its tokenizer stay in `out`, or its scores alone.
        baselines: Gives the baselines' scores; None: they are fitted anew.
        resume: Whether a run in `out` that is not finished goes on.
        checkpoints: Where the state of training is kept; None: nowhere.
        finish: Is called once the run is safe in its folder: what goes wrong in it costs what it writes alone.
    """
    fitting = Fitting(data.target, data.train, data.valid, settings, progress)
    for line in (*fitting.summary, *recipe_lines(settings.recipe, fitting.encoder.hidden_dim)):
        progress.say(line)
    if settings.recipe.is_layerwise:
        progress.say(str(fitting.plan()))
    with run_folder.held(out, overwrite, resume), ExitStack() as last:
        last.callback(release, fitting.classifier.variables)
        with run_folder.replaced(out) as folder, progress.shown_to(LiveFile(folder)):
            more: dict[str, Any] = {
                "files": asdict(files),
                "columns": asdict(data.columns),
                "peak_rate": fitting.lr_max,
            }
            trained = _fit(fitting, files, data, checkpoints, progress, more)
            more["fast_paths"] = fitting.fast_paths
            model = fitting.trained_model()
            last.callback(release, model.classifier.variables)
            predicted = None if data.test is None else model.predict(data.test.texts, data.test.texts_b)
            metrics = _metrics(data, settings, fitting, trained, model, predicted, baselines or baselines_of)
            with atomic_files.disk_errors(out):
                model.save(folder, more, weights=keep_model)
                data.bad_rows.write(folder / run_folder.BAD_ROWS)
            atomic_files.write_rows(folder / run_folder.HISTORY, run_folder.HISTORY_COLUMNS, trained.history.steps)
            if predicted is not None:
                write_predictions(folder / run_folder.PREDICTIONS, data.target, predicted, model.cuts)
            atomic_files.write_json(folder / run_folder.METRICS, metrics)
            progress.result(metrics)
        if finish is not None:
            finish(FinishedRun(out, data, fitting, trained, model, metrics, progress))
    return metrics


def _fit(
    fitting: Any,
    files: DataFiles,
    data: RunData,
    checkpoints: Checkpoints | None,
    progress: Progress,
    more: dict[str, Any],
) -> Any:
    """Train, from the last checkpoint on if there is one, and note what the run was started with."""
    if checkpoints is None:
        return fitting.fit()
    snapshot = checkpoints.latest(progress.say)
    if snapshot is not None:
        progress.say(f"resumed: from the checkpoint of step {snapshot.step} of {fitting.total_steps}")
    started_with = resume_check.StartedWith.of(files, fitting.settings, data.sha256)
    started_with.write(checkpoints.out)
    more["sha256"] = started_with.sha256
    try:
        return fitting.fit(checkpoints, snapshot)
    except TrainingFailed as error:
        steps = steps_of(checkpoints.out)
        kept = f"; the checkpoint of step {steps[-1]} is kept, --overwrite starts again" if steps else ""
        raise TrainingFailed(f"{error}{kept}") from None


def _metrics(
    data: RunData,
    settings: Settings,
    fitting: Any,
    trained: Any,
    model: Any,
    predicted: np.ndarray | None,
    baselines: Baselines,
) -> dict[str, Any]:
    examples = len(data.train)
    metrics = {
        "task": data.target.kind,
        "examples": examples,
        "epochs": settings.recipe.epochs,
        "kept_epoch": trained.kept_epoch,
        "total_steps": fitting.total_steps,
        "train_seconds": trained.seconds,
        "examples_per_second": examples * settings.recipe.epochs / trained.seconds,
        "backend": settings.backend,
        "precision": settings.precision,
        "seed": settings.seed,
        "resumed_from_step": trained.resumed_from_step,
    }
    if data.train_test_duplicates is not None:
        metrics["train_test_duplicates"] = data.train_test_duplicates
    for name, part, known in (("valid", data.valid, None), ("test", data.test, predicted)):
        if part is not None:
            metrics[name] = model.score(part, known)
    scored = data.test or data.valid
    if scored is not None:
        metrics["baselines"] = baselines(data, scored, settings)
    return metrics


def baselines_of(data: RunData, scored: Part, settings: Settings) -> dict[str, Any]:
    """Return the scores of the majority and of TF-IDF with a linear model on `scored`, by name."""
    train = data.train
    rows = (train.texts, train.texts_b, train.y, scored.texts, scored.texts_b, scored.y)
    splits = [data.of_fold(fold) for fold in data.folds] or [data]
    choosing = [(split.train, split.valid) for split in splits if split.valid is not None]
    return baseline_scores(*rows, data.target, settings.positive, choosing)
