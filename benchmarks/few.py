"""Few rows: the default command beside TF-IDF and the frozen encoder, on small draws of a training file.

Each run is saved in docs/benchmarks/KIND/few.json as soon as it is finished; the next command continues.
To measure a run again, delete it there.
"""

import json
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import processes, results
from benchmarks.data import DataSet, data_set
from benchmarks.processes import PYTHON

PART = "few"
SETS = {"trec6": "accuracy", "sst2_sentences": "accuracy", "banking77": "accuracy"}
SIZES = {"8 a class": ("class", 8), "64 a class": ("class", 64), "1,000 rows": ("rows", 1000), "all rows": ("all", 0)}
ERRORS = ("ece_uncalibrated", "ece")
BASELINES = {"tfidf": "TF-IDF", "frozen_encoder": "frozen encoder"}


def measure(rounds: int = 3, sets: Iterable[str] = SETS) -> dict[str, Any]:
    """Train on every draw of each data set, a seed a round; of all rows seed 0 only. Return all figures."""
    figures: dict[str, Any] = {"sets": (results.load(PART) or {}).get("sets", {})}
    for name in sets:
        for size in SIZES:
            runs = figures["sets"].setdefault(name, {}).setdefault(size, {})
            for seed in range(rounds if size != "all rows" else 1):
                if str(seed) not in runs:
                    runs[str(seed)] = _trained(data_set(name), name, size, seed)
                    print(f"{name}, {size}, seed {seed}: {runs[str(seed)]}", flush=True)
                    results.save(PART, figures)
    return {"sets": {name: figures["sets"][name] for name in sets}}


def _trained(data: DataSet, name: str, size: str, seed: int) -> dict[str, Any]:
    """Run the default command on a draw and return its score, those of the baselines, and the seconds."""
    with tempfile.TemporaryDirectory() as folder:
        drawn, out = Path(folder) / "train.csv", Path(folder) / "run"
        draw(data.train, drawn, size, seed)
        command = ["train", drawn, "--test", data.test, "--out", out, "--seed", str(seed)]
        outcome = processes.run([PYTHON, "-m", "slanted.cli", *command])
        metrics = json.loads((out / "metrics.json").read_text(encoding="utf-8"))
    score = SETS[name]
    return {
        "slanted": metrics["test"][score],
        **{name: metrics["test"][name] for name in ERRORS},
        **{one: metrics["baselines"][one][score] for one in BASELINES},
        **{key: metrics[key] for key in ("examples", "epochs", "kept_epoch", "train_seconds", "backend", "precision")},
        "whole_seconds": outcome.seconds,
    }


def _spread_of(runs: list[dict[str, Any]], name: str) -> str:
    """Return mean and deviation of a share, in %; a dash for runs that were measured before there was one."""
    return results.spread([100 * run[name] for run in runs], 1) if all(name in run for run in runs) else "–"


def draw(train: Path, out: Path, size: str, seed: int) -> None:
    """Write a draw of a training file: K rows a class, N rows in the shares of the classes, or all rows."""
    import pandas as pd

    frame = pd.read_csv(train, keep_default_na=False, dtype=str)
    random, (by, count) = np.random.default_rng(seed), SIZES[size]
    order = frame.iloc[random.permutation(len(frame))]
    rank = order.groupby("label").cumcount()
    if by == "class":
        order = order[rank < count]
    elif by == "rows":
        share = (rank + random.random(len(order))) / order.groupby("label")["label"].transform("size")
        order = order.iloc[np.argsort(share.to_numpy(), kind="stable")[:count]]
    order.sort_index().to_csv(out, index=False)


def page(figures: dict[str, Any]) -> str:
    """Return the part's section of docs/benchmarks.md."""
    lines = [
        "### Few rows",
        "",
        "`slanted train FILE --test TEST --out DIR --seed S` on draws of the training file, a seed per draw; mean and "
        "deviation of the test accuracy, %, of the seconds of training, and of the calibration error, %, without and "
        "with the temperature.",
        "",
        f"| data | rows | slanted | {' | '.join(BASELINES.values())} | epochs | training, s | error without | with |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for name, sizes in figures["sets"].items():
        for size, runs in sizes.items():
            each = list(runs.values())
            if each:
                scores = [results.spread([100 * run[key] for run in each], 1) for key in ("slanted", *BASELINES)]
                seconds = results.spread([run["train_seconds"] for run in each], 0)
                errors = [_spread_of(each, error) for error in ERRORS]
                cells = [name, size, *scores, f"{each[0]['epochs']}", seconds, *errors]
                lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)
