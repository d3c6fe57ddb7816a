"""The expected time of a run, against sums done by hand, and with the costs of a machine on which JAX steps faster."""

import time

import pytest

from slanted.runtime.run_costs import BFLOAT16, FLOAT32, TYPICAL, Costs, Expectation, Work, expected_seconds

pytestmark = pytest.mark.once

COSTS = Costs(startup=10.0, compile=8.0, step=0.5, token=0.001, predict=0.0001)
SCORING = Costs(startup=99.0, compile=99.0, step=99.0, token=99.0, predict=0.01)
WORK = Work(lengths=3, predicted_lengths=8, steps=100, tokens=50_000.0, predicted=10_000.0, scored=2_000.0, linear=3.0)


@pytest.mark.parametrize(("backend", "compiling"), [("torch", 0.0), ("tensorflow", 0.0), ("jax", 8.0 * (3 + 0.25 * 8))])
def test_a_run_starts_compiles_steps_and_predicts(backend, compiling):
    seconds = 10.0 + compiling + 100 * 0.5 + 50_000 * 0.001 + 10_000 * 0.0001 + 2_000 * 0.01 + 3.0
    assert expected_seconds(backend, COSTS, SCORING, WORK) == pytest.approx(seconds)


def test_models_share_the_start_alone():
    of_five = Work(**{**vars(WORK), "models": 5})
    one, five = (expected_seconds("jax", COSTS, SCORING, work) - 10.0 for work in (WORK, of_five))
    assert five == pytest.approx(5 * one)


def test_a_larger_model_takes_longer_and_frozen_groups_less():
    larger = Work(**{**vars(WORK), "weights": 3.0, "block_weights": 8.0, "trained": 0.75})
    assert COSTS.training(larger) == pytest.approx(0.75 * (100 * 0.5 * 3.0 + 50_000 * 0.001 * 8.0))
    assert expected_seconds("torch", COSTS, SCORING, larger) == pytest.approx(
        10.0 + COSTS.training(larger) + 8.0 * (10_000 * 0.0001 + 2_000 * 0.01) + 3.0
    )


def test_compiling_outweighs_a_quicker_step():
    """5.87 steps/s of JAX against 5.55 of PyTorch: 513 steps of eight lengths, 60 seconds to compile them."""
    work = Work(lengths=8, predicted_lengths=8, steps=513, tokens=0.0)
    torch = Costs(startup=5.0, compile=0.0, step=1 / 5.55, token=0.0, predict=0.0)
    jax = Costs(startup=8.0, compile=6.0, step=1 / 5.87, token=0.0, predict=0.0)
    assert jax.training(work) < torch.training(work)
    assert expected_seconds("torch", torch, torch, work) == pytest.approx(5.0 + 513 / 5.55)
    assert expected_seconds("jax", jax, jax, work) == pytest.approx(8.0 + 6.0 * 10 + 513 / 5.87)
    long = Work(**{**vars(work), "steps": 100 * 513})
    assert expected_seconds("jax", jax, jax, long) < expected_seconds("torch", torch, torch, long)


def test_costs_of_a_slower_machine():
    assert COSTS.times(2.0) == Costs(startup=20.0, compile=16.0, step=1.0, token=0.002, predict=0.0002)


def test_typical_costs_are_those_of_each_backend_in_both_precisions():
    assert TYPICAL.keys() == {"tensorflow", "jax", "torch"}
    assert all(costs.keys() == {FLOAT32, BFLOAT16} for costs in TYPICAL.values())
    assert [name for name, costs in TYPICAL.items() if costs[FLOAT32].compile] == ["jax"]


def test_the_time_of_a_run_stands_beside_the_expected_one():
    facts = Expectation(12.5, begun=time.monotonic() - 3.0).facts()
    assert facts["expected_seconds"] == 12.5 and 3.0 <= facts["run_seconds"] < 60.0
