"""The one-cycle policy of Smith 2018."""

from typing import Any

import keras

from slanted.common.argument_checks import fraction, positive
from slanted.curves.curve import Constants, Curve, cosine_rise, not_zero


@keras.saving.register_keras_serializable(package="slanted")
class OneCycle(Curve):
    """One cycle: a half cosine up from lr_max / start_div, then a half cosine down to lr_max / final_div.

        rise = T * rise_frac,  a = lr_max / start_div,  b = lr_max / final_div
        rate(t) = a + (lr_max - a) * (1 - cos(pi * t / rise)) / 2                  for t < rise
        rate(t) = b + (lr_max - b) * (1 + cos(pi * (t - rise) / (T - rise))) / 2   otherwise

    Args:
        lr_max: The peak learning rate, > 0.
        total_steps: T, in batches; None: the length of the `fit` call.
        rise_frac: The share of the run during which the rate rises, in [0, 1].
        start_div: The peak divided by the first rate, >= 1.
        final_div: The peak divided by the rate at the end of the run, >= 1.

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

    def constants(self, total_steps: int) -> Constants:
        """Return the step of the peak and the number of steps after it."""
        rise = total_steps * self.rise_frac
        return rise, total_steps - rise

    def rate(self, elapsed: Any, remaining: Any, constants: Any, xp: Any) -> Any:
        """Return the rising half cosine before the peak and the falling one after it."""
        rise, fall = constants
        up = cosine_rise(xp.clip(elapsed / not_zero(rise, xp), 0.0, 1.0), xp)
        down = cosine_rise(xp.clip(remaining / not_zero(fall, xp), 0.0, 1.0), xp)
        first, last = self.lr_max / self.start_div, self.lr_max / self.final_div
        return xp.where(elapsed < rise, first + (self.lr_max - first) * up, last + (self.lr_max - last) * down)
