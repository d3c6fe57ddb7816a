"""Sparklines: numbers as a line of small bars."""

from collections.abc import Sequence

import numpy as np

BARS = "▁▂▃▄▅▆▇█"


def sparkline(values: Sequence[float] | np.ndarray, width: int) -> str:
    """Return the values, in order, as at most `width` bars; the height of a bar is the mean of its values.

    >>> sparkline([0, 1, 2, 3, 2, 1, 0], 7)
    '▁▃▆█▆▃▁'
    >>> sparkline([1, 1], 7)
    '▁▁'
    """
    numbers = np.asarray(values, "float64")
    numbers = numbers[np.isfinite(numbers)]
    if not len(numbers) or width < 1:
        return ""
    count = min(width, len(numbers))
    sizes = len(numbers) // count + (np.arange(count) < len(numbers) % count)
    means = np.add.reduceat(numbers, np.cumsum(sizes) - sizes) / sizes
    low, high = means.min(), means.max()
    differ = high - low > 1e-9 * max(abs(low), abs(high))  # more than the rounding of a mean
    heights = (means - low) / (high - low) if differ else np.zeros(count)
    return "".join(BARS[round(height * (len(BARS) - 1))] for height in heights.tolist())
