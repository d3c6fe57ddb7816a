"""Sooner to the same accuracy: the fewest training seconds to a target, each program free in epochs and peak rate."""

from typing import Any

from benchmarks import peers, processes, results
from benchmarks.data import DataSet, data_set
from benchmarks.processes import CHILDREN
from benchmarks.training import slanted_trained

TARGETS = {"trec6": 0.963, "imdb_2k": 0.855}
MAX_TOKENS = {"trec6": 128, "imdb_2k": 256}
TRAINER_EPOCHS, TRAINER_RATES = (1, 2, 3), (5e-5, 1e-4, 2e-4)
# Candidates, as the Trainer's grid is: the plain recipe, and fewer epochs at a higher rate with layer decay.
SLANTED = (
    ["--epochs", "3"],
    ["--epochs", "2", "--lr", "2e-4"],
    ["--epochs", "2", "--lr", "4e-4", "--layer-decay", "0.8"],
)


def measure(rounds: int = 3) -> dict[str, Any]:
    """Train with every combination, a seed a round."""
    return {"sets": {name: _candidates(data_set(name), name, rounds) for name in TARGETS}}


def _candidates(data: DataSet, name: str, rounds: int) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for seed in range(rounds):
        for options in SLANTED:
            run = slanted_trained(data, MAX_TOKENS[name], seed, options)
            found.setdefault(f"slanted {' '.join(options)}", []).append(run)
        for epochs in TRAINER_EPOCHS:
            for rate in TRAINER_RATES:
                run = _trainer(data, epochs, rate, MAX_TOKENS[name], seed)
                found.setdefault(f"transformers Trainer, {epochs} epochs, {rate:g}", []).append(run)
    return found


def _trainer(data: DataSet, epochs: int, rate: float, max_tokens: int, seed: int) -> dict[str, Any]:
    options = ["--epochs", str(epochs), "--lr", str(rate), "--max-tokens", str(max_tokens), "--seed", str(seed)]
    run = processes.run([peers.python(), CHILDREN / "transformers_train.py", data.train, data.test, *options])
    print(f"{data.name} {epochs} epochs {rate:g} seed {seed}: {run.result}", flush=True)
    return run.result


def page(figures: dict[str, Any]) -> str:
    """Return the part's section of docs/benchmarks.md."""
    lines = ["## Sooner to the same accuracy", ""]
    for name, candidates in figures["sets"].items():
        lines += [f"{name}, a mean of {TARGETS.get(name, 0.0):.1%} on the test file:", ""]
        lines += ["| program | test accuracy, % | training, s | reached |", "|---|---|---|---|"]
        for program, runs in candidates.items():
            accuracies = [100 * run["accuracy"] for run in runs]
            reached = sum(accuracies) / len(accuracies) >= 100 * TARGETS.get(name, 0.0) - 1e-9
            seconds = results.spread([run["train_seconds"] for run in runs], 1)
            lines.append(f"| {program} | {results.spread(accuracies)} | {seconds} | {'yes' if reached else 'no'} |")
        lines.append("")
    return "\n".join(lines)
