"""The threads that compute: how many a process may use, how backends are told, and how they wait for each other.

Nothing here imports Keras. OpenMP, TensorFlow and JAX read their numbers of threads from the environment when they are
loaded, so that `set_threads` and `limit_spinning` are called before. A Python process of the user keeps its waiting.
"""

import math
import os
import sys
import time
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from slanted.common.argument_checks import whole
from slanted.common.messages import plural
from slanted.errors import InputError

AUTO = "auto"  # one thread for each core
AS_LIBRARIES = 0  # the number that the libraries choose by themselves

VARIABLES = {  # the first one of a backend is its number of threads
    "torch": ("OMP_NUM_THREADS", "MKL_NUM_THREADS"),
    "tensorflow": ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"),
    "jax": ("PJRT_NPROC", "NPROC"),
}
SPINS = "10000"
WAITING = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME")

_CGROUPS, _CPUS, _STAT = Path("/sys/fs/cgroup"), Path("/sys/devices/system/cpu"), Path("/proc/stat")
_OWN_CGROUPS = Path("/proc/self/cgroup")
_SAMPLE_SECONDS = 0.2
_NOTE = (
    "note: other programs are using the cores of this machine, and PyTorch's threads lose time as they wait for each "
    "other; set OMP_WAIT_POLICY=passive before Python starts, or call torch.set_num_threads(1)"
)

_noted = False


def check_threads(name: str, value: Any) -> None:
    """Check a number of threads: `AUTO`, or an integer >= 0."""
    if value != AUTO:
        whole(name, value, least=0)


def parse_threads(text: str) -> int | str:
    """Return the value of the option `--threads`.

    Raises:
        InputError: It is no whole number.
    """
    if text != AUTO and not text.removeprefix("-").isdecimal():
        raise InputError(f"must be {AUTO} or a whole number, not {text!r}")
    return AUTO if text == AUTO else int(text)


def limit_spinning() -> None:
    """Limit the time that OpenMP's threads spin while they wait for each other, unless the user has set how they wait.

    By default they spin for milliseconds. If another process has taken the core of one thread, the others then spin
    until it returns. On a busy machine they sleep at once; on an idle one, where to be woken takes longer than to wait,
    they spin for some tens of microseconds first.
    """
    if any(name in os.environ for name in WAITING):
        return
    if _is_busy(len(_allowed())):
        os.environ["OMP_WAIT_POLICY"] = "passive"
    else:
        os.environ["GOMP_SPINCOUNT"] = SPINS


def set_threads(threads: int | str, running: str | None = None) -> None:
    """Set the number of threads, before a backend is loaded.

    Args:
        threads: `AUTO`: the number of cores that the process may use, unless the user has set a variable of the backend
            in the environment. A number replaces the variables. `AS_LIBRARIES` changes nothing.
        running: The backend that Keras runs on in this process already. PyTorch changes its number, TensorFlow and JAX
            cannot, and with `AUTO` it does not change.

    Raises:
        InputError: A number was given that the running backend cannot change to.
        SettingError: `threads` is out of its range.
    """
    check_threads("threads", threads)
    if threads == AS_LIBRARIES or (running is not None and threads == AUTO):
        return
    if running is None:
        for names in VARIABLES.values():
            if threads != AUTO or not any(os.environ.get(name) for name in names):
                os.environ.update(dict.fromkeys(names, str(usable_cores() if threads == AUTO else threads)))
    elif running == "torch":
        import_module("torch").set_num_threads(threads)
    elif threads != (current := threads_of(running)):
        problem = f"--threads {threads}: {running} runs with {plural(current, 'thread')} in this process already"
        raise InputError(f"{problem}, and keeps that number; start a new process")


