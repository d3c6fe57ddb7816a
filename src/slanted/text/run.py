"""`slanted train`: files and settings to a folder with the model, its scores and all that repeats the run."""

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from slanted import machine
from slanted.recipes import BASE_PEAK, SMALL_HIDDEN_SIZE, SMALL_PEAK, Recipe
from slanted.text import artefacts
from slanted.text.baselines import baseline_scores
from slanted.text.data import DataFiles, Part, RunData, read_data
from slanted.text.model_files import ModelFiles, locate
from slanted.text.progress import Progress, duration
from slanted.text.settings import Settings
from slanted.text.start import check_installed, start_keras

POSITIONS_FROM_0 = ("bert", "distilbert", "albert")  # RoBERTa's position table has rows that no token takes
HEADLINE = {
    "single": ("accuracy", "macro_f1"),
    "multilabel": ("micro_f1", "macro_f1"),
    "regression": ("spearman", "mae"),
}


def train(
    files: DataFiles, out: Path, settings: Settings, overwrite: bool = False, progress: Progress | None = None
) -> dict[str, Any]:
    """Train on `files` and leave the run in `out`; return what metrics.json holds.

    Raises:
        InputError: Whatever is wrong with the files, the settings or the folder; `out` is then as it was.
        TrainingFailed: The loss is not finite.
    """
    progress = progress or Progress()
    check_installed("slanted train")
    artefacts.check_free(out, overwrite)
    data = read_data(files, settings)
    most = most_tokens(locate(settings.model))
    if most is not None:
        settings.check_length(most)
    for line in data.summary:
        progress.say(line)
    settings = _on_machine(settings, progress)
    try:
        return _train_here(files, data, out, settings, overwrite, progress)
    finally:
        progress.end()


def most_tokens(files: ModelFiles) -> int | None:
    """Return the most tokens that a local model takes, as far as its configuration alone says it."""
    if files.folder is None:
        return None
    config = json.loads((files.folder / "config.json").read_bytes())
    if "registered_name" in config:
        return config.get("config", {}).get("max_sequence_length")
    return config.get("max_position_embeddings") if config["model_type"] in POSITIONS_FROM_0 else None


def _on_machine(settings: Settings, progress: Progress) -> Settings:
    """Return the settings with backend and precision decided, and have Keras use them."""
    choice = machine.choose(settings.backend, settings.precision, progress.say)
    progress.say(f"machine: {choice.why}")
    start_keras(choice.backend)
    return replace(settings, backend=choice.backend, precision=choice.precision)


def _train_here(
    files: DataFiles, data: RunData, out: Path, settings: Settings, overwrite: bool, progress: Progress
) -> dict[str, Any]:
    from slanted.text.model import TextModel
    from slanted.text.training import Fitting

    fitting = Fitting(data.target, data.train, data.valid, settings, progress)
    for line in (*fitting.summary, peak_line(settings.recipe, fitting.encoder.hidden_dim)):
        progress.say(line)
    with artefacts.claimed(out, overwrite) as folder:
        trained = fitting.fit()
        model = TextModel.of(fitting)
        metrics = _metrics(data, settings, fitting, trained, model)
        with artefacts.disk_errors(out):
            model.save(folder, {"files": asdict(files), "columns": asdict(data.columns), "peak_rate": fitting.lr_max})
            data.bad_rows.write(folder / artefacts.BAD_ROWS)
        artefacts.write_rows(folder / artefacts.HISTORY, artefacts.HISTORY_COLUMNS, trained.history.steps)
        if data.test is not None:
            model.write_predictions(folder / artefacts.PREDICTIONS, data.test.texts, data.test.texts_b)
        artefacts.write_json(folder / artefacts.METRICS, metrics)
    _say_result(metrics, out, progress)
    return metrics


def peak_line(recipe: Recipe, hidden_size: int) -> str:
    """Return which recipe and which peak rate are taken, and why."""
    rate = recipe.peak_rate(hidden_size)
    if recipe.lr_max is not None:
        why = "as given"
    elif hidden_size < SMALL_HIDDEN_SIZE:
        why = f"small encoders, hidden size {hidden_size} < {SMALL_HIDDEN_SIZE}, take {SMALL_PEAK:g}; --lr overrides"
    else:
        why = f"hidden size {hidden_size} >= {SMALL_HIDDEN_SIZE} takes {BASE_PEAK:g}; --lr overrides"
    return f"recipe: {recipe.name} ({recipe.source}); peak rate {rate:g} ({why})"


def _metrics(data: RunData, settings: Settings, fitting: Any, trained: Any, model: Any) -> dict[str, Any]:
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
        "resumed_from_step": None,
    }
    if data.train_test_duplicates is not None:
        metrics["train_test_duplicates"] = data.train_test_duplicates
    for name, part in (("valid", data.valid), ("test", data.test)):
        if part is not None:
            metrics[name] = model.score(part)
    scored = data.test or data.valid
    if scored is not None:
        metrics["baselines"] = _baselines(data, scored, settings)
    return metrics


def _baselines(data: RunData, scored: Part, settings: Settings) -> dict[str, Any]:
    train = data.train
    return baseline_scores(
        train.texts, train.texts_b, train.y, scored.texts, scored.texts_b, scored.y, data.target, settings.positive
    )


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
    key = HEADLINE[metrics["task"]][0]
    if rows["TF-IDF + linear model"].get(key, -1.0) > rows["this model"].get(key, -1.0):
        progress.say(f"note: TF-IDF with a linear model has the higher {key} here; it is also cheaper to run")
