"""Choose the Keras backend and the precision that are expected to train a run in the shortest time.

The expected time is computed from what the run computes and from the costs of each backend (`run_costs`). The costs are
those measured on this machine, by a short benchmark or in an earlier run, and are cached in a file; without them, those
of a typical machine. Nothing here imports Keras, because the import fixes the backend.
"""

import importlib.util
import math
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

from slanted.common.messages import duration
from slanted.common.strict_json import decoded
from slanted.errors import InputError, missing_extra
from slanted.runtime.machine_cache import (
    CostsByPrecision,
    add_costs,
    costs_of,
    has_bfloat16,
    read_costs,
)
from slanted.runtime.run_costs import BFLOAT16, FLOAT32, SHORT_RUN, TYPICAL, Costs, Work, expected_seconds

BACKENDS = ("tensorflow", "jax", "torch")
MEASURE = "measure"  # like "auto", but the benchmarks run again
PRECISIONS = (FLOAT32, BFLOAT16, "mixed_float16")

MOST_SECONDS = 20.0  # of measuring: for all backends, for each of them with "measure"
MOST_SHARE = 0.05  # of the expected time of the run
_BENCHMARK = Work(lengths=2, steps=8, tokens=8 * 32 * 32, predicted=3 * 4096)  # what backend_benchmark computes
_GAIN_WORTH_A_PRECISION = 1.1
_EXTRA_OF_BACKEND = {"tensorflow": "text", "jax": "jax", "torch": "torch"}


@dataclass(frozen=True)
class Choice:
    """A backend and a precision.

    Attributes:
        backend: The backend.
        precision: The precision.
        why: One line with the reason.
        seconds: The expected time of the run; None: what the run computes was not given.
    """

    backend: str
    precision: str
    why: str
    seconds: float | None = None


def choose(
    backend: str = "auto",
    precision: str = "auto",
    say: Callable[[str], None] | None = None,
    work: Work | None = None,
) -> Choice:
    """Return the backend and the precision to train with.

    A backend or precision that is named is used. "auto" selects the backend of `KERAS_BACKEND` if that is set, else the
    one with the shortest expected time. "auto" selects mixed_bfloat16 if its steps take at most 10/11 of the time of
    those in float32, but never mixed_float16. Backends are measured for at most 20 seconds, and at most 5 % of the
    expected time of the run.

    Args:
        backend: "auto", one of `BACKENDS`, or "measure": like "auto", but the benchmarks run again, for at most 20
            seconds a backend, for instance because other programs kept the machine busy the last time. With
            `KERAS_BACKEND` set, or Keras imported, that backend alone is measured.
        precision: "auto", or one of `PRECISIONS`.
        say: Called with a line of text before each benchmark, which takes several seconds.
        work: What the run computes; None: a short run, for which nothing is measured unless asked for.

    Raises:
        InputError: A name is unknown, or the backend is not installed.
    """
    if precision not in ("auto", *PRECISIONS):
        raise InputError(f"--precision {precision!r} is unknown: use auto, {_list(PRECISIONS)}")
    candidates, origin = _candidates(backend)
    estimates = _Estimates(candidates, precision, work or SHORT_RUN)
    failures = estimates.measure(say, anew=backend == MEASURE)
    usable = [name for name in candidates if name not in failures] or candidates
    times = {name: estimates.best(name) for name in usable}
    best = min(usable, key=lambda name: times[name].seconds)
    chosen = times[best]
    reason = "as asked" if precision != "auto" else chosen.origin
    parts = [f"backend {best} ({origin}), precision {chosen.precision} ({reason})"]
    parts += [f"{name} could not be measured: {why}" for name, why in failures.items()]
    if work is None:
        return Choice(best, chosen.precision, "; ".join(parts))
    others = "".join(f"; {duration(times[name].seconds)} on {name}" for name in usable if name != best)
    parts.append(f"expected: about {duration(chosen.seconds)} on {best} in {chosen.precision}{others}")
    return Choice(best, chosen.precision, "; ".join(parts), chosen.seconds)


def _candidates(backend: str) -> tuple[list[str], str]:
    """Return the backends to choose from, and the reason for this list."""
    if backend not in ("auto", MEASURE):
        return [_usable(backend, f"--backend {backend!r}")], "as asked"
    if (running := running_backend()) is not None:
        return [running], "Keras runs on it in this process"
    if os.environ.get("KERAS_BACKEND"):
        named = os.environ["KERAS_BACKEND"]
        return [_usable(named, f"KERAS_BACKEND={named!r}")], "from KERAS_BACKEND"
    installed = [name for name in BACKENDS if _is_installed(name)]
    if not installed:
        raise missing_extra("text", "Training")
    return installed, "the only one installed" if len(installed) == 1 else "the shortest expected time"


def running_backend() -> str | None:
    """Return the backend of Keras in this process, or None if Keras is not imported."""
    keras = sys.modules.get("keras")
    return None if keras is None else keras.config.backend()


def _usable(backend: str, option: str) -> str:
    if backend not in BACKENDS:
        raise InputError(f"{option} is unknown: use {_list(BACKENDS)}")
    if not _is_installed(backend):
        raise missing_extra(_EXTRA_OF_BACKEND[backend], option)
    return backend


def _is_installed(module: str) -> bool:
    return importlib.util.find_spec(module) is not None


@dataclass(frozen=True)
class _Time:
    """The expected time of a run on a backend in the precision that suits it."""

    precision: str
    seconds: float
    origin: str


