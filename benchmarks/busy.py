"""Training beside a process that takes one core: how many times the seconds of an idle machine does it take?"""

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks import peers, processes, results
from benchmarks.data import DataSet, data_set
from benchmarks.processes import CHILDREN, PYTHON
from benchmarks.training import SAME_WORK

BACKENDS = ("torch", "tensorflow", "jax")
TRAINER = "transformers Trainer"
OPTIONS = ["--epochs", "1", "--lr", "0.0001"]


def measure(rounds: int = 1) -> dict[str, Any]:
    """Train trec6 for an epoch, with and without the busy process in turn, on each backend and by the Trainer."""
    data = data_set("trec6")
    found: dict[str, dict[str, list[float]]] = {name: {"idle": [], "busy": []} for name in (*BACKENDS, TRAINER)}
    for _ in range(rounds):
        for name, seconds in found.items():
            seconds["idle"].append(_seconds(name, data))
            with busy_core():
                seconds["busy"].append(_seconds(name, data))
            print(f"{name}: {seconds}", flush=True)
    return {"data": data.name, "programs": found}


@contextmanager
def busy_core() -> Iterator[None]:
    """Keep one core busy within a `with` block."""
    process = subprocess.Popen([PYTHON, "-c", "while True: pass"])
    try:
        yield
    finally:
        process.kill()
        process.wait()


def _seconds(program: str, data: DataSet) -> float:
    """Return the seconds of the whole command."""
    if program == TRAINER:
        child = [peers.python(), CHILDREN / "transformers_train.py", data.train, data.test, *OPTIONS]
        return processes.run([*child, "--max-tokens", "128", "--seed", "0"]).seconds
    with tempfile.TemporaryDirectory() as folder:
        files = [data.train, "--test", data.test, "--out", Path(folder) / "run", "--valid-share", "0"]
        command = [
            PYTHON,
            "-m",
            "slanted.cli",
            "train",
            *files,
            *OPTIONS,
            *SAME_WORK,
            "--batch-size",
            "32",
            "--backend",
            program,
        ]
        return processes.run(command).seconds


def page(figures: dict[str, Any]) -> str:
    """Return the part's section of docs/benchmarks.md."""
    lines = [
        "### Beside a busy process",
        "",
        f"{figures['data']}, 1 epoch, batches of 32, all training rows; seconds of the whole command, alone and while",
        "another process keeps one core busy.",
        "",
        "| program | alone | beside it | times |",
        "|---|---|---|---|",
    ]
    for name, seconds in figures["programs"].items():
        shown = name if name == TRAINER else f"slanted ({name})"
        cells = [shown, *(results.spread(seconds[state], 1) for state in ("idle", "busy"))]
        lines.append(f"| {' | '.join(cells)} | {results.ratio(seconds['busy'], seconds['idle'])} |")
    return "\n".join(lines)
