"""OneCycle: known answers, its two ends and its peak, refusals."""

import numpy as np
import pytest
from curve_checks import refusal

import slanted

DIVISOR = "a finite number >= 1"
REFUSED = [
    (slanted.OneCycle, {"rise_frac": 1.5}, "in [0, 1]"),
    (slanted.OneCycle, {"start_div": 0.0}, DIVISOR),
    (slanted.OneCycle, {"final_div": 0.9}, DIVISOR),
]


@pytest.mark.once
@pytest.mark.parametrize(("make", "arguments", "rule"), REFUSED)
def test_refused_arguments_and_the_whole_message(make, arguments, rule):
    (name, value), *_ = arguments.items()
    assert refusal(make, arguments) == f"Argument `{name}` must be {rule}. Received: {name}={value!r}"


@pytest.mark.once
def test_known_answers_of_a_run_of_8():
    rates = slanted.OneCycle(1.0, rise_frac=0.5, start_div=5.0, final_div=10.0).at(range(9), 8)
    half = 0.5**0.5 / 2  # of the distance between half way and an end, at a quarter of the way
    rise = [0.2, 0.6 - 0.8 * half, 0.6, 0.6 + 0.8 * half]
    fall = [1.0, 0.55 + 0.9 * half, 0.55, 0.55 - 0.9 * half, 0.1]
    np.testing.assert_allclose(rates, [*rise, *fall], rtol=1e-12)


@pytest.mark.once
@pytest.mark.parametrize("total", [1, 7, 100, 10**6])
def test_it_starts_and_ends_at_the_divided_peak_and_stays_there(total):
    curve = slanted.OneCycle(0.5, start_div=20.0, final_div=1000.0)
    first, *after = curve.at([0, total, total + 1, 3 * total], total)
    assert first == pytest.approx(0.5 / 20.0, rel=1e-12)
    assert after == pytest.approx([0.5 / 1000.0] * 3, rel=1e-12)


@pytest.mark.once
@pytest.mark.parametrize(("rise_frac", "peak_at"), [(0.0, 0), (0.25, 25), (0.6, 60), (1.0, 99)])
def test_it_rises_up_to_the_peak_and_falls_from_it(rise_frac, peak_at):
    rates = slanted.OneCycle(1.0, rise_frac=rise_frac).simulate(100)
    assert rates.argmax() == peak_at
    assert (np.diff(rates[: peak_at + 1]) > 0).all() and (np.diff(rates[peak_at:]) < 0).all()
    assert rates[peak_at] == 1.0 or rise_frac == 1.0


@pytest.mark.once
def test_a_divisor_of_1_leaves_its_end_at_the_peak():
    rates = slanted.OneCycle(0.3, rise_frac=0.5, start_div=1.0, final_div=2.0).simulate(10)
    assert rates[:6].tolist() == [0.3] * 6
    assert slanted.OneCycle(0.3, start_div=1.0, final_div=1.0).simulate(10).tolist() == pytest.approx([0.3] * 10)


@pytest.mark.once
def test_the_defaults_are_those_of_fastai():
    arguments = slanted.OneCycle(0.5).get_config()
    assert arguments == {
        "lr_max": 0.5, "total_steps": None, "rise_frac": 0.25, "start_div": 25.0, "final_div": 100_000.0
    }  # fmt: skip
    assert slanted.OneCycle(0.5).constants(10) == (2.5, 7.5)
