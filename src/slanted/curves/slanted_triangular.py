"""The slanted triangular learning rates of Howard and Ruder 2018."""

import math
from typing import Any

import keras

from slanted.common.argument_checks import fraction, positive
from slanted.curves.curve import Constants, Curve, not_zero
from slanted.errors import SettingError


@keras.saving.register_keras_serializable(package="slanted")
class SlantedTriangular(Curve):
    """Slanted triangular learning rates: a short linear rise, then a long linear decay, never below lr_max / ratio.

        cut  = T * cut_frac                                  (rounding="none")
        cut  = max(1, floor(T * cut_frac + 1e-9))            (rounding="floor", as in the paper)
        p(t) = t / cut  for t < cut,  else 1 - (t - cut) / (T - cut),  clipped to [0, 1]
        rate = lr_max * (1 + p * (ratio - 1)) / ratio

    For t >= T the rate stays at lr_max / ratio.

    Args:
        lr_max: The peak learning rate, > 0.
        total_steps: T, in batches; None: the length of the `fit` call.
        cut_frac: The share of the run during which the rate rises, in [0, 1]. With 0 the run starts at the peak; with 1
            the rate never decays.
        ratio: The peak divided by the lowest rate, >= 1.
        rounding: "none": `cut` may be fractional; "floor": it is rounded down, as in the paper.

    Raises:
        ValueError: An argument is out of its range.

    >>> [float(rate) for rate in SlantedTriangular(1.0).simulate(100)[[0, 5, 10]]]
    [0.03125, 0.515625, 1.0]

    Source: Howard and Ruder 2018, "Universal Language Model Fine-tuning for Text Classification", equation 3. Where the
    formula above divides by T - cut, the paper divides by cut * (1 / cut_frac - 1). The two are equal if T * cut_frac
    is a whole number; otherwise the paper's formula makes the rate of short runs negative or undefined.
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

    def constants(self, total_steps: int) -> Constants:
        """Return the cut and the number of steps after it."""
        cut = total_steps * self.cut_frac
        if self.rounding == "floor":
            cut = float(max(1, math.floor(cut + 1e-9)))
        return cut, total_steps - cut

    def rate(self, elapsed: Any, remaining: Any, constants: Any, xp: Any) -> Any:
        """Return lr_max * (1 + p * (ratio - 1)) / ratio."""
        cut, fall = constants
        p = xp.where(elapsed < cut, elapsed / not_zero(cut, xp), remaining / not_zero(fall, xp))
        return self.lr_max * (1.0 + xp.clip(p, 0.0, 1.0) * (self.ratio - 1.0)) / self.ratio
