"""Training the same work: slanted, transformers' Trainer and KerasHub's own classifier in turn."""

import json
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from benchmarks import peers, processes, results
from benchmarks.data import DataSet, data_set
from benchmarks.processes import CHILDREN, PYTHON

SETS = {"trec6": {"epochs": 3, "max_tokens": 128, "lr": 1e-4}, "imdb_2k": {"epochs": 2, "max_tokens": 256, "lr": 1e-4}}
SLANTED, TRAINER, KERAS_HUB = "slanted", "transformers Trainer", "KerasHub"
KERAS_HUB_LENGTH = 48
SAME_WORK = ["--head-start", "random", "--pooling", "cls"]  # as the other programs do


def measure(rounds: int = 3, sets: Iterable[str] = SETS) -> dict[str, Any]:
    """Train on each data set in turn with each program, a seed a round."""
    return {"sets": {name: _rounds(data_set(name), SETS[name], rounds) for name in sets}}


def _rounds(data: DataSet, work: dict[str, Any], rounds: int) -> dict[str, Any]:
    programs = [SLANTED, TRAINER, *([KERAS_HUB] if data.name != "imdb_2k" else [])]
    found: dict[str, Any] = {name: [] for name in programs}
    for seed in range(rounds):
        for name in programs if seed == 0 else programs[:2]:  # KerasHub takes several times as long
            found[name].append(_trained(name, data, work, seed))
            print(f"{data.name} seed {seed} {name}: {found[name][-1]}", flush=True)
    return {"settings": work, "programs": found}


def _trained(program: str, data: DataSet, work: dict[str, Any], seed: int) -> dict[str, float]:
    if program == SLANTED:
        return slanted_trained(
            data, work["max_tokens"], seed, [*SAME_WORK, "--epochs", str(work["epochs"]), "--lr", str(work["lr"])]
        )
    shared = [data.train, data.test, "--epochs", str(work["epochs"]), "--lr", str(work["lr"]), "--seed", str(seed)]
    if program == TRAINER:
        child = [peers.python(), CHILDREN / "transformers_train.py", *shared, "--max-tokens", str(work["max_tokens"])]
        outcome = processes.run(child)
    else:
        child = [PYTHON, CHILDREN / "keras_hub_train.py", *shared, "--length", str(KERAS_HUB_LENGTH)]
        outcome = processes.run(child, {"KERAS_BACKEND": "tensorflow"})
    return {**outcome.result, "whole_seconds": outcome.seconds, "peak_mb": outcome.peak_mb}


def slanted_trained(data: DataSet, max_tokens: int, seed: int, options: list[str]) -> dict[str, float]:
    """Run `slanted train` on all training rows and return its test accuracy, seconds and peak memory."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "run"
        files = [data.train, "--test", data.test, "--out", out]
        fixed = ["--max-tokens", str(max_tokens), "--batch-size", "32", "--valid-share", "0", "--seed", str(seed)]
        outcome = processes.run([PYTHON, "-m", "slanted.cli", "train", *files, *fixed, *options])
        metrics = json.loads((out / "metrics.json").read_text(encoding="utf-8"))
    return {
        "accuracy": metrics["test"]["accuracy"],
        "train_seconds": metrics["train_seconds"],
        "whole_seconds": outcome.seconds,
        "peak_mb": outcome.peak_mb,
        "backend": metrics["backend"],
        "precision": metrics["precision"],
    }


def page(figures: dict[str, Any]) -> str:
    """Return the part's section of docs/benchmarks.md."""
    lines = [
        "### Training: the same work",
        "",
        "Batches of 32, all training rows, peak rate 1e-4; one seed per round; KerasHub in the first round only.",
    ]
    lines += ["`whole` is the command from start to end, test scores included.", ""]
    lines += ["| data, epochs, tokens | program | test accuracy, % | training, s | whole, s | peak memory, MB |"]
    lines += ["|---|---|---|---|---|---|"]
    ratios = []
    for name, work in figures["sets"].items():
        settings, programs = work["settings"], work["programs"]
        for program, runs in programs.items():
            values = {key: [run[key] for run in runs] for key in runs[0] if isinstance(runs[0][key], (int, float))}
            accuracy = results.spread([100 * value for value in values["accuracy"]])
            cells = [f"{name}, {settings['epochs']}, {settings['max_tokens']}", _named(program, runs[0]), accuracy]
            cells += [results.spread(values["train_seconds"], 1), results.spread(values["whole_seconds"], 1)]
            lines.append(f"| {' | '.join(cells)} | {max(values['peak_mb']):,.0f} |")
            if program != SLANTED:
                ratios += [_ratio_line(name, program, key, runs, programs[SLANTED]) for key in ("train", "whole")]
    return "\n".join([*lines, "", "Time of each program divided by that of slanted:", "", *ratios])


def _named(program: str, run: dict[str, Any]) -> str:
    return f"{program} ({run['backend']}, {run['precision']})" if "backend" in run else program


def _ratio_line(name: str, program: str, key: str, runs: list[Any], slanted: list[Any]) -> str:
    of, to = ([run[f"{key}_seconds"] for run in each] for each in (runs, slanted[: len(runs)]))
    what = "training" if key == "train" else "the whole command"
    return f"- {name}, {what}: {program} {results.ratio(of, to)}"
