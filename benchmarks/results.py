"""Figures kept in docs/benchmarks/, a JSON file a part, and what is computed from them."""

import json
import platform
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from statistics import mean, median, stdev
from typing import Any

FOLDER = Path("docs/benchmarks")


def save(part: str, figures: dict[str, Any]) -> None:
    """Keep the figures of a part, with what they were measured with."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    made_with = {name: version(name) for name in ("keras", "keras-hub")}
    text = json.dumps({**figures, "versions": made_with, "processor": processor()}, indent=1)
    (FOLDER / f"{part}.json").write_text(text + "\n", encoding="utf-8")


def load(part: str) -> dict[str, Any] | None:
    """Return the figures of a part, or None if it has not been measured."""
    path = FOLDER / f"{part}.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


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
