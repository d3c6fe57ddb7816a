"""Learning-rate curves over a run: pure functions of the step, usable as Keras learning-rate schedules.

A run has `total_steps` = T batches. The batch trained after t batches, t = 0, 1, ..., T - 1, uses rate(t). A curve
created without `total_steps` takes the length of the run from `slanted.RunScheduler` when `fit` starts.
"""

import math
from typing import Any, ClassVar

import keras
import numpy as np

from slanted.common.argument_checks import fraction, positive, whole, within
from slanted.errors import InputError, SettingError

__all__ = [
    "ConstantWarmup",
    "CosineWarmup",
    "Curve",
    "LinearWarmup",
    "OneCycle",
    "SlantedTriangular",
    "WarmupStableDecay",
]

Knots = tuple[float, float]


class Curve(keras.optimizers.schedules.LearningRateSchedule):
    """A learning rate for every step of a run of known length.

    Subclasses say where the curve bends (`knots`) and what it is in between (`rate`); both are written once and
    evaluated by NumPy in float64 (`simulate`) and by Keras in float32 inside the compiled training step.

    Args:
        lr_max: The peak learning rate, > 0.
        total_steps: T, the number of batches of the run, >= 1; None: whatever run `fit` makes, which
            `slanted.RunScheduler` finds out.

    Raises:
        ValueError: An argument is out of its range.
    """

    extra_arguments: ClassVar[tuple[str, ...]] = ()

    def __init__(self, lr_max: float, total_steps: int | None = None) -> None:
        self.lr_max = positive("lr_max", lr_max)
        self.total_steps = None if total_steps is None else whole("total_steps", total_steps)

    def knots(self, total_steps: int) -> Knots:
        """Return the two steps at which the curve bends in a run of `total_steps`, computed in float64."""
        raise NotImplementedError(f"{type(self).__name__} does not say where it bends: define `knots`.")

    def rate(self, elapsed: Any, remaining: Any, knots: Any, xp: Any) -> Any:
        """Return the rate, a pure function of where the run stands.

        Args:
            elapsed: t, batches trained before this one, as floating point, any shape.
            remaining: T - t, computed in whole numbers and so exact beyond 2**24, as floating point, same shape.
            knots: What `knots` returned, as two scalars.
            xp: `numpy` or `keras.ops`.
        """
        raise NotImplementedError(f"{type(self).__name__} has no formula: define `rate`.")

    def __call__(self, step: Any) -> Any:
        """Return the float32 rate at `step` (an integer scalar tensor) of a run of `total_steps`."""
        total = self.run_length()
        return self.on_device(keras.ops.cast(step, "int32"), total, self.knots(total))

    def on_device(self, elapsed: Any, total_steps: Any, knots: Any) -> Any:
        """Return the float32 rate after `elapsed` batches; all arguments may be tensors of the compiled step."""
        ops = keras.ops
        first, second = (ops.cast(knot, "float32") for knot in knots)
        remaining = ops.cast(total_steps - elapsed, "float32")
        return ops.cast(self.rate(ops.cast(elapsed, "float32"), remaining, (first, second), ops), "float32")

    def run_length(self, total_steps: int | None = None) -> int:
        """Return `total_steps`, or the curve's own where None.

        Raises:
            InputError: The curve has none either.
        """
        total = self.total_steps if total_steps is None else whole("total_steps", total_steps)
        if total is None:
            raise InputError(
                f"{type(self).__name__} must know the length of its run. Received: total_steps=None. "
                "Pass `total_steps`, or train with callbacks=[slanted.RunScheduler(curve)], which reads it from `fit`."
            )
        return total

    def simulate(self, total_steps: int | None = None) -> np.ndarray:
        """Return the whole curve without training.

        Args:
            total_steps: T; None: the curve's own.

        Returns:
            A float64 array of shape (total_steps,): the rate of each batch of the run.
        """
        total = self.run_length(total_steps)
        return self.at(np.arange(total), total)

    def at(self, steps: Any, total_steps: int | None = None) -> np.ndarray:
        """Return the float64 rates at `steps` (integers >= 0, any shape, also beyond the run's end)."""
        total = self.run_length(total_steps)
        elapsed = np.asarray(steps, dtype="int64")
        rates = self.rate(elapsed.astype("float64"), (total - elapsed).astype("float64"), self.knots(total), np)
        return np.asarray(rates, dtype="float64")

    def plot(self, total_steps: int | None = None, ax: Any = None) -> Any:
        """Draw the curve over a run and return the matplotlib Axes.

        Args:
            total_steps: T; None: the curve's own.
            ax: The matplotlib Axes to draw on; None: a new figure's.
        """
        from slanted.common.plots import draw_curve

        return draw_curve(self, self.run_length(total_steps), ax)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make this curve again."""
        return {name: getattr(self, name) for name in ("lr_max", "total_steps", *self.extra_arguments)}

    def __repr__(self) -> str:
        arguments = ", ".join(f"{name}={value!r}" for name, value in self.get_config().items())
        return f"{type(self).__name__}({arguments})"


@keras.saving.register_keras_serializable(package="slanted")
class SlantedTriangular(Curve):
    """Slanted triangular learning rates: a short linear rise, a long linear fall, never below lr_max / ratio.

        cut  = T * cut_frac                                  (rounding="none")
        cut  = max(1, floor(T * cut_frac + 1e-9))            (rounding="floor", the paper's)
        p(t) = t / cut  for t < cut,  else 1 - (t - cut) / (T - cut),  clipped to [0, 1]
        rate = lr_max * (1 + p * (ratio - 1)) / ratio

    For t >= T the rate stays at lr_max / ratio.

    Args:
        lr_max: The peak learning rate, > 0.
        total_steps: T, in batches; None: whatever run `fit` makes.
        cut_frac: The share of the run that rises, in [0, 1]. 0 starts at the peak, 1 never decays.
        ratio: How many times smaller the lowest rate is than the peak, >= 1.
        rounding: "none" keeps a fractional cut; "floor" rounds it down, as the paper prints it.

    Raises:
        ValueError: An argument is out of its range.

    >>> [float(rate) for rate in SlantedTriangular(1.0).simulate(100)[[0, 5, 10]]]
    [0.03125, 0.515625, 1.0]

    Source: Howard and Ruder 2018, "Universal Language Model Fine-tuning for Text Classification", equation 3. The paper
    divides the fall by cut * (1 / cut_frac - 1), which equals T - cut when T * cut_frac is whole and otherwise makes
    the rate negative or undefined for short runs; T - cut is used here always.
    """

    extra_arguments = ("cut_frac", "ratio", "rounding")

    def __init__(
        self,
        lr_max: float = 0.001,
        total_steps: int | None = None,
        cut_frac: float = 0.1,
        ratio: float = 32.0,
        rounding: str = "none",
    ) -> None:
        super().__init__(lr_max, total_steps)
        self.cut_frac = fraction("cut_frac", cut_frac)
        self.ratio = positive("ratio", ratio, least=1.0)
        if rounding not in ("none", "floor"):
            raise SettingError("rounding", '"none" or "floor"', rounding)
        self.rounding = rounding

    def knots(self, total_steps: int) -> Knots:
        """Return the cut, and how many steps are left from it."""
        cut = total_steps * self.cut_frac
        if self.rounding == "floor":
            cut = float(max(1, math.floor(cut + 1e-9)))
        return cut, total_steps - cut

    def rate(self, elapsed: Any, remaining: Any, knots: Any, xp: Any) -> Any:
        """Return lr_max * (1 + p * (ratio - 1)) / ratio."""
        cut, fall = knots
        p = xp.where(elapsed < cut, elapsed / _not_zero(cut, xp), remaining / _not_zero(fall, xp))
        return self.lr_max * (1.0 + xp.clip(p, 0.0, 1.0) * (self.ratio - 1.0)) / self.ratio


class _Warmup(Curve):
    """A curve that first rises linearly from 0: rate(t) = lr_max * t / W for t < W = ceil(warmup * T)."""

    extra_arguments = ("warmup",)

    def __init__(self, lr_max: float, total_steps: int | None = None, warmup: float = 0.1) -> None:
        super().__init__(lr_max, total_steps)
        self.warmup = fraction("warmup", warmup)

    def knots(self, total_steps: int) -> Knots:
        """Return W and the length of what follows it."""
        rise = _steps(self.warmup, total_steps)
        return rise, total_steps - rise

    def rate(self, elapsed: Any, remaining: Any, knots: Any, xp: Any) -> Any:
        """Return the warm-up before W and `after` from it on."""
        rise, rest = knots
        left = xp.clip(remaining / _not_zero(rest, xp), 0.0, 1.0)
        return xp.where(elapsed < rise, self.lr_max * elapsed / _not_zero(rise, xp), self.after(left, xp))

    def after(self, left: Any, xp: Any) -> Any:
        """Return the rate after the warm-up; `left` falls from 1 at its end to 0 at the run's end."""
        raise NotImplementedError(f"{type(self).__name__} has no formula after the warm-up: define `after`.")


@keras.saving.register_keras_serializable(package="slanted")
class LinearWarmup(_Warmup):
    """Linear warm-up from 0, then a linear fall to 0: the schedule of BERT and of most comparisons.

        W = ceil(warmup * T);  rate(t) = lr_max * t / W  for t < W,  else lr_max * (T - t) / (T - W)

    Args:
        lr_max: The peak learning rate, > 0.
        total_steps: T, in batches; None: whatever run `fit` makes.
        warmup: The share of the run that rises, in [0, 1].

    Raises:
        ValueError: An argument is out of its range.

    >>> [float(rate) for rate in LinearWarmup(1.0, warmup=0.5).simulate(4)]
    [0.0, 0.5, 1.0, 0.5]

    Source: Devlin et al. 2019, "BERT", appendix A.2; Mosbach et al. 2020, arXiv 2006.04884.
    """

    def after(self, left: Any, xp: Any) -> Any:
        """Return lr_max * left."""
        return self.lr_max * left


@keras.saving.register_keras_serializable(package="slanted")
class CosineWarmup(_Warmup):
    """Linear warm-up from 0, then half a cosine down to `lr_min`.

        rate(t) = lr_min + (lr_max - lr_min) * (1 + cos(pi * (t - W) / (T - W))) / 2  for t >= W = ceil(warmup * T)

    Args:
        lr_max: The peak learning rate, > 0.
        total_steps: T, in batches; None: whatever run `fit` makes.
        warmup: The share of the run that rises, in [0, 1].
        lr_min: The rate at the run's end, in [0, lr_max].

    Raises:
        ValueError: An argument is out of its range.

    >>> [round(float(rate), 3) for rate in CosineWarmup(1.0, warmup=0.0).simulate(4)]
    [1.0, 0.854, 0.5, 0.146]

    Source: Loshchilov and Hutter 2017, "SGDR", equation 5, without restarts.
    """

    extra_arguments = ("warmup", "lr_min")

    def __init__(self, lr_max: float, total_steps: int | None = None, warmup: float = 0.1, lr_min: float = 0.0) -> None:
        super().__init__(lr_max, total_steps, warmup)
        self.lr_min = within("lr_min", lr_min, self.lr_max)

    def after(self, left: Any, xp: Any) -> Any:
        """Return the half cosine."""
        return self.lr_min + (self.lr_max - self.lr_min) * _cosine_rise(left, xp)


@keras.saving.register_keras_serializable(package="slanted")
class ConstantWarmup(_Warmup):
    """Linear warm-up from 0, then the peak rate to the end. Without warm-up: a constant.

        rate(t) = lr_max * min(1, t / W),  W = ceil(warmup * T)

    Args:
        lr_max: The peak learning rate, > 0.
        total_steps: T, in batches; None: whatever run `fit` makes.
        warmup: The share of the run that rises, in [0, 1].

    Raises:
        ValueError: An argument is out of its range.

    >>> [float(rate) for rate in ConstantWarmup(1.0, warmup=0.5).simulate(4)]
    [0.0, 0.5, 1.0, 1.0]
    """

    def __init__(self, lr_max: float, total_steps: int | None = None, warmup: float = 0.0) -> None:
        super().__init__(lr_max, total_steps, warmup)

    def after(self, left: Any, xp: Any) -> Any:
        """Return lr_max."""
        return self.lr_max * xp.ones_like(left)


@keras.saving.register_keras_serializable(package="slanted")
class OneCycle(Curve):
    """Half a cosine up from lr_max / start_div, half a cosine down to lr_max / final_div.

        rise = T * rise_frac,  a = lr_max / start_div,  b = lr_max / final_div
        rate(t) = a + (lr_max - a) * (1 - cos(pi * t / rise)) / 2                  for t < rise
        rate(t) = b + (lr_max - b) * (1 + cos(pi * (t - rise) / (T - rise))) / 2   otherwise

    Args:
        lr_max: The peak learning rate, > 0.
        total_steps: T, in batches; None: whatever run `fit` makes.
        rise_frac: The share of the run that rises, in [0, 1].
        start_div: How many times smaller the first rate is than the peak, >= 1.
        final_div: How many times smaller the rate at the run's end is than the peak, >= 1.

    Raises:
        ValueError: An argument is out of its range.

    >>> [round(float(rate), 3) for rate in OneCycle(1.0).simulate(8)[:3]]
    [0.04, 0.52, 1.0]

    Source: Smith 2018, arXiv 1803.09820; the defaults are those of fastai's `fit_one_cycle`. Momentum is not cycled.
    """

    extra_arguments = ("rise_frac", "start_div", "final_div")

    def __init__(
        self,
        lr_max: float,
        total_steps: int | None = None,
        rise_frac: float = 0.25,
        start_div: float = 25.0,
        final_div: float = 1e5,
    ) -> None:
        super().__init__(lr_max, total_steps)
        self.rise_frac = fraction("rise_frac", rise_frac)
        self.start_div = positive("start_div", start_div, least=1.0)
        self.final_div = positive("final_div", final_div, least=1.0)

    def knots(self, total_steps: int) -> Knots:
        """Return the step of the peak, and how many steps are left from it."""
        rise = total_steps * self.rise_frac
        return rise, total_steps - rise

    def rate(self, elapsed: Any, remaining: Any, knots: Any, xp: Any) -> Any:
        """Return the two half cosines, joined at the peak."""
        rise, fall = knots
        up = _cosine_rise(xp.clip(elapsed / _not_zero(rise, xp), 0.0, 1.0), xp)
        down = _cosine_rise(xp.clip(remaining / _not_zero(fall, xp), 0.0, 1.0), xp)
        first, last = self.lr_max / self.start_div, self.lr_max / self.final_div
        return xp.where(elapsed < rise, first + (self.lr_max - first) * up, last + (self.lr_max - last) * down)


@keras.saving.register_keras_serializable(package="slanted")
class WarmupStableDecay(Curve):
    """Linear warm-up from 0, a plateau at the peak, and a linear fall to 0 over the last share of the run.

        rate(t) = lr_max * min(1, t / W, (T - t) / D),  W = ceil(warmup * T),  D = ceil(decay * T)

    Args:
        lr_max: The peak learning rate, > 0.
        total_steps: T, in batches; None: whatever run `fit` makes.
        warmup: The share of the run that rises, in [0, 1].
        decay: The share of the run that falls, in [0, 1]; warmup + decay <= 1.

    Raises:
        ValueError: An argument is out of its range.

    >>> [float(rate) for rate in WarmupStableDecay(1.0, warmup=0.25, decay=0.5).simulate(8)]
    [0.0, 0.5, 1.0, 1.0, 1.0, 0.75, 0.5, 0.25]

    Source: Hu et al. 2024, "MiniCPM", arXiv 2404.06395, section 4, with a linear fall.
    """

    extra_arguments = ("warmup", "decay")

    def __init__(self, lr_max: float, total_steps: int | None = None, warmup: float = 0.1, decay: float = 0.2) -> None:
        super().__init__(lr_max, total_steps)
        self.warmup = fraction("warmup", warmup)
        self.decay = fraction("decay", decay)
        if self.warmup + self.decay > 1.0 + 1e-9:
            raise SettingError("decay", f"at most 1 - warmup = {1.0 - self.warmup:g}", decay)

    def knots(self, total_steps: int) -> Knots:
        """Return the lengths of the rise and of the fall."""
        return _steps(self.warmup, total_steps), _steps(self.decay, total_steps)

    def rate(self, elapsed: Any, remaining: Any, knots: Any, xp: Any) -> Any:
        """Return lr_max * min(1, t / W, (T - t) / D)."""
        rise, fall = knots
        left = xp.maximum(remaining, 0.0)
        up = xp.where(elapsed < rise, elapsed / _not_zero(rise, xp), xp.ones_like(elapsed))
        down = xp.where(left < fall, left / _not_zero(fall, xp), xp.ones_like(elapsed))
        return self.lr_max * xp.clip(xp.minimum(up, down), 0.0, 1.0)


def _steps(share: float, total_steps: int) -> float:
    """Return ceil(share * T), safe from products such as 70 * 0.1 = 7.000000000000001."""
    return float(math.ceil(share * total_steps - 1e-9))


def _not_zero(length: Any, xp: Any) -> Any:
    """Return a divisor for a stretch that may be empty; the branch that divides by it is then not taken."""
    return xp.maximum(length, 1e-30)


def _cosine_rise(share: Any, xp: Any) -> Any:
    """Return half a cosine that rises from 0 to 1 as `share` goes from 0 to 1."""
    return xp.square(xp.sin(share * (0.5 * math.pi)))  # (1 - cos) / 2 would cancel in float32 near 0
