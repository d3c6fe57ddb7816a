"""The cache of this machine: its folder, and the costs of each backend, by processor, cores and versions."""

import math
import os
import platform
import sys
from dataclasses import asdict
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from slanted._version import __version__
from slanted.common.atomic_files import write_json
from slanted.common.strict_json import decoded
from slanted.errors import InputError
from slanted.runtime.run_costs import BFLOAT16, FLOAT32, Costs
from slanted.runtime.threads import threads_of

_CPUINFO = Path("/proc/cpuinfo")

CostsByPrecision = dict[str, Costs]


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


def read_costs(backend: str) -> CostsByPrecision:
    """Return the cached costs of a backend on this machine, by precision; entries of another format are ignored."""
    return _read().get(_key(backend), {})


def add_costs(backend: str, costs: CostsByPrecision) -> bool:
    """Cache costs of a backend on this machine; return whether the file could be written."""
    path = cache_file()
    if path is None:
        return False
    known = _read()
    known[_key(backend)] = known.get(_key(backend), {}) | costs
    values = {key: {name: asdict(one) for name, one in entry.items()} for key, entry in known.items()}
    try:
        write_json(path, values)
    except InputError:
        return False
    return True


def _read() -> dict[str, CostsByPrecision]:
    """Return the valid entries of the cache file."""
    path = cache_file()
    try:
        cached = decoded(path.read_text(encoding="utf-8")) if path is not None else {}
    except (OSError, ValueError):
        return {}
    entries = cached.items() if isinstance(cached, dict) else ()
    return {key: costs for key, entry in entries if (costs := _costs_of(entry))}


def _costs_of(entry: object) -> CostsByPrecision:
    """Return the costs in an entry of the cache file; none if it is damaged or of an earlier format."""
    if not isinstance(entry, dict):
        return {}
    costs = {name: costs_of(values) for name, values in entry.items() if name in (FLOAT32, BFLOAT16)}
    return {name: one for name, one in costs.items() if one is not None}


def costs_of(values: object) -> Costs | None:
    """Return the costs in a JSON object, or None if a cost is missing, is no finite number, or is negative."""
    if not isinstance(values, dict):
        return None
    numbers: dict[str, Any] = {name: values.get(name) for name in Costs.__dataclass_fields__}
    if not all(isinstance(one, float) and math.isfinite(one) and one >= 0.0 for one in numbers.values()):
        return None
    return Costs(**numbers)


def has_bfloat16() -> bool | None:
    """Return whether the processor has instructions for products of bfloat16; None: unknown, as with an accelerator."""
    if _accelerators():
        return None
    try:
        lines = _CPUINFO.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return None
    flags = {
        flag for line in lines if line.startswith(("flags", "Features")) for flag in line.partition(":")[2].split()
    }
    return bool(flags & {"avx512_bf16", "amx_bf16", "bf16"}) if flags else None


def _key(backend: str) -> str:
    """Return a key with everything that the speed of a backend depends on: hardware and versions."""
    versions = ", ".join(f"{name} {_version(name)}" for name in (backend, "keras", "keras-hub"))
    return f"{_processor()}; {threads_of(backend)} threads; {_accelerators()} GPUs; slanted {__version__}, {versions}"


def _processor() -> str:
    try:
        lines = _CPUINFO.read_text(encoding="utf-8", errors="replace").splitlines()
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
