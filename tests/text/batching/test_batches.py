"""Batches of token ids: padded rows, the order of each epoch, and predictions in the order of the input."""

import keras
import numpy as np
import pytest
from id_examples import NAMES, PAD, examples, mean_model

from slanted.text.batching.batches import EpochOrder, PredictionBatches, TokenInputs, TrainingBatches
from slanted.text.batching.length_buckets import Batch, LengthPlan
from slanted.text.tokens.token_arrays import Encoded


class Collect(keras.callbacks.Callback):
    """Collects the mean target of every batch."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def on_train_batch_end(self, batch, logs=None):
        self.seen.append(logs["mean_target"])


class MeanTarget(keras.metrics.Metric):
    """The mean target of the last batch, which tells batches apart."""

    def __init__(self):
        super().__init__(name="mean_target")
        self.last = self.add_weight(shape=(), initializer="zeros", name="last")

    def update_state(self, y_true, y_pred, sample_weight=None):
        self.last.assign(keras.ops.mean(keras.ops.cast(y_true, "float32")))

    def result(self):
        return keras.ops.convert_to_tensor(self.last)


@pytest.fixture
def training():
    encoded = examples()
    inputs = TokenInputs(encoded, NAMES, PAD)
    plan = LengthPlan(encoded.lengths, 8, seed=4, max_shapes=4)
    return TrainingBatches(inputs, np.arange(75, dtype=np.float32) ** 2, plan)


def fitted_order(batches, **options):
    """Train nothing, and return the mean target of each batch in the order training met them."""
    model = mean_model()
    model.compile(optimizer=keras.optimizers.SGD(0.0), loss="mean_squared_error", metrics=[MeanTarget()])
    order = Collect()
    model.fit(batches, shuffle=False, verbose=0, callbacks=[EpochOrder(batches), order], **options)
    return order.seen


def planned_order(batches, epoch):
    targets = np.arange(75, dtype=np.float32) ** 2
    return [targets[batch.rows].mean(dtype=np.float64) for batch in batches.plan.batches(epoch)]


def test_batches_have_the_weights_of_their_rows():
    encoded, targets = examples(), np.arange(75, dtype=np.float32)
    plan = LengthPlan(encoded.lengths, 8, seed=4)
    batches = TrainingBatches(TokenInputs(encoded, NAMES, PAD), targets, plan, 2 * targets)
    for _, some, weights in (batches[index] for index in range(len(batches))):
        np.testing.assert_array_equal(weights, 2 * some)


def test_arrays_hold_the_rows_padded():
    encoded = examples(3)
    arrays = TokenInputs(encoded, ("token_ids", "segment_ids", "padding_mask"), PAD).arrays(Batch(np.array([2, 0]), 30))
    assert set(arrays) == {"token_ids", "segment_ids", "padding_mask"}
    for position, row in enumerate([2, 0]):
        length = encoded.lengths[row]
        assert arrays["token_ids"][position].tolist() == [100 + row] * length + [PAD] * (30 - length)
        assert arrays["padding_mask"][position].tolist() == [1] * length + [0] * (30 - length)
    assert all(array.dtype == np.int32 and array.shape == (2, 30) for array in arrays.values())


def test_inputs_and_targets_belong_together(training):
    for inputs, targets in training:
        assert (inputs["token_ids"].max(axis=1) == 100 + np.sqrt(targets)).all()


def test_fit_trains_each_epoch_in_its_own_order(training):
    expected = [*planned_order(training, 0), *planned_order(training, 1), *planned_order(training, 2)]
    np.testing.assert_allclose(fitted_order(training, epochs=3), expected, rtol=1e-5)


def test_fit_resumed_at_an_epoch_takes_that_epochs_order(training):
    np.testing.assert_allclose(fitted_order(training, epochs=3, initial_epoch=2), planned_order(training, 2), rtol=1e-5)


def test_start_leaves_out_the_steps_behind(training):
    whole = [targets.tolist() for _, targets in training]
    training.start(0, step=6)
    assert len(training) == len(whole) - 6
    assert [targets.tolist() for _, targets in training] == whole[6:]


@pytest.mark.parametrize("count", [1, 5, 75])
def test_predictions_come_back_in_the_input_order(count):
    encoded = examples(count)
    batches = PredictionBatches(TokenInputs(encoded, NAMES, PAD), batch_size=8)
    model = mean_model()
    predicted = batches.in_order(model.predict(batches, verbose=0))
    np.testing.assert_allclose(predicted[:, 0], np.arange(100, 100 + count), rtol=1e-6)


def test_evaluate_meets_every_row_once():
    encoded = examples()
    targets = np.arange(75, dtype=np.float32)
    model = mean_model()
    model.compile(loss="mean_absolute_error")
    loss = model.evaluate(PredictionBatches(TokenInputs(encoded, NAMES, PAD), targets, batch_size=8), verbose=0)
    assert loss == pytest.approx(100.0, rel=1e-6)


def shapes_of(batches):
    return [batches[at]["token_ids"].shape for at in range(len(batches))]


def test_prediction_takes_larger_batches_of_shorter_texts():
    short = examples(600)
    rows = 4096 // short.lengths.max() if keras.config.backend() == "jax" else 256
    assert max(shapes_of(PredictionBatches(TokenInputs(short, NAMES, PAD))))[0] == rows
    ids = np.zeros(512 * 40, np.int32)
    long = Encoded(ids, ids.astype(np.int8), np.arange(41) * 512, np.zeros(40, bool))
    assert shapes_of(PredictionBatches(TokenInputs(long, NAMES, PAD))) == [(8, 512)] * 5


def test_prediction_pads_little_and_where_each_shape_is_compiled_has_few():
    lengths = np.random.default_rng(0).geometric(0.05, 3000).clip(3, 128)
    ids = np.zeros(lengths.sum(), np.int32)
    encoded = Encoded(ids, ids.astype(np.int8), np.insert(np.cumsum(lengths), 0, 0), np.zeros(3000, bool))
    shapes = shapes_of(PredictionBatches(TokenInputs(encoded, NAMES, PAD)))
    assert sum(rows for rows, _ in shapes) == 3000 and max(rows * length for rows, length in shapes) <= 4096
    padding = 1 - lengths.sum() / sum(rows * length for rows, length in shapes)
    assert padding < (0.3 if keras.config.backend() == "jax" else 0.1)
    assert keras.config.backend() != "jax" or len(set(shapes)) <= 8


def test_short_batch_counts_as_the_mean_of_its_own_rows():
    encoded = examples(11)
    plan = LengthPlan(encoded.lengths, 8)
    targets = np.zeros(11, np.float32)
    batches = TrainingBatches(TokenInputs(encoded, NAMES, PAD), targets, plan)
    model = mean_model()
    model.compile(optimizer=keras.optimizers.SGD(0.0), loss="mean_absolute_error")
    inputs, wanted = batches[1]
    assert len(wanted) == 3
    assert float(model.train_on_batch(inputs, wanted)) == pytest.approx(
        inputs["token_ids"].max(axis=1).mean(), rel=1e-6
    )
