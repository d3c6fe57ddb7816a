"""Several curves in sequence over one run."""

import itertools
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from slanted.common.argument_checks import plain, whole
from slanted.curves.curve import Constants, Curve, whole_steps
from slanted.errors import InputError, SettingError

__all__ = ["JoinedCurve", "join_curves"]

BASE = 2**16  # a step is split into two numbers below BASE, each exact in float32
LAST_STEP = 2**31 - 1


def join_curves(
    curves: Sequence[Curve], boundaries: Sequence[int | float], total_steps: int | None = None
) -> "JoinedCurve":
    """Join curves into one that follows them in sequence and switches to the next at each boundary.

        b_i      = boundaries[i - 1]                   an int: a step
                 = ceil(boundaries[i - 1] * T)         a float in (0, 1): a share of the run
        b_0      = 0,  b_n = T
        rate(t)  = rate of curves[i] after t - b_i batches of a run of b_(i+1) - b_i,   for b_i <= t < b_(i+1)

    Each curve counts its steps from its boundary, and its run ends at the next boundary; the run of the last curve ends
    at T. A boundary in steps is the same step in a run of any length; if it is at T or later, its curve is not used.
    If boundaries coincide, as shares may in short runs, the curves between them are not used. For t >= T the rate is
    that at t = T. `lr_max` of the joined curve is the largest `lr_max` of `curves`.

    Args:
        curves: n >= 1 curves, which may be joined curves, without `total_steps`: it follows from the boundaries.
        boundaries: n - 1 boundaries, ascending: whole numbers of steps >= 1, or shares of the run in (0, 1).
        total_steps: T, in batches; None: the length of the `fit` call.

    Returns:
        The joined curve.

    Raises:
        ValueError: A curve or a boundary is invalid, or their numbers do not match. Also when a run begins: boundaries
            in steps and boundaries as shares are out of order in a run of this length.

    >>> import slanted
    >>> warmup, rest = slanted.LinearWarmup(1.0, warmup=1.0), slanted.CosineWarmup(1.0, warmup=0.0)
    >>> [round(float(rate), 3) for rate in slanted.join_curves([warmup, rest], [0.5]).simulate(8)]
    [0.0, 0.25, 0.5, 0.75, 1.0, 0.854, 0.5, 0.146]

    Source: `optax.join_schedules`, which takes boundaries in steps only and does not pass the schedules their length.
    """
    return JoinedCurve(curves, boundaries, total_steps)


