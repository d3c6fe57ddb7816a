"""The content of report.json: data for the report that no other file has, collected while model and rows are loaded."""

import importlib
import importlib.util
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from platform import platform, python_version
from typing import TYPE_CHECKING, Any

import numpy as np

from slanted._version import __version__
from slanted.report.collect.label_issues import suspects_of
from slanted.report.collect.plot_data import length_bins, quality_of
from slanted.report.collect.predicted_rows import predict_examples, read_predicted
from slanted.report.collect.worst_errors import describe, worst_mistakes
from slanted.report.read.checks import FORMAT_VERSION
from slanted.text.labels.examples import Examples
from slanted.text.runs import run_folder
from slanted.text.runs.run_data import RunData

if TYPE_CHECKING:
    from slanted.text.models.text_model import TextModel
    from slanted.text.training.fine_tuning import FineTuningRun, TrainingResult

TRAINING_ROWS_SHARE = 0.1  # of the examples of all epochs: predicting them takes about 3 % of the training time
MOST_ROWS = 20_000  # of each set that is only searched for label issues: more rows have the same kinds of issues
EXPLAINING_SECONDS, EXPLAINING_SHARE = 20.0, 0.1  # the time for weights of words: at least, and of the training time
PACKAGES = ("keras", "keras_hub", "numpy", "sklearn", "tokenizers")


def report_data(
    data: RunData, run: "FineTuningRun", result: "TrainingResult", model: "TextModel", folder: Path
) -> dict[str, Any]:
    """Return the content of report.json.

    Args:
        data: The rows of the run.
        run: The run: model, batches, curve and plan.
        result: The history and the saved epoch of the run.
        model: The trained model.
        folder: The run folder, with predictions.csv if there is a test file.
    """
    settings = run.settings
    seconds = max(EXPLAINING_SECONDS, EXPLAINING_SHARE * result.seconds)
    return {
        "format_version": FORMAT_VERSION,
        "finished": datetime.now(UTC).isoformat(timespec="minutes"),
        "rows": rows_of(data),
        **_rates(run),
        "epochs": _epochs(run, result, is_weighted=data.train.weights is not None),
        **predictions_of(data, settings.recipe.least_epochs, settings.seed, model, folder, seconds),
        "lengths": _lengths(run),
        "cost": _cost(run),
        "versions": _versions(settings.backend),
    }


def rows_of(data: RunData) -> dict[str, int]:
    """Return the numbers of training, validation and test rows."""
    parts = {"train": data.train, "valid": data.valid, "test": data.test}
    return {name: len(examples) for name, examples in parts.items() if examples is not None}


def _rates(run: "FineTuningRun") -> dict[str, Any]:
    """Return the multiplier of each layer group, and the first step and the open groups of each stage."""
    plan = run.plan
    groups = [{"name": one.name, "parameters": one.parameters, "multiplier": one.multiplier} for one in plan.groups]
    return {"groups": groups, "stages": [[stage.first_step, list(stage.open_groups)] for stage in plan.stages]}


def _epochs(run: "FineTuningRun", result: "TrainingResult", is_weighted: bool) -> list[dict[str, Any]]:
    """Return the mean training loss and the validation scores of each epoch.

    The training loss is in the units of the validation loss. It is omitted with several regression targets and with
    weights of classes or rows, where the two cannot be compared.
    """
    deviation = run.scaling.deviation
    units = 1.0 if deviation is None else float(deviation[0]) ** 2
    comparable = (deviation is None or len(deviation) == 1) and run.settings.class_weight == "none" and not is_weighted
    numbers = np.array([step[1] for step in result.history.steps])
    losses = np.array([step[2] for step in result.history.steps])
    epochs: list[dict[str, Any]] = []
    for epoch in range(1, int(numbers.max()) + 1):
        one: dict[str, Any] = {"epoch": epoch}
        if comparable:
            one["train_loss"] = float(losses[numbers == epoch].mean()) * units
        if epoch <= len(result.history.epochs):
            scores = result.history.epochs[epoch - 1]
            one["valid"] = {name: value for name, value in scores.items() if isinstance(value, float)}
        epochs.append(one)
    return epochs


def predictions_of(
    data: RunData, epochs: int, seed: int, model: "TextModel", folder: Path, seconds: float = EXPLAINING_SECONDS
) -> dict[str, Any]:
    """Return the data from predictions: plots and mistakes of the test, else of the validation rows; label issues.

    Only the first mistakes are listed if weighting the words of all would take more than `seconds`, at the speed of the
    predictions before; `mistakes_left_out` is then the number of the others.
    """
    target = data.target
    sample = _sample(data.train, epochs, seed)
    valid = data.valid if data.valid is None or data.test is None else _drawn(data.valid, MOST_ROWS, seed)
    inside = [valid, sample] if valid is not None else [sample]
    started = time.monotonic()
    *held_out, seen = predict_examples(model, inside, target)
    speed = sum(map(len, inside)) / (time.monotonic() - started)
    if data.test is not None:
        held_out.append(read_predicted(folder / run_folder.PREDICTIONS, data.test, target))
    content: dict[str, Any] = {"scored": None, "texts_per_second": speed}
    content["suspects"] = {"held_out": None, "train": suspects_of([seen], target)}
    if held_out:
        content["suspects"]["held_out"] = suspects_of(held_out, target)
        content["scored"] = "valid" if data.test is None else "test"
        worst = worst_mistakes(held_out[-1], target)
        described = describe(worst, held_out[-1], target, model, most_texts=speed * seconds)
        content |= {"quality": quality_of(held_out[-1], target, model.calibration), "mistakes": described}
        if len(described) < len(worst):
            content["mistakes_left_out"] = len(worst) - len(described)
    return content


def _sample(train: Examples, epochs: int, seed: int) -> Examples:
    """Return the training rows to search: a tenth of the examples of all epochs, and at most 20,000."""
    return _drawn(train, min(MOST_ROWS, max(1, round(TRAINING_ROWS_SHARE * epochs * len(train)))), seed)


def _drawn(examples: Examples, most: int, seed: int) -> Examples:
    """Return at most `most` rows, drawn at random, in their original order."""
    if len(examples) <= most:
        return examples
    return examples.take(np.sort(np.random.default_rng(seed).permutation(len(examples))[:most]))


def _lengths(run: "FineTuningRun") -> dict[str, Any]:
    documents, tokens = run.documents, run.documents.encoded
    return {
        "bins": length_bins(tokens.lengths, tokens.truncated),
        "of": "texts" if documents.owners is None else "chunks",
        "mean": float(tokens.lengths.mean()),
        "truncated": documents.truncated_share,
        "estimated_on": len(tokens) if documents.of_sample else None,
    }


def _cost(run: "FineTuningRun") -> dict[str, Any]:
    return {
        "parameters": int(run.classifier.count_params()),
        "tokens_an_epoch": round(run.documents.encoded.lengths.mean() * run.examples),
        "padding": float(run.batches.plan.padding),
        "peak_memory": _peak_memory(),
    }


def _peak_memory() -> int | None:
    """Return the peak memory of this process, in bytes; None on Windows."""
    if importlib.util.find_spec("resource") is None:
        return None
    resource = importlib.import_module("resource")
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def _versions(backend: str) -> dict[str, str]:
    found = {name: str(importlib.import_module(name).__version__) for name in (*PACKAGES, backend)}
    return {"slanted": __version__, **found, "python": python_version(), "machine": platform()}
