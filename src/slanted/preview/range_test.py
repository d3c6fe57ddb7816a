"""The range test of the learning-rate finder: its options, and four readings of the loss over the learning rate.

The readings have the names and definitions of fastai's suggestion functions. The loss is smoothed in another way, see
`gaussian_smoothed`.
"""

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from slanted.common.argument_checks import positive, whole
from slanted.common.setting_fields import check_settings, documented, setting
from slanted.errors import SettingError

SLIDE_WINDOW = 15
SLIDE_TOLERANCE = 0.005
LEFT_OUT_AT_THE_END = 5
FEWEST_STEPS = 20
METHODS = ("valley", "steep", "minimum", "slide")


def _verify_steps(name: str, value: Any) -> None:
    whole(name, value, least=FEWEST_STEPS if value else 0)


@documented
@dataclass(frozen=True)
class SearchOptions:
    """How `slanted.find_learning_rate` searches.

    Raises:
        SettingError: One of them is out of its range.
    """

    lr_start: float = setting(1e-6, "first rate of the range test", check=positive)
    lr_end: float = setting(1e-2, "last rate, greater than the first", check=positive)
    steps: int = setting(
        100, f"batches of the range test, at least {FEWEST_STEPS}", check=partial(whole, least=FEWEST_STEPS)
    )
    method: str = setting("valley", "the suggestion to verify", choices=METHODS)
    verify_steps: int = setting(
        50, f"batches of each short run, at least {FEWEST_STEPS}; 0: none is verified", check=_verify_steps
    )

    def __post_init__(self) -> None:
        check_settings(self)
        if self.lr_end <= self.lr_start:
            raise SettingError("lr_end", f"greater than the first rate, {self.lr_start:g}", self.lr_end)


def gaussian_smoothed(losses: np.ndarray) -> np.ndarray:
    """Return the losses smoothed by a Gaussian whose standard deviation is a fortieth of the test, at least one step.

    The Gaussian averages over steps before and after. A running mean, as Keras reports it, averages over steps before
    alone, which shifts the curve, and with it every suggestion, to higher rates.
    """
    steps = np.arange(len(losses))
    width = max(1.0, len(losses) / 40.0)
    weights = np.exp(-0.5 * ((steps[:, None] - steps[None, :]) / width) ** 2)
    return weights @ losses / weights.sum(axis=1)


def suggestions(rates: np.ndarray, losses: np.ndarray) -> dict[str, float]:
    """Return the suggested learning rates by name.

    The first tenth of the steps, in which nothing is learnt yet, and the last five, in which the loss diverges, are
    ignored.

    Args:
        rates: The learning rates tried, ascending, shape (n,), n >= 10.
        losses: The smoothed losses, shape (n,).

    Returns:
        - "valley": the middle of the longest interval in which the loss falls.
        - "steep": the rate at which the loss falls fastest over the logarithm of the rate.
        - "minimum": a tenth of the rate with the lowest loss.
        - "slide": the left end of a window that is moved down from the highest rate until the slopes at its two ends
          are nearly equal.
    """
    first, last = len(rates) // 10, len(rates) - min(LEFT_OUT_AT_THE_END, len(rates) // 10)
    rates, losses = rates[first:last], losses[first:last]
    readings = {
        "valley": rates[_valley(losses)],
        "steep": rates[int(np.argmin(np.gradient(losses, np.log(rates))))],
        "minimum": rates[int(np.argmin(losses))] / 10.0,
        "slide": rates[_slide(losses)],
    }
    return {name: float(rate) for name, rate in readings.items()}


def _valley(losses: np.ndarray) -> int:
    """Return the middle of the interval that ends with, and is as long as, the longest falling subsequence."""
    lengths = np.ones(len(losses), dtype="int64")
    for index in range(1, len(losses)):
        longer = lengths[:index][losses[:index] > losses[index]]
        lengths[index] = 1 + longer.max(initial=0)
    end = int(np.argmax(lengths))
    start = max(0, end - int(lengths[end]))
    third = (end - start) / 3.0
    return start + int(third) + int(third / 2.0)


def _slide(losses: np.ndarray) -> int:
    slopes = np.gradient(losses)
    right, width = len(losses) - 1, min(SLIDE_WINDOW, len(losses) - 1)
    while right - width > 0 and abs(slopes[right] - slopes[right - width]) > SLIDE_TOLERANCE:
        right -= 1
    return right - width
