"""The readings of a range test with known answers, and the options that are refused."""

import numpy as np
import pytest

from slanted.errors import SettingError
from slanted.preview.range_test import SearchOptions, gaussian_smoothed, suggestions

once = pytest.mark.once
RATES = np.geomspace(1e-6, 1e-1, 101)


@once
def test_the_suggestions_of_a_curve_whose_answers_are_known():
    # flat to 1e-4, falls along a cosine to its lowest at 1e-2, rises after
    position = np.clip((np.log10(RATES) + 4.0) / 2.0, 0.0, None)
    losses = np.where(position <= 1.0, np.cos(np.pi * np.minimum(position, 1.0)), -1.0 + 20.0 * (position - 1.0))
    found = suggestions(RATES, losses)
    assert found["minimum"] == pytest.approx(1e-3)
    assert found["steep"] == pytest.approx(1e-3, rel=0.15)
    assert 5e-4 < found["valley"] < 2e-3
    assert RATES[0] <= found["slide"] <= 1e-2


@once
def test_smoothing_shifts_nothing():
    peak = np.exp(-0.5 * ((np.arange(101) - 60) / 6.0) ** 2)
    assert int(np.argmax(gaussian_smoothed(peak))) == 60
    np.testing.assert_allclose(gaussian_smoothed(np.full(50, 3.0)), 3.0)


@once
def test_the_ends_where_nothing_is_learnt_yet_and_where_all_is_lost_are_left_out():
    losses = np.linspace(2.0, 1.0, 101)
    losses[:10], losses[-5:] = -50.0, -50.0
    found = suggestions(RATES, losses)
    assert found["minimum"] == pytest.approx(RATES[95] / 10.0)
    assert all(RATES[10] <= rate <= RATES[95] for name, rate in found.items() if name != "minimum")


@once
def test_the_valley_is_within_the_longest_fall_and_not_at_a_lower_loss_beyond():
    losses = np.concatenate([np.full(30, 3.0), np.linspace(2.9, 1.0, 40), np.full(30, 1.5), [0.5]])
    assert RATES[30] < suggestions(RATES, losses)["valley"] < RATES[70]


@once
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"lr_start": 0.0}, "Argument `lr_start` must be a finite number > 0. Received: lr_start=0.0"),
        ({"lr_end": 1e-6}, "Argument `lr_end` must be greater than the first rate, 1e-06. Received: lr_end=1e-06"),
        ({"lr_end": np.inf}, "Argument `lr_end` must be a finite number > 0. Received: lr_end=inf"),
        ({"steps": 19}, "Argument `steps` must be a whole number >= 20. Received: steps=19"),
        ({"verify_steps": 19}, "Argument `verify_steps` must be a whole number >= 20. Received: verify_steps=19"),
        ({"verify_steps": -1}, "Argument `verify_steps` must be a whole number >= 20. Received: verify_steps=-1"),
        (
            {"method": "Valley"},
            "Argument `method` must be one of valley, steep, minimum, slide. Received: method='Valley'",
        ),
    ],
)
def test_a_search_that_cannot_be_made_is_refused(options, message):
    with pytest.raises(SettingError) as raised:
        SearchOptions(**options)
    assert str(raised.value) == message


@once
def test_the_shortest_search_is_accepted_and_need_not_be_verified():
    options = SearchOptions(steps=20, verify_steps=0, method="slide")
    assert (options.lr_start, options.lr_end) == (1e-6, 1e-2)
