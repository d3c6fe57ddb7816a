"""Sooner to the same accuracy: the fewest training seconds to a target, each program free in epochs and peak rate."""

from collections.abc import Callable, Iterable, Mapping
from statistics import mean, median
from typing import Any

from benchmarks import peers, processes, results
from benchmarks.data import DataSet, data_set
from benchmarks.processes import CHILDREN
from benchmarks.training import slanted_trained
from slanted.common.messages import plural

SETS = {"trec6": 0.963, "imdb_2k": 0.855}
MAX_TOKENS = {"trec6": 128, "imdb_2k": 256}
TRAINER_EPOCHS, TRAINER_RATES = (1, 2, 3), (5e-5, 1e-4, 2e-4)
SLANTED = (["--recipe", "quick", "--epochs", "1"], ["--recipe", "quick"], ["--recipe", "stlr"])  # the soonest first
HOPELESS = 0.03

Train = Callable[[int], dict[str, Any]]


def measure(rounds: int = 3, sets: Iterable[str] = SETS) -> dict[str, Any]:
    """Train with every candidate, a seed a round, the candidates of a number of epochs in turn."""
    return {"sets": {name: _candidates(data_set(name), name, rounds) for name in sets}}


def _candidates(data: DataSet, name: str, rounds: int) -> dict[str, Any]:
    """Return the runs of each candidate; either side has further ones, which take longer, until one of its is there."""
    most, target = MAX_TOKENS[name], SETS[name]
    found: dict[str, Any] = {}
    for epochs, options in zip(TRAINER_EPOCHS, SLANTED, strict=True):
        own = {f"slanted {' '.join(options)}": _slanted(data, options, most)}
        peers_own = {
            f"transformers Trainer, {plural(epochs, 'epoch')}, {rate:g}": _trainer(data, epochs, rate, most)
            for rate in TRAINER_RATES
        }
        sides = [side for side in (own, peers_own) if not _is_there(found, side, target)]
        found |= in_turn({program: train for side in sides for program, train in side.items()}, rounds, target)
    return found


def _is_there(found: Mapping[str, Any], side: Mapping[str, Train], target: float) -> bool:
    """Return whether one of the programs that are of the same side as these has reached the target."""
    own = next(iter(side)).startswith("slanted")
    return any(reached(runs, target) for program, runs in found.items() if program.startswith("slanted") == own)


def in_turn(candidates: Mapping[str, Train], rounds: int, target: float) -> dict[str, list[dict[str, Any]]]:
    """Return the runs of each candidate, one a round; of a hopeless one the first."""
    found: dict[str, list[dict[str, Any]]] = {}
    for seed in range(rounds):
        for program, train in candidates.items():
            runs = found.setdefault(program, [])
            if not runs or runs[0]["accuracy"] >= target - HOPELESS:
                runs.append(train(seed))
                print(f"{program}, seed {seed}: {runs[-1]}", flush=True)
    return found


def reached(runs: list[dict[str, Any]], target: float) -> bool:
    """Return whether the runs' mean accuracy is the target or more."""
    return mean(run["accuracy"] for run in runs) >= target - 1e-9


def _slanted(data: DataSet, options: list[str], max_tokens: int) -> Train:
    return lambda seed: slanted_trained(data, max_tokens, seed, options)


def _trainer(data: DataSet, epochs: int, rate: float, max_tokens: int) -> Train:
    options = ["--epochs", str(epochs), "--lr", str(rate), "--max-tokens", str(max_tokens)]
    command = [CHILDREN / "transformers_train.py", data.train, data.test, *options]
    return lambda seed: processes.run([peers.python(), *command, "--seed", str(seed)]).result


def page(figures: dict[str, Any]) -> str:
    """Return the part's section of docs/benchmarks.md."""
    lines = ["### Sooner to the same accuracy", ""]
    lines += [
        "The Trainer at 1, 2 and 3 epochs and three peak rates, slanted with its quickest recipes, until one is there;"
    ]
    lines += [f"a candidate whose first seed is more than {HOPELESS:.0%} below it has no further seeds.", ""]
    for name, candidates in figures["sets"].items():
        target = SETS.get(name, 0.0)
        lines += [f"{name}, a mean of {target:.1%} on the test file, {MAX_TOKENS.get(name)} tokens:", ""]
        lines += ["| program | runs | test accuracy, % | training, s | reached |", "|---|---|---|---|---|"]
        for program, runs in candidates.items():
            accuracy = results.spread([100 * run["accuracy"] for run in runs])
            seconds = results.spread([run["train_seconds"] for run in runs], 1)
            said = "yes" if reached(runs, target) else "no"
            lines.append(f"| {program} | {len(runs)} | {accuracy} | {seconds} | {said} |")
        lines += ["", _soonest(candidates, target), ""]
    return "\n".join(lines)


def _soonest(candidates: Mapping[str, list[dict[str, Any]]], target: float) -> str:
    """Return how much sooner slanted is there than the Trainer, each at its soonest."""

    def seconds(program: str) -> list[float]:
        return [run["train_seconds"] for run in candidates[program]]

    there = [program for program, runs in candidates.items() if reached(runs, target)]
    sides = [[program for program in there if program.startswith("slanted") == own] for own in (True, False)]
    if not all(sides):
        return f"Not reached by {'slanted' if not sides[0] else 'the Trainer'}."
    own, other = (min(side, key=lambda program: median(seconds(program))) for side in sides)
    count = min(len(seconds(own)), len(seconds(other)))
    ratio = results.ratio(seconds(other)[:count], seconds(own)[:count])
    return f"The soonest there are {own} and {other}, which takes {ratio} times as long."
