"""Output that several commands share: the choice of backend, precision and threads, and the result of training."""

import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

from slanted.common.messages import plural
from slanted.runtime import backend_choice, keras_startup, threads
from slanted.runtime.backend_choice import Choice, running_backend
from slanted.runtime.keras_startup import start_keras
from slanted.runtime.run_costs import Expectation, Work
from slanted.text.pretrained.hub import pinned
from slanted.text.progress.progress import Progress, duration
from slanted.text.scoring.headline import FROZEN_ENCODER, HEADLINE, MAJORITY, TFIDF, headline, notes_on_baselines
from slanted.text.scoring.intervals import TEST_INTERVALS
from slanted.text.settings import Settings

NAMES = {TFIDF: "TF-IDF + linear model", FROZEN_ENCODER: "frozen encoder", MAJORITY: "majority"}


def start_on_machine(
    settings: Settings, progress: Progress, work: Work | None = None
) -> tuple[Settings, Expectation | None]:
    """Choose the machine, print the reason, and start Keras.

    Args:
        settings: The settings of the run.
        progress: Receives the reason.
        work: What the run computes; None: unknown.

    Returns:
        The settings with the chosen machine and the model's version, and the expected time of the run.
    """
    choice, count = choose_machine(settings, progress, work)
    expected = None if choice.seconds is None else Expectation(choice.seconds)
    start_keras(choice.backend)
    machine = {"backend": choice.backend, "precision": choice.precision, "threads": count}
    return replace(settings, **machine, model=pinned(settings.model)), expected


def choose_machine(settings: Settings, progress: Progress, work: Work | None = None) -> tuple[Choice, int]:
    """Set the number of threads, choose the backend and the precision, print both, and return them."""
    if keras_startup.command_alone:
        threads.limit_spinning()
    threads.set_threads(settings.threads, running_backend())
    choice = backend_choice.choose(settings.backend, settings.precision, progress.say, work)
    count = threads.threads_of(choice.backend)
    progress.say(f"machine: {choice.why}; {plural(count, 'thread')}")
    threads.note_if_busy(choice.backend, progress.say)
    return choice, threads.AS_LIBRARIES if settings.threads == threads.AS_LIBRARIES else count


def say_result(metrics: dict[str, Any], out: Path, progress: Progress) -> None:
    """Print the result of a run, the scores of the baselines, and the next command."""
    seconds = metrics["train_seconds"]
    progress.say(
        f"trained {metrics['total_steps']} steps in {duration(seconds)} "
        f"({metrics['examples_per_second']:.0f} examples/s); saved epoch {metrics['kept_epoch']} of {metrics['epochs']}"
    )
    _say_time(metrics, progress)
    for where in ("test", "valid"):
        if where in metrics:
            _say_scores(where, metrics, progress)
            break
    progress.say(f"model and scores: {out}")
    progress.say(f"next: slanted predict {shlex.quote(str(out))} FILE --out predictions.csv")


def _say_time(metrics: dict[str, Any], progress: Progress) -> None:
    """Print the time of a run beside the expected time; a resumed run has neither."""
    if "expected_seconds" in metrics:
        took, expected = duration(metrics["run_seconds"]), duration(metrics["expected_seconds"])
        progress.say(f"time from the start of Keras to the scores: {took}; expected: about {expected}")


def _say_scores(where: str, metrics: dict[str, Any], progress: Progress) -> None:
    rows = {"this model": metrics[where], **_baselines(metrics)}
    for name, scores in rows.items():
        intervals = metrics.get(TEST_INTERVALS) if scores is metrics.get("test") else None
        progress.say(f"{where}: {name:<22} {headline(scores, metrics['task'], intervals)}")
    for line in notes_on_baselines(metrics["task"], metrics[where], metrics["baselines"]):
        progress.say(line)


def _baselines(metrics: dict[str, Any]) -> dict[str, Any]:
    """Return the scores of the baselines by the names that are printed."""
    scores = metrics["baselines"]
    return {name: scores[key] for key, name in NAMES.items() if key in scores or key != FROZEN_ENCODER}


def say_folds(metrics: dict[str, Any], out: Path, progress: Progress) -> None:
    """Print the result of a cross-validation, the scores of the baselines, and the next command."""
    folds, task = len(metrics["folds"]), metrics["task"]
    progress.say(
        f"trained {folds} folds, {metrics['total_steps']} steps in total, in {duration(metrics['train_seconds'])} "
        f"({metrics['examples_per_second']:.0f} examples/s)"
    )
    _say_time(metrics, progress)
    spread = {
        key: f"{metrics['mean'][key]:.4f} ± {metrics['deviation'][key]:.4f}"
        for key in HEADLINE[task]
        if key in metrics["mean"]
    }
    progress.say(f"{folds} folds, mean ± deviation: " + "  ".join(f"{key} {value}" for key, value in spread.items()))
    progress.say(f"out of fold: {headline(metrics['out_of_fold'], task)}")
    where, scores = ("test", metrics["test"]) if "test" in metrics else ("mean of folds", metrics["mean"])
    rows = {f"mean of {folds} models": metrics["test"]} if "test" in metrics else {}
    rows |= _baselines(metrics)
    for name, row in rows.items():
        intervals = metrics.get(TEST_INTERVALS) if row is metrics.get("test") else None
        progress.say(f"{where}: {name:<22} {headline(row, task, intervals)}")
    for line in notes_on_baselines(task, scores, metrics["baselines"]):
        progress.say(line)
    progress.say(f"models and scores: {out}")
    progress.say(f"next: slanted predict {shlex.quote(str(out))} FILE --out predictions.csv")
