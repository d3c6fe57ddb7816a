"""SlantedTriangular: golden numbers, both ends, the paper's formula where it is right and where it is not."""

import math

import numpy as np
import pytest
from curve_checks import refusal

import slanted


@pytest.mark.once
@pytest.mark.parametrize("rounding", ["none", "floor"])
def test_golden_numbers_of_a_run_of_100(rounding):
    rates = slanted.SlantedTriangular(1.0, rounding=rounding).simulate(100)
    golden = {0: 0.03125, 5: 0.515625, 9: 0.903125, 10: 1.0, 50: 0.569444, 99: 0.042014}
    assert rates.shape == (100,)
    assert rates.dtype == np.float64
    for step, rate in golden.items():
        assert rates[step] == pytest.approx(rate, abs=5e-7)
    assert rates.argmax() == 10


@pytest.mark.once
@pytest.mark.parametrize("cut_frac", [0.0, 0.06, 0.1, 0.5, 1.0])
@pytest.mark.parametrize("rounding", ["none", "floor"])
def test_triangle_never_leaves_its_band_and_has_one_peak(cut_frac, rounding):
    curve = slanted.SlantedTriangular(1.0, cut_frac=cut_frac, rounding=rounding)
    for total in range(1, 301):
        rates = curve.at(np.arange(3 * total), total)
        assert rates.min() >= 1 / 32 - 1e-15
        assert rates.max() <= 1.0
        run = rates[:total]
        first, *_, last = 2 * list(np.flatnonzero(run == run.max()))
        assert last - first <= 1  # a fractional cut can lie just so that two steps tie
        assert (np.diff(run[: first + 1]) > 0).all()
        assert (np.diff(run[last:]) < 0).all()
        assert (rates[total:] == 1 / 32).all()


@pytest.mark.once
def test_both_ends_of_the_triangle():
    starts = {cut_frac: slanted.SlantedTriangular(1.0, cut_frac=cut_frac).simulate(50)[0] for cut_frac in (0.0, 0.1, 1)}
    assert starts == {0.0: 1.0, 0.1: 1 / 32, 1: 1 / 32}
    never_decays = slanted.SlantedTriangular(1.0, cut_frac=1.0).simulate(50)
    assert (np.diff(never_decays) > 0).all()
    assert never_decays[-1] == pytest.approx((1 + 49 / 50 * 31) / 32)


@pytest.mark.once
@pytest.mark.parametrize(("cut_frac", "peak"), [(0.29, 29), (0.57, 57), (0.1, 10), (0.009, 1), (0.0, 1), (0.999, 99)])
def test_floor_is_safe_from_binary_fractions(cut_frac, peak):
    curve = slanted.SlantedTriangular(1.0, cut_frac=cut_frac, rounding="floor")
    assert curve.constants(100) == (peak, 100 - peak)
    assert curve.simulate(100)[peak] == 1.0


@pytest.mark.once
def test_the_paper_s_formula_where_its_own_is_right():
    for total in range(10, 300, 10):
        cut = math.floor(total / 10)
        paper = [t / cut if t < cut else 1 - (t - cut) / (cut * (1 / 0.1 - 1)) for t in range(total)]
        rates = 0.01 * (1 + np.array(paper) * 31) / 32
        curve = slanted.SlantedTriangular(0.01, rounding="floor")
        np.testing.assert_allclose(curve.simulate(total), rates, rtol=1e-12)


@pytest.mark.once
def test_a_run_that_the_paper_s_formula_makes_negative():
    rates = slanted.SlantedTriangular(1.0, rounding="floor").simulate(19)
    assert rates[1] == 1.0
    assert rates[-1] == pytest.approx((1 + 31 / 18) / 32)


@pytest.mark.once
def test_the_seed_s_defaults():
    assert slanted.SlantedTriangular().get_config() == {
        "lr_max": 0.001,
        "total_steps": None,
        "cut_frac": 0.1,
        "ratio": 32.0,
        "rounding": "none",
    }


NUMBER = "a finite number > 0"
DIVISOR = "a finite number >= 1"
REFUSED = [
    (slanted.SlantedTriangular, {"lr_max": 0.0}, NUMBER),
    (slanted.SlantedTriangular, {"lr_max": -1e-3}, NUMBER),
    (slanted.SlantedTriangular, {"lr_max": math.nan}, NUMBER),
    (slanted.SlantedTriangular, {"lr_max": math.inf}, NUMBER),
    (slanted.SlantedTriangular, {"lr_max": "0.1"}, "a number"),
    (slanted.SlantedTriangular, {"lr_max": None}, "a number"),
    (slanted.SlantedTriangular, {"total_steps": 0}, "a whole number >= 1"),
    (slanted.SlantedTriangular, {"total_steps": 10.0}, "a whole number >= 1"),
    (slanted.SlantedTriangular, {"cut_frac": -0.1}, "in [0, 1]"),
    (slanted.SlantedTriangular, {"cut_frac": 1.1}, "in [0, 1]"),
    (slanted.SlantedTriangular, {"cut_frac": math.nan}, "in [0, 1]"),
    (slanted.SlantedTriangular, {"ratio": 0.5}, DIVISOR),
    (slanted.SlantedTriangular, {"ratio": math.inf}, DIVISOR),
    (slanted.SlantedTriangular, {"rounding": "ceil"}, '"none" or "floor"'),
]


@pytest.mark.once
@pytest.mark.parametrize(("make", "arguments", "rule"), REFUSED)
def test_refused_arguments_and_the_whole_message(make, arguments, rule):
    (name, value), *_ = arguments.items()
    assert refusal(make, arguments) == f"Argument `{name}` must be {rule}. Received: {name}={value!r}"
