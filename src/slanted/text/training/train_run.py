"""`slanted train`: files and settings to a folder with the model, its scores and all that repeats the run."""

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from slanted.common.strict_json import decoded
from slanted.errors import InputError, TrainingFailed
from slanted.recipe.recipe import Recipe
from slanted.runtime import backend_choice
from slanted.runtime.keras_startup import check_installed, start_keras
from slanted.text.models.predictor import write_predictions
from slanted.text.pretrained.model_files import ModelFiles, locate
from slanted.text.progress.jsonl import LiveFile
from slanted.text.progress.progress import Progress, duration
from slanted.text.runs import resume_check, run_folder
from slanted.text.runs.checkpoints import Checkpoints, Pace, steps_of
from slanted.text.runs.run_data import DataFiles, Part, RunData, read_data
from slanted.text.scoring.baselines import baseline_scores
from slanted.text.settings import Settings

Baselines = Callable[[RunData, Part, Settings], dict[str, Any]]
POSITIONS_FROM_0 = ("bert", "distilbert", "albert")  # RoBERTa's position table has rows that no token takes
HEADLINE = {
    "single": ("accuracy", "macro_f1"),
    "multilabel": ("micro_f1", "macro_f1"),
    "regression": ("spearman", "mae"),
}
ERROR = "mae"  # the one among them that is better where it is smaller


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
    sums = (
        resume_check.sums_of(files) if resume_check.can_be_read_again(files) else None
    )  # of the rows that are then read
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

            return train_folds(files, data, out, settings, overwrite, progress, resume, pace or Pace())
        checkpoints = None if data.sha256 is None else Checkpoints(out, pace or Pace())
        return train_here(files, data, out, settings, overwrite, progress, resume=resume, checkpoints=checkpoints)
    finally:
        progress.end()


def most_tokens(files: ModelFiles) -> int | None:
    """Return the most tokens that a local model takes, as far as its configuration alone says it."""
    if files.folder is None:
        return None
    config = decoded((files.folder / "config.json").read_bytes())
    if "registered_name" in config:
        return config.get("config", {}).get("max_sequence_length")
    return config.get("max_position_embeddings") if config["model_type"] in POSITIONS_FROM_0 else None


def _on_machine(settings: Settings, progress: Progress) -> Settings:
    """Return the settings with backend and precision decided, and have Keras use them."""
    choice = backend_choice.choose(settings.backend, settings.precision, progress.say)
    progress.say(f"machine: {choice.why}")
    start_keras(choice.backend)
    return replace(settings, backend=choice.backend, precision=choice.precision)


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
) -> dict[str, Any]:
    """Train as `train` does once the data is read and Keras has started.

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
    """
    from slanted.report.write_report import leave_report
    from slanted.runtime.memory import release
    from slanted.text.models.text_model import TextModel
    from slanted.text.training.fine_tuning import Fitting

    fitting = Fitting(data.target, data.train, data.valid, settings, progress)
    for line in (*fitting.summary, *recipe_lines(settings.recipe, fitting.encoder.hidden_dim)):
        progress.say(line)
    if settings.recipe.is_layerwise:
        from slanted.commands.plan_and_find_lr import plan_of

        progress.say(str(plan_of(fitting)))
    with run_folder.held(out, overwrite, resume), ExitStack() as last:
        last.callback(release, fitting.classifier.variables)
        with run_folder.replaced(out) as folder, progress.shown_to(LiveFile(folder)):
            more = {"files": asdict(files), "columns": asdict(data.columns), "peak_rate": fitting.lr_max}
            trained = _fit(fitting, files, data, checkpoints, progress, more)
            model = TextModel.of(fitting)
            last.callback(release, model.classifier.variables)
            predicted = None if data.test is None else model.predict(data.test.texts, data.test.texts_b)
            metrics = _metrics(data, settings, fitting, trained, model, predicted, baselines or baselines_of)
            with run_folder.disk_errors(out):
                model.save(folder, more, weights=keep_model)
                data.bad_rows.write(folder / run_folder.BAD_ROWS)
            run_folder.write_rows(folder / run_folder.HISTORY, run_folder.HISTORY_COLUMNS, trained.history.steps)
            if predicted is not None:
                write_predictions(folder / run_folder.PREDICTIONS, data.target, predicted, model.cuts)
            run_folder.write_json(folder / run_folder.METRICS, metrics)
            progress.result(metrics)
        _say_result(metrics, out, progress)
        if keep_model:  # after the run is safe: what goes wrong from here on costs its report alone, until --resume
            progress.say(f"report: {leave_report(out, data, fitting, trained, model)}")
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


