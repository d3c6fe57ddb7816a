"""The base class of all curves: a learning rate for every step of a run, usable as a Keras learning-rate schedule.

A run has `total_steps` = T batches. The batch trained after t batches, t = 0, 1, ..., T - 1, uses rate(t). A curve
created without `total_steps` takes the length of the run from `slanted.RunScheduler` when `fit` starts.
"""

import math
from typing import Any, ClassVar

import keras
import numpy as np

from slanted.common.argument_checks import positive, whole
from slanted.errors import InputError

__all__ = ["Curve"]

Constants = tuple[float, ...]


class Curve(keras.optimizers.schedules.LearningRateSchedule):
    """A learning rate for every step of a run of known length.

    A subclass defines `rate`, and `constants` if its formula needs numbers that depend on the length of the run.
    NumPy evaluates both in float64 (`simulate`), and Keras in float32 inside the compiled training step. A subclass
    lists its additional arguments in `extra_arguments`.

    Args:
        lr_max: The peak learning rate, > 0.
        total_steps: T, the number of batches of the run, >= 1; None: the length of the `fit` call, which
            `slanted.RunScheduler` computes.

    Raises:
        ValueError: An argument is out of its range.

    >>> class SquareRoot(Curve):
    ...     def rate(self, elapsed, remaining, constants, xp):
    ...         return self.lr_max * xp.sqrt(xp.maximum(remaining, 0.0) / (elapsed + remaining))
    >>> [float(rate) for rate in SquareRoot(1.0).simulate(4)[[0, 3]]]
    [1.0, 0.5]
    """

    extra_arguments: ClassVar[tuple[str, ...]] = ()

    def __init__(self, lr_max: float, total_steps: int | None = None) -> None:
        self.lr_max = positive("lr_max", lr_max)
        self.total_steps = None if total_steps is None else whole("total_steps", total_steps)

    def constants(self, total_steps: int) -> Constants:
        """Return the numbers of the formula that depend on the length of the run, computed in float64; by default none.

        They are variables of the compiled step, so that one compiled step serves runs of any length.

        Args:
            total_steps: T, in batches, >= 1.

        Returns:
            Any number of floats, but the same number for every T.
        """
        return ()

    @property
    def constants_count(self) -> int:
        """The number of floats that `constants` returns."""
        return len(self.constants(1))

    def rate(self, elapsed: Any, remaining: Any, constants: Any, xp: Any) -> Any:
        """Return the learning rate, a pure function of the position in the run.

        Args:
            elapsed: t, the number of batches trained before this one, as floats of any shape.
            remaining: T - t, as floats of the same shape; subtracted as integers, and so exact beyond 2**24.
            constants: The numbers of `constants`, each a scalar.
            xp: `numpy` or `keras.ops`.

        Returns:
            The learning rate, >= 0, in the shape of `elapsed`.
        """
        raise NotImplementedError(f"{type(self).__name__} has no formula: define `rate`.")

    def __call__(self, step: Any) -> Any:
        """Return the float32 learning rate at `step` (an integer scalar tensor) of a run of `total_steps`."""
        total = self.run_length()
        return self.on_device(keras.ops.cast(step, "int32"), total, self.constants(total))

    def on_device(self, elapsed: Any, total_steps: Any, constants: Any) -> Any:
        """Return the float32 learning rate after `elapsed` batches; all arguments may be tensors."""
        ops = keras.ops
        constants = tuple(ops.cast(constant, "float32") for constant in constants)
        return ops.cast(self.rate_at(elapsed, total_steps, constants, ops), "float32")

    def rate_at(self, elapsed: Any, total_steps: Any, constants: Any, xp: Any) -> Any:
        """Call `rate` with floats; `elapsed` and `total_steps` are integers, which are exact beyond 2**24."""
        if xp is np:
            return self.rate(elapsed.astype("float64"), (total_steps - elapsed).astype("float64"), constants, xp)
        remaining = xp.cast(total_steps - elapsed, "float32")
        return self.rate(xp.cast(elapsed, "float32"), remaining, constants, xp)

    def run_length(self, total_steps: int | None = None) -> int:
        """Return `total_steps`, or that of the curve if None.

        Raises:
            InputError: Both are None.
        """
        total = self.total_steps if total_steps is None else whole("total_steps", total_steps)
        if total is None:
            raise InputError(
                f"{type(self).__name__} must know the length of its run. Received: total_steps=None. "
                "Pass `total_steps`, or train with callbacks=[slanted.RunScheduler(curve)], which reads it from `fit`."
            )
        return total

    def simulate(self, total_steps: int | None = None) -> np.ndarray:
        """Return the learning rate of every step, without training.

        Args:
            total_steps: T, in batches; None: that of the curve.

        Returns:
            The learning rates, float64 (total_steps,).

        Raises:
            ValueError: The length of the run is unknown.
        """
        total = self.run_length(total_steps)
        return self.at(np.arange(total), total)

    def at(self, steps: Any, total_steps: int | None = None) -> np.ndarray:
        """Return the float64 learning rates at `steps` (integers >= 0, any shape, also beyond the end of the run)."""
        total = self.run_length(total_steps)
        elapsed = np.asarray(steps, dtype="int64")
        return np.asarray(self.rate_at(elapsed, total, self.constants(total), np), dtype="float64")

    def plot(self, total_steps: int | None = None, ax: Any = None) -> Any:
        """Plot the curve over a run.

        Args:
            total_steps: T, in batches; None: that of the curve.
            ax: The matplotlib Axes to draw on; None: the Axes of a new figure.

        Returns:
            The matplotlib Axes.

        Raises:
            ValueError: The length of the run is unknown, or matplotlib is not installed.
        """
        from slanted.common.plots import draw_curve, points

        total = self.run_length(total_steps)
        steps = points(total)
        return draw_curve(type(self).__name__, steps, self.at(steps, total), ax)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor arguments."""
        return {name: getattr(self, name) for name in ("lr_max", "total_steps", *self.extra_arguments)}

    def __repr__(self) -> str:
        arguments = ", ".join(f"{name}={value!r}" for name, value in self.get_config().items())
        return f"{type(self).__name__}({arguments})"

    def __eq__(self, other: object) -> bool:
        """Return whether `other` is a curve of the same class and arguments."""
        return isinstance(other, Curve) and type(self) is type(other) and self.get_config() == other.get_config()

    def __hash__(self) -> int:
        """Return the hash of class and arguments."""
        return hash((type(self), repr(self)))


def whole_steps(share: float, total_steps: int) -> float:
    """Return ceil(share * T), safe from products such as 70 * 0.1 = 7.000000000000001."""
    return float(math.ceil(share * total_steps - 1e-9))


def not_zero(length: Any, xp: Any) -> Any:
    """Return `length`, or a tiny positive divisor if it is 0; `where` then discards the quotient."""
    return xp.maximum(length, 1e-30)


def cosine_rise(share: Any, xp: Any) -> Any:
    """Return (1 - cos(pi * share)) / 2, which rises from 0 to 1 as `share` does."""
    return xp.square(xp.sin(share * (0.5 * math.pi)))  # (1 - cos) / 2 would cancel in float32 near 0
