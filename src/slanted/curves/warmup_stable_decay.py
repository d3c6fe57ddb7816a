"""Linear warm-up, a plateau, and linear decay at the end."""

from typing import Any

import keras

from slanted.common.argument_checks import fraction
from slanted.curves.curve import Constants, Curve, not_zero, whole_steps
from slanted.errors import SettingError


@keras.saving.register_keras_serializable(package="slanted")
class WarmupStableDecay(Curve):
    """Linear warm-up from 0, a plateau at the peak, and linear decay to 0 over the last share of the run.

        rate(t) = lr_max * min(1, t / W, (T - t) / D),  W = ceil(warmup * T),  D = ceil(decay * T)

    Args:
        lr_max: The peak learning rate, > 0.
        total_steps: T, in batches; None: the length of the `fit` call.
        warmup: The share of the run during which the rate rises, in [0, 1].
        decay: The share of the run during which the rate decays, in [0, 1]; warmup + decay <= 1.

    Raises:
        ValueError: An argument is out of its range.

    >>> [float(rate) for rate in WarmupStableDecay(1.0, warmup=0.25, decay=0.5).simulate(8)]
    [0.0, 0.5, 1.0, 1.0, 1.0, 0.75, 0.5, 0.25]

    Source: Hu et al. 2024, "MiniCPM", arXiv 2404.06395, section 4. The decay is linear here; the paper's is
    exponential.
    """

    extra_arguments = ("warmup", "decay")

    def __init__(self, lr_max: float, total_steps: int | None = None, warmup: float = 0.1, decay: float = 0.2) -> None:
        super().__init__(lr_max, total_steps)
        self.warmup = fraction("warmup", warmup)
        self.decay = fraction("decay", decay)
        if self.warmup + self.decay > 1.0 + 1e-9:
            raise SettingError("decay", f"at most 1 - warmup = {1.0 - self.warmup:g}", decay)

    def constants(self, total_steps: int) -> Constants:
        """Return W and D, the lengths of the warm-up and of the decay."""
        return whole_steps(self.warmup, total_steps), whole_steps(self.decay, total_steps)

    def rate(self, elapsed: Any, remaining: Any, constants: Any, xp: Any) -> Any:
        """Return lr_max * min(1, t / W, (T - t) / D)."""
        rise, fall = constants
        left = xp.maximum(remaining, 0.0)
        up = xp.where(elapsed < rise, elapsed / not_zero(rise, xp), xp.ones_like(elapsed))
        down = xp.where(left < fall, left / not_zero(fall, xp), xp.ones_like(elapsed))
        return self.lr_max * xp.clip(xp.minimum(up, down), 0.0, 1.0)
