"""Statistics of scores over several seeds: standard deviation, and paired difference with its confidence interval."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

LEVEL = 0.95


@dataclass(frozen=True)
class Difference:
    """The paired difference between the scores of two recipes over the same seeds.

    The interval is that of Student's t for the mean of the differences. If the comparison were repeated with other
    seeds on the same files, 95 % of such intervals would contain the mean difference over all seeds. A seed determines
    the validation split, the batch order, the new layers and dropout. The interval does not cover the sampling of the
    test rows.

    Attributes:
        mean: The mean of the differences, one for each seed.
        low: The lower end of the interval; None for a single seed, or if the difference is the same for every seed.
        high: The upper end of the interval, or None.
        pairs: The number of seeds.
    """

    mean: float
    low: float | None
    high: float | None
    pairs: int

    @property
    def is_shown(self) -> bool:
        """Whether the interval does not contain 0."""
        return self.low is not None and self.high is not None and not self.low <= 0.0 <= self.high


def paired_difference(first: Sequence[float], second: Sequence[float], level: float = LEVEL) -> Difference:
    """Return `second` minus `first`, seed by seed.

        d_i = second_i - first_i;   mean(d) -+ t(n - 1, (1 + level) / 2) * deviation(d) / sqrt(n)

    Args:
        first: The score of the first recipe for each seed.
        second: The score of the second recipe for each seed, in the same order.
        level: The confidence level of the interval, in (0, 1).

    >>> difference = paired_difference([0.80, 0.82, 0.81], [0.83, 0.84, 0.85])
    >>> print(f"{difference.mean:.3f} in {difference.low:.3f} to {difference.high:.3f}")
    0.030 in 0.005 to 0.055
    """
    differences = np.asarray(second, "float64") - np.asarray(first, "float64")
    mean, count = float(differences.mean()), len(differences)
    if count < 2 or np.ptp(differences) <= 1e-12:  # equal up to rounding
        return Difference(mean, None, None, count)
    from scipy import stats

    half = float(stats.t.ppf((1 + level) / 2, count - 1)) * float(differences.std(ddof=1)) / math.sqrt(count)
    return Difference(mean, mean - half, mean + half, count)


def deviation(scores: Sequence[float]) -> float | None:
    """Return the sample standard deviation; None for a single score."""
    return float(np.std(scores, ddof=1)) if len(scores) > 1 else None
