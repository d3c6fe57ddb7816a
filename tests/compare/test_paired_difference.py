"""The difference of two recipes seed by seed: its interval covers the truth, and without noise there is none."""

import math

import numpy as np
import pytest

from slanted.compare.paired_difference import deviation, paired_difference

pytestmark = pytest.mark.once

DRAWS = 4000


@pytest.mark.parametrize("rows", [None, 500], ids=["any score", "share of 500 rows"])
@pytest.mark.parametrize("seeds", [2, 3, 5, 10])
def test_the_interval_covers_the_truth_in_95_of_100_draws(seeds, rows):
    """Two recipes, 0.012 apart, whose scores share what a seed does to both and have noise of their own."""
    random = np.random.default_rng(seeds)
    truth, covered = 0.012, 0
    for _ in range(DRAWS):
        shared = random.normal(0.9, 0.02, seeds)
        first = shared + random.normal(0.0, 0.008, seeds)
        second = shared + truth + random.normal(0.0, 0.012, seeds)
        if rows:
            first, second = np.round(first * rows) / rows, np.round(second * rows) / rows
        found = paired_difference(first, second)
        covered += found.low is not None and found.low <= truth <= found.high
    sampling_error = math.sqrt(0.95 * 0.05 / DRAWS)
    # Scores that are whole rows may agree to the last on two seeds, where there is no interval.
    lost = 0.02 if rows and seeds == 2 else 0.0
    assert abs(covered / DRAWS - 0.95) <= 3 * sampling_error + lost


def test_pairing_takes_out_what_a_seed_does_to_both():
    seeds = np.array([0.70, 0.90, 0.80, 0.60])
    found = paired_difference(seeds, seeds + np.array([0.010, 0.012, 0.008, 0.010]))
    assert found.is_shown and found.high - found.low < 0.006


def test_against_scipy():
    from scipy import stats

    first, second = [0.81, 0.84, 0.79, 0.83], [0.85, 0.83, 0.84, 0.86]
    expected = stats.ttest_rel(second, first).confidence_interval(0.9)
    found = paired_difference(first, second, level=0.9)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), rel=1e-12)
    assert found.mean == pytest.approx(0.0275) and found.pairs == 4


@pytest.mark.parametrize(
    ("first", "second", "mean"), [([0.5], [0.75], 0.25), ([0.1, 0.2], [0.4, 0.5], 0.3), ([0.1, 0.2], [0.1, 0.2], 0.0)]
)
def test_without_noise_there_is_no_interval_and_no_difference_shown(first, second, mean):
    found = paired_difference(first, second)
    assert found.mean == pytest.approx(mean) and (found.low, found.high) == (None, None) and not found.is_shown


def test_deviation():
    assert deviation([1.0]) is None
    assert deviation([1.0, 2.0, 3.0]) == 1.0
