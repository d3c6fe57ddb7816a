"""Linear warm-up from 0, followed by linear decay, cosine decay or a constant rate."""

from typing import Any

import keras

from slanted.common.argument_checks import fraction, within
from slanted.curves.curve import Constants, Curve, cosine_rise, not_zero, whole_steps


class _Warmup(Curve):
    """A curve that first rises linearly from 0: rate(t) = lr_max * t / W for t < W = ceil(warmup * T)."""

    extra_arguments = ("warmup",)

    def __init__(self, lr_max: float, total_steps: int | None = None, warmup: float = 0.1) -> None:
        super().__init__(lr_max, total_steps)
        self.warmup = fraction("warmup", warmup)

    def constants(self, total_steps: int) -> Constants:
        """Return W and the number of steps after it."""
        rise = whole_steps(self.warmup, total_steps)
        return rise, total_steps - rise

    def rate(self, elapsed: Any, remaining: Any, constants: Any, xp: Any) -> Any:
        """Return the linear warm-up for t < W, and `after` for t >= W."""
        rise, rest = constants
        left = xp.clip(remaining / not_zero(rest, xp), 0.0, 1.0)
        return xp.where(elapsed < rise, self.lr_max * elapsed / not_zero(rise, xp), self.after(left, xp))

    def after(self, left: Any, xp: Any) -> Any:
        """Return the rate after the warm-up; `left` is the remaining share of this part, 1 at W and 0 at T."""
        raise NotImplementedError(f"{type(self).__name__} has no formula after the warm-up: define `after`.")


@keras.saving.register_keras_serializable(package="slanted")
class LinearWarmup(_Warmup):
    """Linear warm-up from 0, then linear decay to 0: the schedule of BERT.

        W = ceil(warmup * T);  rate(t) = lr_max * t / W  for t < W,  else lr_max * (T - t) / (T - W)

    Args:
        lr_max: The peak learning rate, > 0.
        total_steps: T, in batches; None: the length of the `fit` call.
        warmup: The share of the run during which the rate rises, in [0, 1].

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
    """Linear warm-up from 0, then cosine decay to `lr_min`.

        rate(t) = lr_min + (lr_max - lr_min) * (1 + cos(pi * (t - W) / (T - W))) / 2  for t >= W = ceil(warmup * T)

    Args:
        lr_max: The peak learning rate, > 0.
        total_steps: T, in batches; None: the length of the `fit` call.
        warmup: The share of the run during which the rate rises, in [0, 1].
        lr_min: The rate at the end of the run, in [0, lr_max].

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
        """Return the cosine decay from `lr_max` to `lr_min`."""
        return self.lr_min + (self.lr_max - self.lr_min) * cosine_rise(left, xp)


@keras.saving.register_keras_serializable(package="slanted")
class ConstantWarmup(_Warmup):
    """Linear warm-up from 0, then the peak rate until the end. With `warmup=0`, the default, a constant rate.

        rate(t) = lr_max * min(1, t / W),  W = ceil(warmup * T)

    Args:
        lr_max: The peak learning rate, > 0.
        total_steps: T, in batches; None: the length of the `fit` call.
        warmup: The share of the run during which the rate rises, in [0, 1].

    Raises:
        ValueError: An argument is out of its range.

    >>> [float(rate) for rate in ConstantWarmup(1.0, warmup=0.5).simulate(4)]
    [0.0, 0.5, 1.0, 1.0]

    Source: `get_constant_schedule_with_warmup` of Hugging Face transformers, which takes the warm-up in steps.
    """

    def __init__(self, lr_max: float, total_steps: int | None = None, warmup: float = 0.0) -> None:
        super().__init__(lr_max, total_steps, warmup)

    def after(self, left: Any, xp: Any) -> Any:
        """Return lr_max."""
        return self.lr_max * xp.ones_like(left)
