"""Batches of similar lengths: every row once, few static lengths, little padding, a seeded order."""

import itertools
import json
import math
import subprocess
import sys

import numpy as np
import pytest

from slanted.errors import InputError
from slanted.text.batching.length_buckets import LEAST_BATCHES, LengthPlan

pytestmark = pytest.mark.once


def skewed(count, seed=0, most=128):
    """Lengths as texts have them: many short, few long."""
    return np.clip(np.random.default_rng(seed).lognormal(2.6, 0.5, count).astype(int) + 3, 3, most)


def described(batches):
    return [(batch.length, batch.rows.tolist()) for batch in batches]


@pytest.mark.parametrize("count", [1, 2, 7, 8, 9, 31, 64, 100, 1000, 1003])
@pytest.mark.parametrize("max_shapes", [1, 2, 3, 8])
def test_every_row_once_in_the_promised_number_of_batches(count, max_shapes):
    lengths = skewed(count)
    plan = LengthPlan(lengths, 8, seed=3, max_shapes=max_shapes)
    for epoch in range(3):
        batches = plan.batches(epoch)
        assert len(batches) == plan.num_batches == math.ceil(count / 8)
        assert sorted(np.concatenate([batch.rows for batch in batches])) == list(range(count))
        assert all(lengths[batch.rows].max() <= batch.length for batch in batches)
        sizes = [len(batch.rows) for batch in batches]
        assert all(size == 8 for size in sizes[:-1]) or (count % 8 and sizes.count(8) == len(sizes) - 1)
    assert sorted(np.concatenate([batch.rows for batch in plan.sorted_batches()])) == list(range(count))


@pytest.mark.parametrize("max_shapes", [2, 3, 8])
@pytest.mark.parametrize("count", [1000, 1003])
def test_every_epoch_has_the_same_few_shapes(count, max_shapes):
    plan = LengthPlan(skewed(count), 8, max_shapes=max_shapes)
    expected = sorted((len(batch.rows), batch.length) for batch in plan.batches(0))
    assert len(set(expected)) <= max_shapes
    for epoch in range(1, 20):
        assert sorted((len(batch.rows), batch.length) for batch in plan.batches(epoch)) == expected


def test_padding_is_what_is_computed_in_vain():
    lengths = np.array([2] * 16 + [4] * 16)
    assert LengthPlan(lengths, 4).padding == 0.0
    assert LengthPlan(lengths, 4, max_shapes=1).padding == 0.25


@pytest.mark.parametrize("seed", range(5))
def test_no_other_boundaries_pad_less(seed):
    lengths = np.sort(skewed(8 * 4 * 6, seed, most=40))
    plan = LengthPlan(lengths, 4, max_shapes=3)
    batches = len(lengths) // 4
    costs = []
    for boundaries in itertools.combinations(range(1, batches), 2):
        ends = np.array([*boundaries, batches])
        sizes = np.diff([0, *ends])
        if sizes.min() >= LEAST_BATCHES:
            costs.append(int((sizes * 4 * lengths[ends * 4 - 1]).sum()))
    assert sum(len(batch.rows) * batch.length for batch in plan.batches(0)) == min(costs)


def test_texts_like_questions_are_padded_by_less_than_an_eighth():
    lengths = np.clip(np.random.default_rng(0).lognormal(2.5, 0.37, 5452).astype(int), 5, 41)
    few, many = LengthPlan(lengths, 32, max_shapes=8), LengthPlan(lengths, 32)
    assert len({batch.length for batch in few.batches(0)}) <= 8 and few.padding < 0.12
    assert len({batch.length for batch in many.batches(0)}) > 8 and many.padding < 0.03


@pytest.mark.parametrize("cost", [100, 1000, 10_000, 100_000])
def test_as_many_shapes_as_cost_the_least(cost):
    lengths = skewed(1003)

    def tokens(plan):
        shapes = {(len(batch.rows), batch.length) for batch in plan.batches(0)}
        return plan.padded_length * len(lengths) + len(shapes) * cost

    plan = LengthPlan(lengths, 8, shape_tokens=cost)
    least = min(tokens(LengthPlan(lengths, 8, max_shapes=most)) for most in range(2, 65))
    assert tokens(plan) == pytest.approx(least)


def test_order_depends_on_seed_and_epoch_alone():
    lengths = skewed(500)
    plan = LengthPlan(lengths, 16, seed=1)
    first, second = described(plan.batches(0)), described(plan.batches(1))
    assert first != second
    assert described(LengthPlan(lengths, 16, seed=1).batches(1)) == second
    assert described(LengthPlan(lengths, 16, seed=2).batches(0)) != first


def test_order_is_the_same_in_another_process():
    code = (
        "import json, numpy as np; from slanted.text.batching.length_buckets import LengthPlan;"
        "print(json.dumps([b.rows.tolist() for b in LengthPlan(np.arange(3, 103), 8, seed=5).batches(2)]))"
    )
    found = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, env={"PYTHONHASHSEED": "7"})
    expected = [batch.rows.tolist() for batch in LengthPlan(np.arange(3, 103), 8, seed=5).batches(2)]
    assert json.loads(found.stdout) == expected


def test_rows_meet_other_rows_in_the_next_epoch():
    plan = LengthPlan(skewed(640), 16)
    company = [{frozenset(batch.rows.tolist()) for batch in plan.batches(epoch)} for epoch in (0, 1)]
    assert not company[0] & company[1]


def test_short_batch_comes_last_and_changes_its_rows():
    plan = LengthPlan(skewed(1003), 8)
    short = [plan.batches(epoch)[-1] for epoch in range(5)]
    assert {len(batch.rows) for batch in short} == {3}
    assert len({tuple(batch.rows) for batch in short}) == 5


@pytest.mark.parametrize("epoch", range(10))
def test_first_two_batches_differ_in_length(epoch):
    plan = LengthPlan(skewed(1003), 8, max_shapes=3)
    assert plan.batches(epoch)[0].length != plan.batches(epoch)[1].length
    assert plan.sorted_batches()[0].length != plan.sorted_batches()[1].length


def test_batches_that_are_left_are_those_of_the_whole_epoch():
    plan = LengthPlan(skewed(200), 8)
    assert described(plan.batches(4)[7:]) == described(plan.batches(4))[7:]


def test_million_rows_are_planned_in_seconds():
    plan = LengthPlan(skewed(1_000_000, most=512), 32)
    assert len(plan.batches(0)) == plan.num_batches == 31250


@pytest.mark.parametrize(("count", "batch_size"), [(0, 8), (5, 0)])
def test_nothing_to_batch_is_refused(count, batch_size):
    with pytest.raises(
        InputError, match=f"^batches need rows and a batch size of 1 or more: received {count}, {batch_size}$"
    ):
        LengthPlan(np.full(count, 5), batch_size)
