"""Peak memory of training on many rows against few."""

import csv
import random
import tempfile
from pathlib import Path
from typing import Any

from benchmarks import processes
from benchmarks.processes import PYTHON

ROWS = (10_000, 1_000_000)
STEPS_SHOWN = 20
WORDS = (
    "the",
    "parcel",
    "came",
    "late",
    "and",
    "broken",
    "please",
    "send",
    "another",
    "one",
    "or",
    "my",
    "money",
    "back",
)


def measure(rounds: int = 1) -> dict[str, Any]:
    """Train the first steps on files of either size."""
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        for rows in ROWS:
            path = Path(folder) / f"{rows}.csv"
            write(path, rows)
            found[str(rows)] = _peak(path, Path(folder) / f"run_{rows}")
            print(f"{rows:,} rows: {found[str(rows)]:,.0f} MB", flush=True)
    return {"peak_mb": found}


def write(path: Path, rows: int, words: int = 12) -> None:
    """Write a file of random messages in two classes."""
    random.seed(rows)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "label"])
        writer.writerows([" ".join(random.choices(WORDS, k=words)), random.choice("ab")] for _ in range(rows))


def _peak(path: Path, out: Path) -> float:
    child = processes.CHILDREN / "first_steps.py"
    return processes.run([PYTHON, child, path, out, str(STEPS_SHOWN), "--max-tokens", "32"]).peak_mb


def page(figures: dict[str, Any]) -> str:
    """Return the part's section of docs/benchmarks.md."""
    lines = ["## Memory", "", f"Peak memory of `slanted train` to step {STEPS_SHOWN}, texts of 12 words.", ""]
    lines += ["| rows | MB |", "|---|---|"]
    return "\n".join(lines + [f"| {int(rows):,} | {mb:,.0f} |" for rows, mb in figures["peak_mb"].items()])
