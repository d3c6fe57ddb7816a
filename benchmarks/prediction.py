"""Predicting with the same weights: slanted and transformers' batched pipeline in turn."""

import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from benchmarks import peers, processes, results
from benchmarks.data import DataSet, data_set
from benchmarks.processes import CHILDREN, PYTHON

SETS = {"sst2_sentences": 128, "imdb_2k": 256}
BATCH_SIZES = (8, 32, 64)


def measure(rounds: int = 3, sets: Iterable[str] = SETS) -> dict[str, Any]:
    """Train one model a data set, then predict its test file with either program in turn."""
    return {"sets": {name: _rounds(data_set(name), SETS[name], rounds) for name in sets}}


def _rounds(data: DataSet, max_tokens: int, rounds: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        options = ["--epochs", "1", "--max-tokens", str(max_tokens), "--out", folder / "run"]
        processes.run([PYTHON, "-m", "slanted.cli", "train", data.train, *options])
        processes.run([PYTHON, CHILDREN / "export_run.py", folder / "run", folder / "peer"])
        found: dict[str, Any] = {}
        for _ in range(rounds):
            for program, seconds in _in_turn(data, folder, max_tokens):
                found.setdefault(program, []).append(seconds)
                print(f"{data.name} {program}: {seconds:.1f} s", flush=True)
        labels = {path.stem: path.read_text(encoding="utf-8").split() for path in folder.glob("*.labels")}
    reference = labels["slanted"]
    same = [sum(a == b for a, b in zip(reference, other, strict=True)) for other in labels.values()]
    return {"max_tokens": max_tokens, "rows": len(reference), "fewest_same_labels": min(same), "seconds": found}


def _in_turn(data: DataSet, folder: Path, max_tokens: int) -> Any:
    out = folder / "slanted.labels"
    outcome = processes.run([PYTHON, CHILDREN / "slanted_predict.py", folder / "run", data.test, out])
    yield f"slanted ({outcome.result['backend']})", outcome.result["predict_seconds"]
    for size in BATCH_SIZES:
        out = folder / f"pipeline_{size}.labels"
        command = [peers.python(), CHILDREN / "transformers_predict.py", folder / "peer", data.test, out]
        outcome = processes.run([*command, "--max-tokens", str(max_tokens), "--batch-size", str(size)])
        yield f"transformers pipeline, batches of {size}", outcome.result["predict_seconds"]


def page(figures: dict[str, Any]) -> str:
    """Return the part's section of docs/benchmarks.md."""
    lines = [
        "### Prediction",
        "",
        "The same weights in float32; tokenisation is included, loading is not.",
        "",
    ]
    lines += ["| test file | program | examples/s | times slanted's seconds | same labels |", "|---|---|---|---|---|"]
    for name, one in figures["sets"].items():
        own = next(iter(one["seconds"].values()))  # slanted's, the first of a round
        for program, seconds in one["seconds"].items():
            speeds = [one["rows"] / value for value in seconds]
            ratio = "1" if seconds is own else results.ratio(seconds, own)
            same = f"{one['fewest_same_labels']:,} of {one['rows']:,}"
            lines.append(
                f"| {name}, {one['max_tokens']} tokens | {program} | {results.spread(speeds, 0)} | {ratio} | {same} |"
            )
    return "\n".join(lines)
