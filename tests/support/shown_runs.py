"""A run of a hundred steps as views are shown it, and a stream that says that it is a terminal."""

import io

import numpy as np

from slanted.text.progress.view import GroupRates

CURVE = np.concatenate([np.linspace(0.0, 1e-3, 10), np.linspace(1e-3, 0.0, 90)])
GROUPS = GroupRates(CURVE, {"low": 0.25, "middle": 0.5, "head": 1.0}, [(0, ("head",)), (50, ("low", "middle", "head"))])


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self):
        return True


def run(shown, clock, steps, total=100, seconds=1.0, groups=GROUPS):
    """Show these steps, each so many seconds after the one before."""
    shown.begin(total, 8, groups=groups)
    for done in steps:
        clock[0] += seconds
        shown.step(done, 1 + done // 50, 1.0 / done, float(CURVE[done - 1]))
