"""Learning-rate curves: pure functions of the step, independent of any optimizer.

Importing one curve registers all of them with Keras, so that Keras can load an optimizer saved with any of them.
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
