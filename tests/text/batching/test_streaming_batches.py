"""Batches tokenised one window ahead: every row once, in a new order each epoch, from any step on."""

import numpy as np
import pytest

from slanted.text.batching.streaming_batches import BATCHES_A_WINDOW, WindowedBatches, WindowPlan, sampled_rows
from slanted.text.tokens.token_arrays import Encoded

pytestmark = pytest.mark.once
SIZE, LONGEST, MOST = 4, 40, 200
ROWS = 3 * BATCHES_A_WINDOW * SIZE + 70  # three windows and a half, the last batch short
LENGTHS = np.random.default_rng(0).integers(3, LONGEST, ROWS)


def plan(seed=0, max_shapes=8):
    sample = LENGTHS[sampled_rows(ROWS, seed)[:200]]
    return WindowPlan(ROWS, sample, MOST, SIZE, seed=seed, max_shapes=max_shapes)


def encode(rows):
    """Return as the ids of a row its number, as often as it has tokens."""
    lengths = LENGTHS[rows]
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    ids = np.repeat(rows, lengths).astype("int32")
    return Encoded(ids, np.zeros(len(ids), "int8"), offsets, np.zeros(len(rows), bool))


def batches(seed=0, **more):
    names = ("token_ids", "padding_mask")
    return WindowedBatches(encode, names, -1, np.arange(ROWS), plan(seed, **more))


def epoch_of(dataset, epoch, step=0):
    dataset.start(epoch, step)
    return [dataset[index] for index in range(len(dataset))]


def test_an_epoch_has_every_row_once_with_its_own_tokens_and_target():
    seen = []
    for inputs, targets in epoch_of(batches(), 0):
        ids, mask = inputs["token_ids"], inputs["padding_mask"].astype(bool)
        assert (ids[mask] == np.repeat(targets, LENGTHS[targets])).all() and (ids[~mask] == -1).all()
        np.testing.assert_array_equal(mask.sum(1), LENGTHS[targets])
        seen.extend(targets)
    assert sorted(seen) == list(range(ROWS))


def test_batches_have_the_weights_of_their_rows():
    dataset = WindowedBatches(encode, ("token_ids",), -1, np.arange(ROWS), plan(), 2 * np.arange(ROWS))
    for _, targets, weights in epoch_of(dataset, 0):
        np.testing.assert_array_equal(weights, 2 * targets)


def test_batches_have_few_shapes_little_padding_and_a_number_known_before():
    dataset = batches()
    found = [inputs["token_ids"].shape for inputs, _ in epoch_of(dataset, 0)]
    assert len(found) == dataset.plan.num_batches == -(-ROWS // SIZE)
    assert len(set(found)) <= 8 and {shape[0] for shape in found[:-1]} == {SIZE} and found[-1][0] == ROWS % SIZE
    padding = 1 - LENGTHS.sum() / sum(rows * length for rows, length in found)
    assert padding < 0.2 and padding == pytest.approx(dataset.plan.padding, abs=0.06)
    assert dataset.plan.padded_length == pytest.approx(sum(r * n for r, n in found) / ROWS, rel=0.1)
    assert found[0] != found[1]  # Keras derives from these two what TensorFlow may be given
    assert len(set(found)) > 3
    assert len({inputs["token_ids"].shape for inputs, _ in epoch_of(batches(max_shapes=3), 0)}) <= 3


def test_the_most_that_a_row_may_have_is_for_rows_longer_than_all_of_the_sample():
    lengths = plan().static_lengths
    assert lengths[-1] == MOST and lengths[-2] <= LONGEST and len(lengths) > 3
    found = [inputs["token_ids"].shape[1] for inputs, _ in epoch_of(batches(), 0)]
    assert max(found) < LONGEST
    LENGTHS[17], before = MOST, LENGTHS[17]
    try:
        assert sorted(inputs["token_ids"].shape[1] for inputs, _ in epoch_of(batches(), 0))[-1] == MOST
    finally:
        LENGTHS[17] = before


def test_rows_of_one_length_have_no_padding():
    equal = WindowPlan(1000, np.full(100, 14), 128, SIZE, seed=0, max_shapes=8)
    assert equal.padded_length == 14.0 and equal.padding == 0.0
    assert {batch.length for batch in equal.divided(np.full(64, 14), 0, 1)} == {14}


def test_the_order_follows_from_seed_and_epoch():
    def order(seed, epoch):
        return np.concatenate([targets for _, targets in epoch_of(batches(seed), epoch)])

    first = order(0, 0)
    np.testing.assert_array_equal(first, order(0, 0))
    for other in (order(0, 1), order(1, 0)):
        assert (first == other).mean() < 0.05
    ranks = np.abs(np.argsort(first) - np.arange(ROWS))
    assert ranks.mean() > ROWS / 5  # a shuffle of all rows moves one by a third of them on average


@pytest.mark.parametrize("step", [1, BATCHES_A_WINDOW - 1, BATCHES_A_WINDOW, 2 * BATCHES_A_WINDOW + 7])
def test_an_epoch_is_taken_up_at_any_step(step):
    whole = epoch_of(batches(), 2)
    rest = epoch_of(batches(), 2, step)
    assert len(rest) == len(whole) - step
    for (inputs, targets), (again, targets_again) in zip(whole[step:], rest, strict=True):
        np.testing.assert_array_equal(inputs["token_ids"], again["token_ids"])
        np.testing.assert_array_equal(targets, targets_again)


def test_a_window_is_tokenised_once_and_few_are_kept():
    tokenised = []

    def counting(rows):
        tokenised.append(len(rows))
        return encode(rows)

    dataset = WindowedBatches(counting, ("token_ids",), -1, np.arange(ROWS), plan())
    for index in range(len(dataset)):
        dataset[index]
        assert len(dataset._windows) <= 3
    assert sum(tokenised) == ROWS
