"""Checks of numbers: the value returned, or the full message."""

import decimal
import math

import numpy as np
import pytest

from slanted.common.argument_checks import fraction, plain, positive, whole, within
from slanted.errors import SettingError

pytestmark = pytest.mark.once


def message(check, *arguments, **settings):
    with pytest.raises(SettingError) as raised:
        check(*arguments, **settings)
    return str(raised.value)


@pytest.mark.parametrize("value", [1e-30, 2e-5, 1, np.float32(0.5), np.int64(3), 1e30])
def test_positive_returns_a_float(value):
    number = positive("lr_max", value)
    assert number == float(value)
    assert type(number) is float


@pytest.mark.parametrize("value", [0, 0.0, -1e-9, math.inf, -math.inf, math.nan])
def test_positive_says_the_rule_and_what_it_got(value):
    assert message(positive, "lr_max", value) == (
        f"Argument `lr_max` must be a finite number > 0. Received: lr_max={value!r}"
    )


def test_positive_with_a_least_value():
    assert positive("ratio", 1, least=1.0) == 1.0
    assert message(positive, "ratio", 0.99, least=1.0) == (
        "Argument `ratio` must be a finite number >= 1. Received: ratio=0.99"
    )


@pytest.mark.parametrize("value", [10**400, -(10**400)])
def test_a_number_too_large_for_a_float_is_not_finite(value):
    assert message(positive, "ratio", value) == (
        f"Argument `ratio` must be a finite number > 0. Received: ratio={value}"
    )
    assert message(fraction, "warmup", value) == f"Argument `warmup` must be in [0, 1]. Received: warmup={value}"


@pytest.mark.parametrize("value", [0, 0.1, 1, np.float64(0.3)])
def test_fraction_accepts_both_ends(value):
    assert fraction("cut_frac", value) == value


@pytest.mark.parametrize("value", [-1e-12, 1.0000001, math.nan, math.inf])
def test_fraction_refuses(value):
    assert message(fraction, "cut_frac", value) == (
        f"Argument `cut_frac` must be in [0, 1]. Received: cut_frac={value!r}"
    )


def test_within_names_its_bound():
    assert within("lr_min", 0.25, 0.25) == 0.25
    assert message(within, "lr_min", 0.5, 0.25) == "Argument `lr_min` must be in [0, 0.25]. Received: lr_min=0.5"


@pytest.mark.parametrize("value", [1, 10**12, np.int32(7)])
def test_whole_returns_an_int(value):
    number = whole("total_steps", value)
    assert number == value
    assert type(number) is int


@pytest.mark.parametrize("value", [0, -1, 1.0, 2.5, True, "3", None, math.nan])
def test_whole_refuses(value):
    assert message(whole, "total_steps", value) == (
        f"Argument `total_steps` must be a whole number >= 1. Received: total_steps={value!r}"
    )


def test_whole_with_a_most_value():
    assert whole("seed", 7, most=7) == 7
    assert message(whole, "seed", 10**30, most=7) == f"Argument `seed` must be at most 7. Received: seed={10**30}"


def test_numbers_of_numpy_become_those_of_python():
    given = [np.int64(3), (np.float32(0.5), "a"), {"head": np.float64(2.0)}, [np.bool_(True)], None]
    found = plain(given)
    assert found == [3, (0.5, "a"), {"head": 2.0}, [True], None]
    assert [type(found[0]), type(found[1][0]), type(found[2]["head"]), type(found[3][0])] == [int, float, float, bool]


def test_whole_with_another_least_value():
    assert whole("epoch", 0, least=0) == 0
    assert message(whole, "epoch", -1, least=0) == ("Argument `epoch` must be a whole number >= 0. Received: epoch=-1")


@pytest.mark.parametrize("value", ["0.1", b"1", None, True, False, [0.1], 1j, np.array([0.1])])
@pytest.mark.parametrize("check", [positive, fraction])
def test_what_is_not_a_number_is_refused(check, value):
    assert message(check, "lr_max", value) == f"Argument `lr_max` must be a number. Received: lr_max={value!r}"


def test_a_decimal_is_not_a_real_number_of_python():
    assert "must be a number" in message(positive, "lr_max", decimal.Decimal("0.1"))


def test_the_error_is_a_value_error_with_exit_status_2():
    with pytest.raises(ValueError) as raised:
        whole("total_steps", 0)
    assert raised.value.exit_status == 2