class _Estimates:
    """The expected times of a run on several backends."""

    def __init__(self, backends: list[str], precision: str, work: Work) -> None:
        self._backends, self._precision, self._work = backends, precision, work
        self._known = {name: read_costs(name) for name in backends}
        self._bfloat16 = has_bfloat16()

    def best(self, backend: str) -> _Time:
        """Return the expected time in the precision that was asked for, or that is faster."""
        known = self._known[backend]
        if self._precision != "auto":
            return _Time(self._precision, self._seconds(backend, self._precision), "as asked")
        precision, costs = FLOAT32, {name: self._costs(backend, name) for name in (FLOAT32, BFLOAT16)}
        if BFLOAT16 in known or self._bfloat16:
            slow, fast = (costs[name].training(self._work) for name in (FLOAT32, BFLOAT16))
            precision = BFLOAT16 if slow >= _GAIN_WORTH_A_PRECISION * fast else FLOAT32
        origin = "measured" if precision in known else "as on a typical machine"
        return _Time(precision, self._seconds(backend, precision), origin)

    def _seconds(self, backend: str, precision: str) -> float:
        costs, scoring = self._costs(backend, precision), self._costs(backend, FLOAT32)
        return expected_seconds(backend, costs, scoring, self._work)

    def _costs(self, backend: str, precision: str) -> Costs:
        """Return the measured costs, or typical ones times the speed of this machine as far as it is known."""
        name = FLOAT32 if precision == FLOAT32 or self._bfloat16 is False else BFLOAT16  # no float16 is measured
        return self._known[backend].get(name) or TYPICAL[backend][name].times(self._slowness())

    def _slowness(self) -> float:
        """Return the geometric mean of measured over typical times of the run's steps; 1: nothing was measured."""
        logs = [
            math.log(costs.training(work) / TYPICAL[backend][precision].training(work))
            for work in [self._work if self._work.steps else SHORT_RUN]
            for backend, known in self._known.items()
            for precision, costs in known.items()
            if costs.training(work) > 0.0
        ]
        return math.exp(sum(logs) / len(logs)) if logs else 1.0

    def measure(self, say: Callable[[str], None] | None, *, anew: bool) -> dict[str, str]:
        """Measure what is not known, as far as the time allows; return the backends that failed, each with the reason.

        Args:
            say: Called with a line before each benchmark.
            anew: Whether all are measured, each for at most `MOST_SECONDS`.
        """
        failures: dict[str, str] = {}
        ranked = sorted(self._backends, key=lambda name: self.best(name).seconds)
        left = min(MOST_SECONDS, MOST_SHARE * self.best(ranked[0]).seconds)
        for name in ranked:
            precisions = self._unknown(name, anew=anew)
            if not precisions or not (anew or self._benchmark_seconds(name, precisions) <= left):
                continue
            limit = MOST_SECONDS if anew else left
            if say is not None:
                say(f"measuring {name} on this machine, once (at most {limit:.0f} seconds)")
            begun = time.monotonic()
            result = measure(name, precisions, limit)
            left -= time.monotonic() - begun
            if isinstance(result, str):
                failures[name] = result
            elif result:
                self._known[name] = self._known[name] | result
                add_costs(name, result)
        return failures

    def _unknown(self, backend: str, *, anew: bool) -> list[str]:
        """Return the precisions to measure: none where there is nothing to choose from."""
        if self._precision == FLOAT32 or self._bfloat16 is False:
            wanted = [FLOAT32]
        else:
            wanted = [BFLOAT16] if self._precision != "auto" else [BFLOAT16, FLOAT32]
        if anew:
            return wanted
        alone = len(self._backends) == 1 and len(wanted) == 1
        return [] if alone else [one for one in wanted if one not in self._known[backend]]

    def _benchmark_seconds(self, backend: str, precisions: list[str]) -> float:
        times = [expected_seconds(backend, costs, costs, _BENCHMARK) for costs in self._all(backend, precisions)]
        return sum(times) - (len(times) - 1) * self._costs(backend, FLOAT32).startup

    def _all(self, backend: str, precisions: list[str]) -> list[Costs]:
        return [self._costs(backend, precision) for precision in precisions]


def _list(names: tuple[str, ...]) -> str:
    return ", ".join(names[:-1]) + f" or {names[-1]}"


def measure(backend: str, precisions: list[str], limit: float) -> CostsByPrecision | str:
    """Run the benchmark of `backend` in a child process, which is killed after a time.

    Args:
        backend: The backend.
        precisions: The precisions, the most important first.
        limit: The time in seconds.

    Returns:
        The costs in each precision that was measured in that time, or the reason why the benchmark failed.
    """
    environment = os.environ | {"KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"}
    environment["JAX_ENABLE_COMPILATION_CACHE"] = "false"
    command = [sys.executable, "-P", "-m", "slanted.text.training.backend_benchmark"]  # -P: not from the current folder
    command += [backend, repr(time.time()), *precisions]
    try:
        done = subprocess.run(command, env=environment, capture_output=True, timeout=limit, check=True)
        output = done.stdout
    except subprocess.TimeoutExpired as killed:
        output = killed.stdout or b""
    except subprocess.CalledProcessError as failed:
        lines = failed.stderr.decode(errors="replace").strip().splitlines()
        return (lines or [f"exit status {failed.returncode}"])[-1][:200]
    return _parsed(output)


def _parsed(output: bytes) -> CostsByPrecision:
    """Return the costs in the complete lines of a benchmark's output."""
    measured = {}
    for line in output.decode(errors="replace").splitlines():
        try:
            values = decoded(line)
        except ValueError:  # of a library, or cut off
            continue
        if (costs := costs_of(values)) is not None and values.get("precision") in (FLOAT32, BFLOAT16):
            measured[values["precision"]] = costs
    return measured
