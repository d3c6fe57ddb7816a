"""The learning rate as a pure function of the step. Knows no optimizer and no run.

Whoever imports one curve has all of them registered with Keras, so that it can load what was saved with any.
"""

from slanted.curves.curve import Curve
from slanted.curves.joined import JoinedCurve, join_curves
from slanted.curves.one_cycle import OneCycle
from slanted.curves.slanted_triangular import SlantedTriangular
from slanted.curves.warmup import ConstantWarmup, CosineWarmup, LinearWarmup
from slanted.curves.warmup_stable_decay import WarmupStableDecay

__all__ = [
    "ConstantWarmup",
    "CosineWarmup",
    "Curve",
    "JoinedCurve",
    "LinearWarmup",
    "OneCycle",
    "SlantedTriangular",
    "WarmupStableDecay",
    "join_curves",
]
