"""Run `slanted train` on FILE to step N, then end; print one JSON line with the seconds to the first step.

Usage: first_steps.py FILE OUT N [OPTION ...]

The options are those of `slanted train`.
"""

import json
import os
import sys
import time

from slanted.cli import main as slanted
from slanted.text.progress import progress


def main() -> None:
    """Train until N steps are done."""
    file, out, steps, *options = sys.argv[1:]
    begun, first = time.perf_counter(), []
    told = progress.Progress.step

    def step(self: progress.Progress, done: int, *rest: object) -> None:
        told(self, done, *rest)  # type: ignore[arg-type]
        first.append(time.perf_counter() - begun)
        if done >= int(steps):
            print(json.dumps({"seconds_to_first_step": first[0]}), flush=True)
            os._exit(0)

    progress.Progress.step = step  # type: ignore[method-assign]
    sys.exit(slanted(["train", file, "--out", out, *options]))


if __name__ == "__main__":
    main()
