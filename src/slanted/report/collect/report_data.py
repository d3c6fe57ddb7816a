"""report.json: what a report needs and the run's other files do not hold, collected while model and data are there."""

import importlib
import importlib.util
import sys
import time
from pathlib import Path
from platform import platform, python_version
from typing import TYPE_CHECKING, Any

import numpy as np

from slanted._version import __version__
from slanted.report.collect.label_issues import suspects_of
from slanted.report.collect.plot_data import length_bins, quality_of
from slanted.report.collect.predicted_rows import Predicted, predict_examples, read_predicted
from slanted.report.collect.worst_errors import describe, worst_mistakes
from slanted.report.read.checks import FORMAT_VERSION
from slanted.text.labels.examples import Examples
from slanted.text.runs import run_folder
from slanted.text.runs.run_data import RunData

if TYPE_CHECKING:
    from slanted.text.models.text_model import TextModel
    from slanted.text.training.fine_tuning import Fitting, Trained

TRAINING_ROWS_SHARE = 0.1  # of the examples trained on: predicting those takes about 3 % of the training's time
MOST_ROWS = 20_000  # looked at beside those that are scored: more would find the same kinds of doubtful labels
PACKAGES = ("keras", "keras_hub", "numpy", "sklearn", "tokenizers")


def report_data(
    data: RunData, fitting: "Fitting", trained: "Trained", model: "TextModel", folder: Path
) -> dict[str, Any]:
    """Return what report.json holds.

    Args:
        data: The run's rows.
        fitting: The run as it was made ready.
        trained: What it came to.
        model: What it left.
        folder: Where predictions.csv lies, if there is a test file.
    """
    settings = fitting.settings
    return {
        "format_version": FORMAT_VERSION,
        "rows": rows_of(data),
        **_rates(fitting),
        "epochs": _epochs(fitting, trained),
        **predictions_of(data, settings.recipe.epochs, settings.seed, model, folder),
        "lengths": _lengths(fitting),
        "cost": _cost(fitting),
        "versions": _versions(settings.backend),
    }


def rows_of(data: RunData) -> dict[str, int]:
    """Return how many rows there are to train on, to validate by and to test."""
    parts = {"train": data.train, "valid": data.valid, "test": data.test}
    return {name: len(examples) for name, examples in parts.items() if examples is not None}


def _rates(fitting: "Fitting") -> dict[str, Any]:
    """Return each layer group's multiplier, and from which step on which groups are open."""
    plan = fitting.plan
    groups = [{"name": one.name, "parameters": one.parameters, "multiplier": one.multiplier} for one in plan.groups]
    return {"groups": groups, "stages": [[stage.first_step, list(stage.open_groups)] for stage in plan.stages]}


def _epochs(fitting: "Fitting", trained: "Trained") -> list[dict[str, Any]]:
    """Return each epoch's mean training loss, in the units of the validation loss, and its validation scores.

    The training loss of several regression targets is in units of its own and left out, and so is that of weighted
    classes.
    """
    deviation = fitting.scaling.deviation
    units = 1.0 if deviation is None else float(deviation[0]) ** 2
    comparable = (deviation is None or len(deviation) == 1) and fitting.settings.class_weight == "none"
    numbers = np.array([step[1] for step in trained.history.steps])
    losses = np.array([step[2] for step in trained.history.steps])
    made: list[dict[str, Any]] = []
    for epoch in range(1, int(numbers.max()) + 1):
        one: dict[str, Any] = {"epoch": epoch}
        if comparable:
            one["train_loss"] = float(losses[numbers == epoch].mean()) * units
        if epoch <= len(trained.history.epochs):
            scores = trained.history.epochs[epoch - 1]
            one["valid"] = {name: value for name, value in scores.items() if isinstance(value, float)}
        made.append(one)
    return made


def predictions_of(data: RunData, epochs: int, seed: int, model: "TextModel", folder: Path) -> dict[str, Any]:
    """Return everything that is about single rows: of the test rows, else of the validation rows."""
    target = data.target
    sample = _sample(data.train, epochs, seed)
    valid = data.valid if data.valid is None or data.test is None else _drawn(data.valid, MOST_ROWS, seed)
    inside = [valid, sample] if valid is not None else [sample]
    started = time.monotonic()
    *held_out, seen = predict_examples(model, inside, target)
    speed = sum(map(len, inside)) / (time.monotonic() - started)
    if data.test is not None:
        held_out.append(read_predicted(folder / run_folder.PREDICTIONS, data.test, target))
    made: dict[str, Any] = {"scored": None, "texts_per_second": speed}
    made["suspects"] = {"held_out": None, "train": suspects_of([seen], target)}
    if held_out:
        made["suspects"]["held_out"] = suspects_of(held_out, target)
        made["scored"] = "valid" if data.test is None else "test"
        made |= {"quality": quality_of(held_out[-1], target), "mistakes": _mistakes(held_out[-1], data, model)}
    return made


def _sample(train: Examples, epochs: int, seed: int) -> Examples:
    """Return the training rows to look at: a tenth as many as were trained on over all epochs, 20,000 at most."""
    return _drawn(train, min(MOST_ROWS, max(1, round(TRAINING_ROWS_SHARE * epochs * len(train)))), seed)


def _drawn(examples: Examples, most: int, seed: int) -> Examples:
    """Return `most` of some rows, drawn at random and in their order; all of them if they are no more."""
    if len(examples) <= most:
        return examples
    return examples.take(np.sort(np.random.default_rng(seed).permutation(len(examples))[:most]))


def _mistakes(predicted: Predicted, data: RunData, model: "TextModel") -> list[dict[str, Any]]:
    return describe(worst_mistakes(predicted, data.target), predicted, data.target, model)


def _lengths(fitting: "Fitting") -> dict[str, Any]:
    documents, tokens = fitting.documents, fitting.documents.encoded
    return {
        "bins": length_bins(tokens.lengths, tokens.truncated),
        "of": "texts" if documents.owners is None else "chunks",
        "mean": float(tokens.lengths.mean()),
        "truncated": documents.truncated_share,
        "estimated_on": len(tokens) if documents.of_sample else None,
    }


def _cost(fitting: "Fitting") -> dict[str, Any]:
    return {
        "parameters": int(fitting.classifier.count_params()),
        "tokens_an_epoch": round(fitting.documents.encoded.lengths.mean() * fitting.examples),
        "padding": float(fitting.batches.plan.padding),
        "peak_memory": _peak_memory(),
    }


def _peak_memory() -> int | None:
    """Return the most memory that this process has held, in bytes; None on Windows."""
    if importlib.util.find_spec("resource") is None:
        return None
    resource = importlib.import_module("resource")
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def _versions(backend: str) -> dict[str, str]:
    found = {name: str(importlib.import_module(name).__version__) for name in (*PACKAGES, backend)}
    return {"slanted": __version__, **found, "python": python_version(), "machine": platform()}
