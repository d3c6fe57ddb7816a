"""Measure slanted beside its peers and write docs/benchmarks.md.

Usage: python -m benchmarks [PART ...] [--rounds 3] [--sets trec6,imdb_2k] [--page-only]

Parts: training, prediction, steps, memory, sooner, few, busy; without a name, all. SLANTED_DATA names the folder of
data sets; without it the bundled sample is taken. With --sets only these sets are measured; the figures of others stay.
One process runs at a time; the peers' environment is made when it is missing.
"""

import argparse
from types import ModuleType

from benchmarks import busy, few, memory, page, prediction, results, sooner, steps, training

PARTS: dict[str, ModuleType] = {
    "training": training,
    "prediction": prediction,
    "steps": steps,
    "memory": memory,
    "sooner": sooner,
    "few": few,
    "busy": busy,
}


def main() -> None:
    """Measure the parts named, keep their figures, write the page."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}; all if none is named")
    parser.add_argument("--rounds", type=int, default=3, help="how often each is measured (default: 3)")
    parser.add_argument(
        "--sets", help="the data sets of training, prediction, sooner and few, between commas; others stay"
    )
    parser.add_argument("--page-only", action="store_true", help="write the page from the figures there are")
    given = parser.parse_args()
    unknown = [name for name in given.parts if name not in PARTS]
    if unknown:
        parser.error(f"there is no part {unknown[0]}; parts are: {', '.join(PARTS)}")
    sets = given.sets.split(",") if given.sets else None
    for name in [] if given.page_only else given.parts or PARTS:
        part = PARTS[name]
        if not hasattr(part, "SETS"):
            results.save(name, part.measure(given.rounds))
            continue
        missing = [one for one in sets or () if one not in part.SETS]
        if missing:
            parser.error(f"{name} has no set {missing[0]}; it has: {', '.join(part.SETS)}")
        kept = (results.load(name) or {}).get("sets", {})
        for one in sets or part.SETS:  # each is kept as soon as it is measured
            kept |= part.measure(given.rounds, [one])["sets"]
            results.save(name, {"sets": kept})
    page.write(PARTS)


if __name__ == "__main__":
    main()
