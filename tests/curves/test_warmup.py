"""The curves that begin with a linear warm-up: known answers, transformers' schedules, refusals."""

import math

import numpy as np
import pytest
from curve_checks import refusal, transformers_rates

import slanted
from slanted.curves.warmup import _Warmup

COSINES = [math.cos(math.pi * quarter / 4) for quarter in (1, 2, 3)]


@pytest.mark.once
@pytest.mark.parametrize("total", [1, 2, 9, 10, 19, 100, 119, 279])
@pytest.mark.parametrize("warmup", [0.0, 0.1, 0.5, 1.0])
def test_transformers_schedules_agree_at_every_step(torch_optimizer, total, warmup):
    from transformers import optimization

    rise = math.ceil(warmup * total)
    steps = np.arange(total + 3)
    pairs = [
        (slanted.LinearWarmup(1.0, warmup=warmup), optimization.get_linear_schedule_with_warmup, (rise, total)),
        (slanted.CosineWarmup(1.0, warmup=warmup), optimization.get_cosine_schedule_with_warmup, (rise, total)),
        (slanted.ConstantWarmup(1.0, warmup=warmup), optimization.get_constant_schedule_with_warmup, (rise,)),
    ]
    for curve, make, arguments in pairs:
        theirs = transformers_rates(make(torch_optimizer, *arguments), total)
        # Past the end their cosine rises again; the run has no such step.
        np.testing.assert_allclose(curve.at(steps, total)[:total], theirs[:total], rtol=1e-9, atol=1e-12)


NUMBER = "a finite number > 0"
REFUSED = [
    (slanted.LinearWarmup, {"lr_max": 0}, NUMBER),
    (slanted.LinearWarmup, {"warmup": 2}, "in [0, 1]"),
    (slanted.CosineWarmup, {"warmup": -1}, "in [0, 1]"),
    (slanted.CosineWarmup, {"lr_min": 0.2}, "in [0, 0.1]"),
    (slanted.CosineWarmup, {"lr_min": -0.1}, "in [0, 0.1]"),
    (slanted.CosineWarmup, {"lr_min": "0"}, "a number"),
    (slanted.ConstantWarmup, {"warmup": 1.5}, "in [0, 1]"),
]


@pytest.mark.once
@pytest.mark.parametrize(("make", "arguments", "rule"), REFUSED)
def test_refused_arguments_and_the_whole_message(make, arguments, rule):
    (name, value), *_ = arguments.items()
    assert refusal(make, arguments) == f"Argument `{name}` must be {rule}. Received: {name}={value!r}"


@pytest.mark.once
@pytest.mark.parametrize(
    ("curve", "expected"),
    [
        (slanted.LinearWarmup(1.0, warmup=0.4), [0.0, 0.5, 1.0, 2 / 3, 1 / 3, 0.0, 0.0]),
        (slanted.CosineWarmup(1.0, warmup=0.2, lr_min=0.5), [0.0, 1.0, *(0.75 + 0.25 * c for c in COSINES), 0.5, 0.5]),
        (slanted.ConstantWarmup(1.0, warmup=0.4), [0.0, 0.5, 1.0, 1.0, 1.0, 1.0, 1.0]),
    ],
    ids=repr,
)
def test_known_answers_of_a_run_of_5_and_past_its_end(curve, expected):
    np.testing.assert_allclose(curve.at(range(7), 5), expected, rtol=1e-12, atol=1e-15)


@pytest.mark.once
@pytest.mark.parametrize(("total", "rise"), [(10, 1), (11, 2), (70, 7), (71, 8), (1, 1), (10**6, 10**5)])
def test_the_warmup_is_rounded_up_to_whole_steps(total, rise):
    curve = slanted.LinearWarmup(1.0, warmup=0.1)  # 70 * 0.1 is above 7 in binary
    assert curve.constants(total) == (rise, total - rise)
    assert curve.at([rise], total)[0] == (1.0 if rise < total else 0.0)


@pytest.mark.once
def test_without_a_warmup_the_first_rate_is_the_peak():
    for make in (slanted.LinearWarmup, slanted.CosineWarmup, slanted.ConstantWarmup):
        assert make(0.3, warmup=0.0).simulate(9)[0] == pytest.approx(0.3, rel=1e-12)
    assert set(slanted.ConstantWarmup(0.3).at(range(100), 9)) == {0.3}


@pytest.mark.once
def test_a_warmup_without_what_follows_says_what_to_define():
    with pytest.raises(NotImplementedError, match="_Warmup has no formula after the warm-up: define `after`"):
        _Warmup(1.0).simulate(3)
