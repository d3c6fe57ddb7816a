"""Peak memory of training on many rows against few, and what each fit of a process leaves behind."""

import csv
import os
import random
import tempfile
from pathlib import Path
from typing import Any

from benchmarks import processes
from benchmarks.processes import PYTHON

ROWS = (10_000, 1_000_000)
FITS = 5
KINDS = {"fit": "`TextClassifier.fit`", "folds": "`slanted train --folds`"}
BACKENDS = ("tensorflow", "jax", "torch")
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
    return {"peak_mb": found, "fits_mb": {kind: {name: _fits(kind, name) for name in BACKENDS} for kind in KINDS}}


def resident() -> float:
    """Return the memory that this process holds, in MB of 10**6 bytes."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGESIZE") / 1e6


def _fits(kind: str, backend: str) -> list[float]:
    command = [PYTHON, "-m", "benchmarks.children.fits", kind, str(FITS)]
    found = processes.run(command, {"KERAS_BACKEND": backend}).result["mb"]
    print(f"{kind} on {backend}: {', '.join(f'{mb:,.0f}' for mb in found)} MB", flush=True)
    return found


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
    lines = ["### Memory", "", f"Peak memory of `slanted train` to step {STEPS_SHOWN}, texts of 12 words.", ""]
    lines += ["| rows | MB |", "|---|---|"]
    lines += [f"| {int(rows):,} | {mb:,.0f} |" for rows, mb in figures["peak_mb"].items()]
    lines += ["", f"Memory of a process after each of {FITS} fits of all-MiniLM-L6-v2 in float32, MB:", ""]
    lines += ["| fits | backend | after each |", "|---|---|---|"]
    for kind, backends in figures["fits_mb"].items():
        for name, after in backends.items():
            lines.append(f"| {KINDS[kind]} | {name} | {', '.join(f'{mb:,.0f}' for mb in after)} |")
    return "\n".join(lines)