def threads_of(backend: str) -> int:
    """Return the number of threads that a backend has, or will have when it is loaded in this environment."""
    torch = sys.modules.get("torch")
    if backend == "torch" and torch is not None:
        return torch.get_num_threads()
    for name in VARIABLES[backend]:
        if os.environ.get(name, "").isdecimal() and int(os.environ[name]) > 0:
            return int(os.environ[name])
    return len(_allowed())  # what all three libraries take


def usable_cores() -> int:
    """Return the number of cores that this process may use, at least 1.

    It is the smallest of: the cores that the scheduler allows, the processor time that a control group of Linux allows,
    rounded up, and the physical cores among those allowed: two threads on one physical core share its units.
    """
    allowed = _allowed()
    return max(1, min(len(allowed), _physical(allowed), _quota()))


def _allowed() -> set[int]:
    if hasattr(os, "sched_getaffinity"):
        return os.sched_getaffinity(0)
    return set(range(os.cpu_count() or 1))


def _physical(allowed: set[int]) -> int:
    """Return the number of physical cores; a core whose siblings are unknown counts as one."""
    return len({_read(_CPUS / f"cpu{cpu}/topology/thread_siblings_list") or str(cpu) for cpu in allowed})


def _quota() -> int:
    """Return the number of cores whose time the control groups of this process allow, of versions 1 and 2."""
    limits: list[float] = [sys.maxsize]
    for line in _read(_OWN_CGROUPS).splitlines():
        _, controllers, path = line.split(":", 2)
        root = _CGROUPS if not controllers else _CGROUPS / "cpu"
        if controllers and "cpu" not in controllers.split(","):
            continue
        own = root / path.lstrip("/")
        for folder in (own, *own.parents):
            if folder.is_relative_to(root):  # a limit of a group holds for the groups in it
                limits += _limits(folder)
    return math.ceil(min(limits))


def _limits(folder: Path) -> list[float]:
    """Return the limit of one control group in cores, in a list; empty: it has none."""
    quota, period = _read(folder / "cpu.cfs_quota_us"), _read(folder / "cpu.cfs_period_us")
    if not quota:
        quota, _, period = _read(folder / "cpu.max").partition(" ")
    if not (quota.isdecimal() and period.isdecimal()) or int(period) == 0:  # "max", or -1: without a limit
        return []
    return [int(quota) / int(period)]


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii").strip()
    except OSError:
        return ""


def note_if_busy(backend: str, say: Callable[[str], None]) -> None:
    """Say once in a process how to wait, if PyTorch's threads spin while other processes use their cores.

    Args:
        backend: The backend of this process.
        say: Called with a line of text.
    """
    global _noted
    if _noted or backend != "torch" or any(name in os.environ for name in WAITING):
        return
    threads = threads_of(backend)
    if threads > 1 and _is_busy(min(threads, len(_allowed()))):
        _noted = True
        say(_NOTE)


def _is_busy(cores: int) -> bool:
    """Return whether fewer than this number of cores are idle."""
    return idle_cores() < cores - 0.5


def idle_cores() -> float:
    """Return how many of the allowed cores are idle, on average over a fifth of a second; all without /proc/stat."""
    before = _ticks()
    time.sleep(_SAMPLE_SECONDS)
    after = _ticks()
    return sum(_idle_share(before[cpu], after[cpu]) for cpu in before) if before else float(len(_allowed()))


def _ticks() -> Mapping[int, tuple[int, int]]:
    """Return the idle ticks and all ticks of each allowed core since the machine started."""
    found = {}
    for name, *ticks in (line.split() for line in _read(_STAT).splitlines()):
        if name.startswith("cpu") and name[3:].isdecimal() and int(name[3:]) in _allowed():
            values = [int(value) for value in ticks[:8]]  # user, nice, system, idle, waiting for disks, ...
            found[int(name[3:])] = values[3] + values[4], sum(values)
    return found


def _idle_share(before: tuple[int, int], after: tuple[int, int]) -> float:
    elapsed = after[1] - before[1]
    return (after[0] - before[0]) / elapsed if elapsed else 1.0