@keras.saving.register_keras_serializable(package="slanted")
class JoinedCurve(Curve):
    """The curve that `slanted.join_curves` returns; takes the same arguments."""

    def __init__(
        self, curves: Sequence[Curve], boundaries: Sequence[int | float], total_steps: int | None = None
    ) -> None:
        self.curves, self.boundaries = _checked_curves(curves), _checked_boundaries(boundaries)
        if len(self.boundaries) != len(self.curves) - 1:
            rule = f"one fewer than the curves, of which there are {len(self.curves)}"
            raise SettingError("boundaries", rule, boundaries, "Give the step at which each next curve begins.")
        super().__init__(max(curve.lr_max for curve in self.curves), total_steps)

    def starts(self, total_steps: int) -> list[int]:
        """Return the step at which each curve begins in a run of `total_steps`; it may be beyond the end of the run.

        Raises:
            InputError: Boundaries in steps and as shares are out of order in a run of this length.
        """
        starts = [0, *(_step(boundary, total_steps) for boundary in self.boundaries)]
        if starts != sorted(starts):
            raise InputError(
                f"Boundaries must ascend. Received: {list(self.boundaries)}, which are the steps {starts[1:]} of a run "
                f"of {total_steps}. Give all of them in steps, or all as shares of the run."
            )
        return starts

    def constants(self, total_steps: int) -> Constants:
        """Return, for each curve, the two parts of its first step followed by its constants."""
        starts = self.starts(total_steps)
        constants: list[float] = []
        for curve, start, end in zip(self.curves, starts, [*starts[1:], total_steps], strict=True):
            constants += [*divmod(min(start, LAST_STEP), BASE), *curve.constants(max(1, end - start))]
        return tuple(map(float, constants))

    @property
    def constants_count(self) -> int:
        """The number of floats that `constants` returns."""
        return sum(2 + curve.constants_count for curve in self.curves)

    def rate_at(self, elapsed: Any, total_steps: Any, constants: Any, xp: Any) -> Any:
        """Return the learning rate of the last curve that has begun, at the position in its own run."""
        starts, per_curve = self._split_constants(constants, xp)
        elapsed = xp.minimum(elapsed, total_steps)
        joined: Any = None
        for curve, start, end, numbers in zip(self.curves, starts, [*starts[1:], total_steps], per_curve, strict=True):
            length = xp.maximum(end - start, 1)
            rate = curve.rate_at(xp.maximum(elapsed - start, 0), length, numbers, xp)
            begun = xp.logical_and(elapsed >= start, start < total_steps)
            joined = rate if joined is None else xp.where(begun, rate, joined)
        return joined

    def _split_constants(self, constants: Any, xp: Any) -> tuple[list[Any], list[Any]]:
        """Return the first step of each curve, as an integer, and the constants of each curve."""
        starts, per_curve, at = [], [], 0
        for curve in self.curves:
            high, low = (int(part) if xp is np else xp.cast(part, "int32") for part in constants[at : at + 2])
            starts.append(high * BASE + low)
            per_curve.append(constants[at + 2 : at + 2 + curve.constants_count])
            at += 2 + curve.constants_count
        return starts, per_curve

    def get_config(self) -> dict[str, Any]:
        """Return the constructor arguments, with the curves serialised."""
        curves = [keras.saving.serialize_keras_object(curve) for curve in self.curves]
        return {"curves": curves, "boundaries": list(self.boundaries), "total_steps": self.total_steps}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "JoinedCurve":
        """Create the curve from its configuration."""
        curves = [keras.saving.deserialize_keras_object(curve) for curve in config["curves"]]
        return cls(curves, config["boundaries"], config["total_steps"])

    def __repr__(self) -> str:
        return f"join_curves({list(self.curves)}, {list(self.boundaries)}, total_steps={self.total_steps})"


def _step(boundary: int | float, total_steps: int) -> int:
    return boundary if isinstance(boundary, int) else int(whole_steps(boundary, total_steps))


def _checked_curves(curves: Any) -> tuple[Curve, ...]:
    if not isinstance(curves, (list, tuple)) or not curves or not all(isinstance(curve, Curve) for curve in curves):
        raise SettingError("curves", "a list of curves such as slanted.LinearWarmup, at least one", curves)
    for curve in curves:
        if curve.total_steps is not None:
            remedy = "The length of each curve follows from the boundaries; leave its total_steps out."
            raise SettingError("curves", "curves without total_steps", curve, remedy)
    return tuple(curves)


def _checked_boundaries(boundaries: Any) -> tuple[int | float, ...]:
    if not isinstance(boundaries, (list, tuple, np.ndarray)):
        raise SettingError("boundaries", "a list of steps or shares of the run", boundaries)
    checked = tuple(_checked_boundary(plain(boundary)) for boundary in boundaries)
    for kind in (int, float):
        of_kind = [boundary for boundary in checked if isinstance(boundary, kind)]
        if any(later <= earlier for earlier, later in itertools.pairwise(of_kind)):
            raise SettingError("boundaries", "ascending", list(checked))
    return checked


def _checked_boundary(boundary: Any) -> int | float:
    if not isinstance(boundary, float):
        return whole("boundaries", boundary)
    if not 0.0 < boundary < 1.0:
        raise SettingError("boundaries", "whole numbers of steps, or shares of the run in (0, 1)", boundary)
    return boundary
