"""docs/benchmarks.md, from the figures in docs/benchmarks/."""

from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from benchmarks import results

PAGE = Path("docs/benchmarks.md")
OPENING = """# Benchmarks

Every figure here was measured by

    SLANTED_DATA=FOLDER python -m benchmarks

on the machines named below, one process at a time, alternating between the programs, and is saved in
`docs/benchmarks/`, a folder for each kind of processor. Measuring on another kind adds its figures and leaves the
others. A ratio is that of the medians, with the smallest and the largest ratio of a round in brackets. Machines differ
and are noisy: compare ratios rather than seconds. `python -m benchmarks PART` measures one part again.
"""


def write(parts: Mapping[str, ModuleType]) -> None:
    """Write the page of the parts that have been measured, by kinds of processor."""
    sections = [OPENING]
    for kind in results.kinds():
        measured = {name: figures for name in parts if (figures := results.load(name, kind)) is not None}
        if measured:
            sections.append(f"## {title(kind, next(iter(measured.values()))['processor'])}\n")
        for name, figures in measured.items():
            sections.append(f"{parts[name].page(figures)}\n\n{_made_with(figures)}\n")
    PAGE.write_text("\n".join(sections), encoding="utf-8")


def title(kind: str, processor: str) -> str:
    """Return the title of a kind of processor.

    >>> title("2_amd_epyc_float32", "2 x AMD EPYC")
    '2 x AMD EPYC, without bfloat16 products'
    """
    return f"{processor}, {'with' if kind.endswith('bfloat16') else 'without'} bfloat16 products"


def _made_with(figures: Mapping[str, Any]) -> str:
    versions = ", ".join(f"{package} {version}" for package, version in figures["versions"].items())
    when = f" on {figures['date']}, load {figures['load']:g} before it" if "date" in figures else ""
    return f"Measured{when} with {versions}."
