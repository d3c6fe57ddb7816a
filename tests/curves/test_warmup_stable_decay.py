"""WarmupStableDecay: known answers, transformers' schedule, refusals."""

import math

import numpy as np
import pytest
from curve_checks import refusal, transformers_rates

import slanted


@pytest.mark.once
@pytest.mark.parametrize("total", [10, 19, 100, 119, 279])
@pytest.mark.parametrize(("warmup", "decay"), [(0.1, 0.2), (0.0, 1.0), (0.3, 0.0), (0.25, 0.5)])
def test_transformers_warmup_stable_decay_agrees(torch_optimizer, total, warmup, decay):
    from transformers.optimization import get_wsd_schedule

    theirs = get_wsd_schedule(
        torch_optimizer,
        num_warmup_steps=math.ceil(warmup * total),
        num_decay_steps=math.ceil(decay * total),
        num_training_steps=total,
        decay_type="linear",
    )
    curve = slanted.WarmupStableDecay(1.0, warmup=warmup, decay=decay)
    np.testing.assert_allclose(curve.simulate(total), transformers_rates(theirs, total)[:total], rtol=1e-9, atol=1e-12)


@pytest.mark.once
def test_shares_that_add_up_to_one_in_spite_of_binary_fractions():
    for warmup in np.linspace(0, 1, 101):
        slanted.WarmupStableDecay(1.0, warmup=warmup, decay=1.0 - warmup)
        slanted.WarmupStableDecay(1.0, warmup=round(warmup, 2), decay=round(1 - round(warmup, 2), 2))


REFUSED = [
    (slanted.WarmupStableDecay, {"warmup": 1.5}, "in [0, 1]"),
    (slanted.WarmupStableDecay, {"decay": -0.5}, "in [0, 1]"),
    (slanted.WarmupStableDecay, {"decay": 0.95}, "at most 1 - warmup = 0.9"),
]


@pytest.mark.once
@pytest.mark.parametrize(("make", "arguments", "rule"), REFUSED)
def test_refused_arguments_and_the_whole_message(make, arguments, rule):
    (name, value), *_ = arguments.items()
    assert refusal(make, arguments) == f"Argument `{name}` must be {rule}. Received: {name}={value!r}"


@pytest.mark.once
def test_known_answers_of_a_run_of_10_and_past_its_end():
    curve = slanted.WarmupStableDecay(1.0, warmup=0.2, decay=0.3)
    expected = [0.0, 0.5, *[1.0] * 6, 2 / 3, 1 / 3, 0.0, 0.0]
    np.testing.assert_allclose(curve.at(range(12), 10), expected, rtol=1e-12)


@pytest.mark.once
def test_both_stretches_are_rounded_up_to_whole_steps():
    curve = slanted.WarmupStableDecay(1.0, warmup=0.1, decay=0.2)
    assert [curve.constants(total) for total in (1, 9, 10, 11, 70)] == [(1, 1), (1, 2), (1, 2), (2, 3), (7, 14)]


@pytest.mark.once
def test_stretches_that_round_up_to_more_than_the_run_leave_no_plateau():
    curve = slanted.WarmupStableDecay(1.0, warmup=0.5, decay=0.5)
    assert curve.simulate(3).tolist() == [0.0, 0.5, 0.5]
    assert curve.simulate(1).tolist() == [0.0]


@pytest.mark.once
def test_a_stretch_of_no_length_is_left_out():
    assert slanted.WarmupStableDecay(0.5, warmup=0.0, decay=0.0).at(range(9), 5).tolist() == [0.5] * 9
    assert slanted.WarmupStableDecay(1.0, warmup=0.0, decay=1.0).simulate(4).tolist() == [1.0, 0.75, 0.5, 0.25]
