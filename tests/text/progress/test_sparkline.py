"""Numbers as a line of small bars: how many there are, how high each is, and what is left out."""

import numpy as np
import pytest

from slanted.text.progress.sparkline import BARS, sparkline

pytestmark = pytest.mark.once


def test_every_bar_stands_for_its_eighth_of_the_range():
    assert sparkline(range(8), 8) == BARS
    assert sparkline(range(7, -1, -1), 8) == BARS[::-1]
    assert sparkline(-1e-7 * np.arange(8), 8) == BARS[::-1]


def test_a_bar_is_the_mean_of_what_falls_on_it():
    assert sparkline([0, 2, 7, 9, 4, 4], 3) == sparkline([1, 8, 4], 3)
    assert sparkline(np.repeat(np.arange(8), 1000), 8) == BARS


@pytest.mark.parametrize(("count", "width", "bars"), [(3, 7, 3), (7, 7, 7), (8, 7, 7), (100_000, 7, 7), (5, 1, 1)])
def test_there_are_at_most_as_many_bars_as_numbers_and_columns(count, width, bars):
    assert len(sparkline(np.arange(count), width)) == bars


@pytest.mark.parametrize("values", [[2.0], [0.0, 0.0], [-1.0] * 50, [1e-4] * 100])
def test_numbers_that_do_not_differ_are_all_low(values):
    assert set(sparkline(values, 7)) == {BARS[0]}


def test_what_is_not_finite_is_left_out():
    assert sparkline([0.0, np.nan, 7.0, np.inf, -np.inf], 5) == BARS[0] + BARS[-1]


@pytest.mark.parametrize(("values", "width"), [([], 7), ([np.nan, np.inf], 7), ([1.0, 2.0], 0), ([1.0, 2.0], -3)])
def test_nothing_to_draw_or_no_place_for_it_is_no_bar(values, width):
    assert sparkline(values, width) == ""
