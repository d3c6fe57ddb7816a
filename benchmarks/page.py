"""docs/benchmarks.md, from the figures in docs/benchmarks/."""

from collections.abc import Mapping
from pathlib import Path
from types import ModuleType

from benchmarks import results

PAGE = Path("docs/benchmarks.md")
OPENING = """# Benchmarks

Every figure here was measured by

    SLANTED_DATA=FOLDER python -m benchmarks

on the machine named below, one process at a time, alternating between the programs, and is saved in
`docs/benchmarks/`. A ratio is that of the medians, with the smallest and the largest ratio of a round in brackets.
Machines differ and are noisy: compare ratios rather than seconds. `python -m benchmarks PART` measures one part again.
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
