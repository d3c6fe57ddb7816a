"""Figures kept in docs/benchmarks/, a folder a kind of processor and a file a part, and what is computed from them."""

import json
import os
import platform
import re
from collections.abc import Sequence
from datetime import date
from importlib.metadata import version
from pathlib import Path
from statistics import mean, median, stdev
from typing import Any

from slanted.runtime.backend_choice import has_bfloat16

FOLDER = Path("docs/benchmarks")
LOAD = os.getloadavg()[0]  # of the minute before the first measurement


def save(part: str, figures: dict[str, Any]) -> None:
    """Keep the figures of a part, with what they were measured with and the load of the machine."""
    folder = FOLDER / kind()
    folder.mkdir(parents=True, exist_ok=True)
    made_with = {name: version(name) for name in ("keras", "keras-hub")}
    machine = {"processor": processor(), "date": date.today().isoformat(), "load": round(LOAD, 2)}
    text = json.dumps({**figures, "versions": made_with, **machine}, indent=1)
    (folder / f"{part}.json").write_text(text + "\n", encoding="utf-8")


def load(part: str, folder: str | None = None) -> dict[str, Any] | None:
    """Return the figures of a part on a kind of processor, this one's if none is given; None: it was not measured."""
    path = FOLDER / (folder or kind()) / f"{part}.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


def kinds() -> list[str]:
    """Return the kinds of processor with figures."""
    return sorted(path.name for path in FOLDER.iterdir() if path.is_dir())


def kind() -> str:
    """Return the kind of this machine's processor: cores, name, and the precision that it has products for.

    >>> re.fullmatch("[a-z0-9_]+_(bfloat16|float32)", kind()) is not None
    True
    """
    name = re.sub("[^a-z0-9]+", " ", re.sub(r"\(.*?\)", "", processor().lower()))
    words = [word for word in name.split() if word not in ("x", "processor", "cpu")]
    return "_".join([*words, "bfloat16" if has_bfloat16() else "float32"])


def processor() -> str:
    """Return the processor's name."""
    info = Path("/proc/cpuinfo")
    names = [line for line in info.read_text().splitlines() if line.startswith("model name")] if info.exists() else []
    return f"{len(names)} x {names[0].split(': ')[1]}" if names else platform.processor() or platform.machine()


def ratio(of: Sequence[float], to: Sequence[float]) -> str:
    """Return the ratio of the medians, and the least and greatest ratio of a round.

    >>> ratio([2.0, 4.0, 6.0], [1.0, 2.0, 2.0])
    '2.00 (2.00 to 3.00)'
    """
    rounds = [a / b for a, b in zip(of, to, strict=True)]
    return f"{median(of) / median(to):.2f} ({min(rounds):.2f} to {max(rounds):.2f})"


def spread(values: Sequence[float], digits: int = 2) -> str:
    """Return the mean and, of several, the standard deviation.

    >>> spread([1.0, 3.0], 1)
    '2.0 ± 1.4'
    """
    shown = f"{mean(values):.{digits}f}"
    return shown if len(values) < 2 else f"{shown} ± {stdev(values):.{digits}f}"
