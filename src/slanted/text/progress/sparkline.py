"""Numbers as a line of small bars."""

from collections.abc import Sequence

import numpy as np

BARS = "▁▂▃▄▅▆▇█"


def sparkline(values: Sequence[float] | np.ndarray, width: int) -> str:
    """Return the values, in order, as `width` bars at most; a bar is the mean of what falls on it.

    >>> sparkline([0, 1, 2, 3, 2, 1, 0], 7)
    '▁▃▆█▆▃▁'
    >>> sparkline([1, 1], 7)
    '▁▁'
    """
    numbers = np.asarray(values, "float64")
    numbers = numbers[np.isfinite(numbers)]
    if not len(numbers) or width < 1:
        return ""
    means = np.array([part.mean() for part in np.array_split(numbers, min(width, len(numbers)))])
    low, high = means.min(), means.max()
    heights = (means - low) / (high - low) if high > low else np.zeros(len(means))
    return "".join(BARS[round(height * (len(BARS) - 1))] for height in heights)
