"""The range test of the learning-rate finder: its options, and four readings of one curve of losses over rising rates.

The names and the definitions of the readings are those of fastai, which has collected them; the curve is smoothed
otherwise, see `smoothed`.
"""

from dataclasses import dataclass

import numpy as np

from slanted.common.argument_checks import positive, whole
from slanted.errors import SettingError

SLIDE_WINDOW = 15
SLIDE_TOLERANCE = 0.005
LEFT_OUT_AT_THE_END = 5


FEWEST_STEPS = 20
METHODS = ("valley", "steep", "minimum", "slide")


@dataclass(frozen=True)
class SearchOptions:
    """How `slanted.find_learning_rate` searches.

    Args:
        lr_start: The first rate of the range test, > 0.
        lr_end: The last, > lr_start.
        steps: Batches of the range test, >= 20.
        method: The suggestion to verify.
        verify_steps: Batches of each short run, >= 20; 0: not verified.

    Raises:
        SettingError: One of them is out of its range.
    """

    lr_start: float = 1e-6
    lr_end: float = 1e-2
    steps: int = 100
    method: str = "valley"
    verify_steps: int = 50

    def __post_init__(self) -> None:
        positive("lr_start", self.lr_start)
        if positive("lr_end", self.lr_end) <= self.lr_start:
            raise SettingError("lr_end", f"greater than the first rate, {self.lr_start:g}", self.lr_end)
        whole("steps", self.steps, least=FEWEST_STEPS)
        whole("verify_steps", self.verify_steps, least=FEWEST_STEPS if self.verify_steps else 0)
        if self.method not in METHODS:
            raise SettingError("method", f"one of {', '.join(METHODS)}", self.method)


def smoothed(losses: np.ndarray) -> np.ndarray:
    """Return the losses averaged over their neighbours, with Gaussian weights of a fortieth of the test.

    Each value looks both ways. A running mean, such as Keras reports, looks back only, which shifts the curve and so
    every suggestion to higher rates.
    """
    steps = np.arange(len(losses))
    width = max(1.0, len(losses) / 40.0)
    weights = np.exp(-0.5 * ((steps[:, None] - steps[None, :]) / width) ** 2)
    return weights @ losses / weights.sum(axis=1)


def suggestions(rates: np.ndarray, losses: np.ndarray) -> dict[str, float]:
    """Return the suggested rates by name.

    The first tenth, where nothing is learnt yet, and the last five losses, where all is lost, are left out.

    Args:
        rates: The rates tried, rising, shape (n,), n >= 10.
        losses: Theirs, smoothed.

    Returns:
        - "valley": the middle of the longest falling stretch.
        - "steep": where the loss falls fastest over the logarithm of the rate.
        - "minimum": a tenth of the rate of the lowest loss.
        - "slide": the left end of a window that slides down from the highest rate until the slopes at its two ends are
          nearly alike.
    """
    first, last = len(rates) // 10, len(rates) - min(LEFT_OUT_AT_THE_END, len(rates) // 10)
    rates, losses = rates[first:last], losses[first:last]
    found = {
        "valley": rates[_valley(losses)],
        "steep": rates[int(np.argmin(np.gradient(losses, np.log(rates))))],
        "minimum": rates[int(np.argmin(losses))] / 10.0,
        "slide": rates[_slide(losses)],
    }
    return {name: float(rate) for name, rate in found.items()}


def _valley(losses: np.ndarray) -> int:
    """Return the middle of the stretch as long as the longest falling subsequence, which ends where that ends."""
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