def _result_again(out: Path, progress: Progress, files: DataFiles, settings: Settings) -> dict[str, Any]:
    """Say and return the result of a finished run; a cross-validation that lacks its report gets it."""
    from slanted.report.write_report import lacks_folds_report, leave_folds_report
    from slanted.text.training.fold_metrics import say_folds

    path = out / run_folder.METRICS
    metrics = run_folder.read_json(path)
    progress.say(f"resume: the run in {out} is finished")
    try:
        (say_folds if "folds" in metrics else _say_result)(metrics, out, progress)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise InputError(f"{path}: holds no scores of a run ({error!r}); restore the file or train again") from None
    if lacks_folds_report(out):
        try:
            progress.say(f"report: {leave_folds_report(out, read_data(files, settings))}")
        except InputError as error:  # the run is finished whatever becomes of its report
            progress.say(f"report: not made; {error}")
    return metrics


def recipe_lines(recipe: Recipe, hidden_size: int) -> list[str]:
    """Return which recipe and which peak rate are taken, why, and what is to be known of the recipe."""
    rate, reason = recipe.peak_rate(hidden_size), recipe.peak_reason(hidden_size)
    line = f"recipe: {recipe.name} ({recipe.source}); peak rate {rate:g} ({reason}; --lr overrides)"
    return [line, *([f"note: {recipe.notes}"] if recipe.notes else [])]


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


def _say_result(metrics: dict[str, Any], out: Path, progress: Progress) -> None:
    seconds = metrics["train_seconds"]
    progress.say(
        f"trained {metrics['total_steps']} steps in {duration(seconds)} "
        f"({metrics['examples_per_second']:.0f} examples/s); kept epoch {metrics['kept_epoch']} of {metrics['epochs']}"
    )
    for where in ("test", "valid"):
        if where in metrics:
            _say_scores(where, metrics, progress)
            break
    progress.say(f"model and scores: {out}")
    progress.say(f"next: slanted predict {out} FILE --out predictions.csv")


def _say_scores(where: str, metrics: dict[str, Any], progress: Progress) -> None:
    rows = {"this model": metrics[where], "TF-IDF + linear model": metrics["baselines"]["tfidf"]}
    rows["majority"] = metrics["baselines"]["majority"]
    for name, scores in rows.items():
        shown = "  ".join(f"{key} {scores[key]:.4f}" for key in HEADLINE[metrics["task"]] if key in scores)
        progress.say(f"{where}: {name:<22} {shown}")
    for line in note_on_tfidf(metrics["task"], rows["this model"], rows["TF-IDF + linear model"]):
        progress.say(line)


def note_on_tfidf(task: str, model: Mapping[str, Any], linear: Mapping[str, Any]) -> list[str]:
    """Return what is to be said where the baseline does better, by either of the scores that a task is known by.

    >>> note_on_tfidf("single", {"accuracy": 0.72, "macro_f1": 0.61}, {"accuracy": 0.70, "macro_f1": 0.63})
    ['note: TF-IDF with a linear model has the higher macro_f1 here; it is also cheaper to run']
    """
    keys = [key for key in HEADLINE[task] if key != ERROR and linear.get(key, -1.0) > model.get(key, -1.0)]
    if not keys:
        return []
    return [f"note: TF-IDF with a linear model has the higher {' and '.join(keys)} here; it is also cheaper to run"]
