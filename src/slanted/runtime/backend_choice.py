"""Choose the Keras backend and the precision to train with, from a benchmark that runs once per machine.

Nothing here imports Keras, because the import fixes the backend.
"""

import importlib.util
import json
import os
import platform
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from slanted._version import __version__
from slanted.common.strict_json import decoded
from slanted.errors import InputError, missing_extra
from slanted.runtime.threads import threads_of

BACKENDS = ("tensorflow", "jax", "torch")
MEASURE = "measure"  # like "auto", but the benchmarks run again
PRECISIONS = ("float32", "mixed_bfloat16", "mixed_float16")

_GAIN_WORTH_A_PRECISION = 1.1
_PROBE_SECONDS = 120.0
_EXTRA_OF_BACKEND = {"tensorflow": "text", "jax": "jax", "torch": "torch"}

# The result of a benchmark: precision -> training steps per second, or the reason why it failed.
Speeds = dict[str, float]
Result = Speeds | str


@dataclass(frozen=True)
class Choice:
    """A backend, a precision, and one line with the reason."""

    backend: str
    precision: str
    why: str


def choose(backend: str = "auto", precision: str = "auto", say: Callable[[str], None] | None = None) -> Choice:
    """Return the backend and the precision to train with.

    A backend or precision that is named is used. "auto" selects the backend of `KERAS_BACKEND` if that is set, else the
    fastest one in a short benchmark on this machine, whose result is cached in a file. "auto" selects mixed_bfloat16 if
    it is at least 10 % faster than float32, but never mixed_float16.

    Args:
        backend: "auto", one of `BACKENDS`, or "measure": like "auto", but the benchmarks run again, for instance
            because other programs kept the machine busy the last time. With `KERAS_BACKEND` set, or Keras imported,
            that backend alone is measured.
        precision: "auto", or one of `PRECISIONS`.
        say: Called with a line of text before each benchmark, which takes several seconds.

    Raises:
        InputError: A name is unknown, or the backend is not installed.
    """
    if precision not in ("auto", *PRECISIONS):
        raise InputError(f"--precision {precision!r} is unknown: use auto, {_list(PRECISIONS)}")
    candidates, origin = _candidates(backend)
    if len(candidates) == 1 and precision != "auto" and backend != MEASURE:
        return Choice(candidates[0], precision, f"backend {candidates[0]} ({origin}), precision {precision} (as asked)")
    results = _recall_or_measure(candidates, say, anew=backend == MEASURE)
    return _fastest(candidates, origin, precision, results)


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
    return installed, "the only one installed" if len(installed) == 1 else "measured"


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


def _fastest(candidates: list[str], origin: str, precision: str, results: dict[str, Result]) -> Choice:
    """Return the fastest measured candidate, or the first candidate in float32 if all benchmarks failed."""
    measured = {name: speeds for name in candidates if isinstance(speeds := results[name], dict)}
    failures = "".join(
        f"; {name} could not be measured: {results[name]}" for name in candidates if name not in measured
    )
    if not measured:
        safe = "float32" if precision == "auto" else precision
        return Choice(candidates[0], safe, f"backend {candidates[0]}, precision {safe}: the safe choice{failures}")
    precisions = {
        name: _best_precision(speeds) if precision == "auto" else precision for name, speeds in measured.items()
    }
    fast = {name: _speed(measured[name], precisions[name]) for name in measured}
    best = max(fast, key=lambda name: fast[name])
    chosen = (
        f"backend {best} ({origin}), precision {precisions[best]} ({'measured' if precision == 'auto' else 'as asked'})"
    )
    table = ", ".join(f"{name} {_words(speeds)}" for name, speeds in measured.items())
    kept = f"{'kept' if _key(best) in _read_cache() else 'this cannot be written, so not kept'} in {cache_file()}"
    kept = "not kept" if cache_file() is None else kept
    return Choice(best, precisions[best], f"{chosen}; steps/s here: {table}{failures}; {kept}")


def _best_precision(speeds: Speeds) -> str:
    faster = speeds["mixed_bfloat16"] >= _GAIN_WORTH_A_PRECISION * speeds["float32"]
    return "mixed_bfloat16" if faster else "float32"


def _speed(speeds: Speeds, precision: str) -> float:
    return speeds.get(precision, speeds["mixed_bfloat16"])  # mixed_float16 is not measured, but similar


def _words(speeds: Speeds) -> str:
    return f"float32 {speeds['float32']:.3g} bfloat16 {speeds['mixed_bfloat16']:.3g}"


