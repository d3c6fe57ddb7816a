"""Fit a classifier several times in one process; print one JSON line with the resident memory in MB after each.

Usage: fits.py KIND N

KIND: fit, `TextClassifier.fit` and `predict`, again and again; or folds, `slanted train --folds N`. On 96 rows.
"""

import csv
import gc
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.data import SAMPLE
from benchmarks.memory import resident

ROWS = 96


def main() -> None:
    """Fit, and measure."""
    kind, count = sys.argv[1], int(sys.argv[2])
    with (SAMPLE / "messages_train.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))[:ROWS]
    print(json.dumps({"mb": fits(rows, count) if kind == "fit" else folds(rows, count)}), flush=True)


def fits(rows: list[dict[str, str]], count: int) -> list[float]:
    """Return the memory after each of `count` fits and predictions."""
    from slanted import TextClassifier

    texts, labels = [row["text"] for row in rows], [row["label"] for row in rows]
    found = []
    for seed in range(count):
        TextClassifier(epochs=1, precision="float32", seed=seed).fit(texts, labels).predict(texts[:3])
        gc.collect()
        found.append(resident())
    return found


def folds(rows: list[dict[str, str]], count: int) -> list[float]:
    """Return the memory after each of `count` folds."""
    from slanted.cli import main as slanted
    from slanted.text.training import cross_validation as module

    found, train_fold = [], module.train_fold

    def measured(*args: Any) -> dict[str, Any]:
        metrics = train_fold(*args)
        gc.collect()
        found.append(resident())
        return metrics

    module.train_fold = measured
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
        options = ["--folds", str(count), "--epochs", "1", "--precision", "float32", "--quiet"]
        if slanted(["train", str(path), "--out", str(Path(folder) / "run"), *options]):
            raise RuntimeError("slanted train failed")
    return found


if __name__ == "__main__":
    main()
