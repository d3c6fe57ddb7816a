"""docs/benchmarks.md, from the figures in docs/benchmarks/."""

from collections.abc import Mapping
from pathlib import Path
from types import ModuleType

from benchmarks import results

PAGE = Path("docs/benchmarks.md")
OPENING = """# Benchmarks

Every figure here was measured by

    SLANTED_DATA=FOLDER python -m benchmarks

on the machine named below, one process at a time, the programs in turn, and is kept in `docs/benchmarks/`. A ratio is
that of the medians, with the least and the greatest of a round in brackets; machines differ and are noisy, so read
ratios rather than seconds. A part is measured anew with `python -m benchmarks PART`.
"""


def write(parts: Mapping[str, ModuleType]) -> None:
    """Write the page of the parts that have been measured."""
    sections = [OPENING]
    for name, part in parts.items():
        figures = results.load(name)
        if figures is not None:
            versions = ", ".join(f"{package} {version}" for package, version in figures["versions"].items())
            sections.append(f"{part.page(figures)}\n\nMeasured on {figures['processor']}; {versions}.\n")
    PAGE.write_text("\n".join(sections), encoding="utf-8")