def _list(names: tuple[str, ...]) -> str:
    return ", ".join(names[:-1]) + f" or {names[-1]}"


def cache_file() -> Path | None:
    """Return the path of the file that caches benchmark results; None: there is no cache folder."""
    folder = cache_folder()
    return None if folder is None else folder / "machine.json"


def cache_folder(name: str = "") -> Path | None:
    """Return a folder in slanted's cache: in SLANTED_CACHE, else in `slanted` in XDG_CACHE_HOME or ~/.cache.

    It is made with mode 0700. None without a home folder, and if other users own the folder or can write to it: the
    programs in it are run as they are. A line on standard error says so, once.
    """
    given = os.environ.get("SLANTED_CACHE")
    try:
        folder = Path(given) if given else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "slanted"
    except RuntimeError:  # there is no home folder
        return None
    return folder / name if _is_private(folder) and _is_private(folder / name) else None


def _is_private(folder: Path) -> bool:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        facts = folder.stat()
    except OSError:
        return True  # it cannot be written to: nothing will be cached
    if os.name != "posix" or (facts.st_uid == os.geteuid() and not facts.st_mode & 0o022):
        return True
    problem = "is not used as a cache: other users own it or can write to it"
    _warn(f"note: {folder} {problem}; make it yours with mode 700, or set SLANTED_CACHE")
    return False


@cache
def _warn(line: str) -> None:
    """Print a line to standard error, once in a process."""
    print(line, file=sys.stderr)


def _recall_or_measure(
    candidates: list[str], say: Callable[[str], None] | None, *, anew: bool = False
) -> dict[str, Result]:
    """Return the result of each candidate; those that are not cached, or all if `anew`, are measured."""
    known = _read_cache()
    missing = [name for name in candidates if anew or _key(name) not in known]
    for number, name in enumerate(missing, start=1):
        if say is not None:
            say(f"measuring {name} on this machine, {number} of {len(missing)}, once (about 15 seconds)")
        known[_key(name)] = measure(name)
    if missing:
        _write_cache(known)
    return {name: known[_key(name)] for name in candidates}


def _read_cache() -> dict[str, Result]:
    """Return the valid entries of the cache file."""
    path = cache_file()
    try:
        cached = decoded(path.read_text(encoding="utf-8")) if path is not None else {}
    except (OSError, ValueError):
        return {}
    return {key: result for key, result in cached.items() if _is_speeds(result)} if isinstance(cached, dict) else {}


def _is_speeds(result: object) -> bool:
    """Return whether `result` is a measurement; an earlier version marked some as "busy", which are invalid now."""
    if not isinstance(result, dict) or set(result) != set(PRECISIONS[:2]):
        return False
    return all(isinstance(speed, float) and speed > 0.0 for speed in result.values())


def _write_cache(known: dict[str, Result]) -> None:
    """Save the successful benchmarks; if the folder cannot be written, they run again next time."""
    path = cache_file()
    if path is None:
        return
    temporary = path.with_suffix(f".{os.getpid()}")
    try:
        temporary.write_text(json.dumps({k: r for k, r in known.items() if _is_speeds(r)}, indent=1), encoding="utf-8")
        os.replace(temporary, path)
    except OSError:
        return


def _key(backend: str) -> str:
    """Return a key with everything that the speed of a backend depends on: hardware and versions."""
    versions = ", ".join(f"{name} {_version(name)}" for name in (backend, "keras", "keras-hub"))
    return f"{_processor()}; {threads_of(backend)} threads; {_accelerators()} GPUs; slanted {__version__}, {versions}"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _accelerators() -> int:
    return len(list(Path("/dev").glob("nvidia[0-9]*"))) + len(list(Path("/dev").glob("accel[0-9]*")))


def _version(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:  # TensorFlow is distributed under several names
        return "of unknown version"


def measure(backend: str) -> Result:
    """Run the benchmark of `backend` in a child process.

    Returns:
        Precision -> training steps per second, or the reason why the benchmark failed.
    """
    environment = os.environ | {"KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"}
    command = [sys.executable, "-P", "-m", "slanted.acceleration.backend_benchmark"]  # -P: not from the current folder
    try:
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=_PROBE_SECONDS, check=True
        )
    except subprocess.TimeoutExpired:
        return f"it took longer than {_PROBE_SECONDS:.0f} seconds"
    except subprocess.CalledProcessError as failed:
        return (failed.stderr.strip().splitlines() or [f"exit status {failed.returncode}"])[-1][:200]
    return json.loads(done.stdout.strip().splitlines()[-1])
