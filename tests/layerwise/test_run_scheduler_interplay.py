"""Curves bound to runs of `fit` beside the optimizer's own settings, mixed precision, and whatever else sets a rate."""

import keras
import numpy as np
import pytest
from applied import assert_sums, batches, fit, fit_on, minus, model, total
from scheduled_runs import CURVE, StopAfter, stlr

from slanted.errors import InputError

# -- the optimizer's own settings --------------------------------------------------------------------------------------


def test_gradient_accumulation_counts_batches():
    trained = model(keras.optimizers.SGD(1.0, gradient_accumulation_steps=4))
    gained = fit(trained, 12, 2, [stlr()])
    updates = np.arange(24) % 4 == 3
    assert_sums(gained[3:], np.where(updates, CURVE.simulate(24), 0.0)[3:])


def test_weight_decay_uses_the_same_rate():
    trained = model(keras.optimizers.SGD(1.0, weight_decay=0.5))
    trained.layers[-1].weight.assign(1.0)
    zeros = np.zeros((20, 1), "float32")
    trained.fit(zeros, zeros, batch_size=1, verbose=0, callbacks=[stlr()])
    assert total(trained) == pytest.approx(np.prod(1 - 0.5 * CURVE.simulate(20)), rel=1e-5)


def test_optimizer_named_by_a_string():
    plain, followed = model("sgd"), model("sgd")
    assert_sums(fit(followed, 10, callbacks=[stlr()]), CURVE.simulate(10))
    assert_sums(fit(plain, 3), [0.01] * 3)


def test_optimizer_with_a_schedule_of_its_own_follows_the_callback():
    own = keras.optimizers.schedules.ExponentialDecay(0.1, 10, 0.9)
    assert_sums(fit(model(keras.optimizers.SGD(own)), 10, callbacks=[stlr()]), CURVE.simulate(10))


def test_a_multi_optimizer_is_refused():
    part = keras.optimizers.SGD(0.1)
    trained = model(keras.optimizers.MultiOptimizer(lambda variable: part))
    with pytest.raises(InputError) as raised:
        fit(trained, 3, callbacks=[stlr()])
    assert str(raised.value) == (
        "A curve drives one optimizer for the whole model. Received: MultiOptimizer. Pass the optimizers inside it "
        "as `optimizer=` of the callback, or use `slanted.LayerwiseOptimizer` for a rate per layer group."
    )


# -- mixed precision ---------------------------------------------------------------------------------------------------


@pytest.fixture
def dtype_policy():
    before = keras.config.dtype_policy()
    yield keras.config.set_dtype_policy
    keras.config.set_dtype_policy(before)


def test_mixed_bfloat16(dtype_policy):
    dtype_policy("mixed_bfloat16")
    assert_sums(fit(model(), 10, 2, [stlr()]), CURVE.simulate(20))


def test_mixed_float16_and_a_batch_that_overflows_does_not_move_the_curve(dtype_policy):
    dtype_policy("mixed_float16")
    trained = model()
    assert isinstance(trained.optimizer, keras.optimizers.LossScaleOptimizer)
    x, y = batches(12)
    x[3] = 1000.0  # times the loss scale of 2 ** 15 is infinite in float16: the batch is skipped, the scale halved
    gained = fit_on(trained, x, y=y, batch_size=1, shuffle=False, callbacks=[stlr()])
    rates = CURVE.simulate(12)
    assert_sums(gained, [*rates[:3], 0.0, *rates[3:11]])
    assert_sums(fit(trained, 5, 2, [stlr()]), CURVE.simulate(10))


# -- a rate set by hand ------------------------------------------------------------------------------------------------


class SetRate(keras.callbacks.Callback):
    def __init__(self, rate, batch):
        super().__init__()
        self.rate, self.batch = rate, batch

    def on_train_batch_end(self, batch, logs=None):
        if batch == self.batch:
            self.model.optimizer.learning_rate = self.rate


@pytest.mark.parametrize("rate", [0.5, 0.0, np.float32(0.25)])
def test_a_rate_set_in_fit_holds_for_the_rest_of_the_run_only(shared, rate):
    gained = fit(shared, 10, callbacks=[stlr(), SetRate(rate, batch=3)])
    assert_sums(gained, [*CURVE.simulate(10)[:4], *[rate] * 6])
    assert_sums(fit(shared, 10, callbacks=[stlr()]), CURVE.simulate(10))


def test_a_rate_set_between_runs_holds_for_what_is_left_of_the_run():
    trained = model()
    fit(trained, 5, 4, [stlr(), StopAfter(epoch=1)])
    trained.optimizer.learning_rate = 0.5
    assert float(keras.ops.convert_to_numpy(trained.optimizer.learning_rate)) == 0.5
    assert_sums(fit(trained, 5, 4, [stlr()], initial_epoch=2), [0.5] * 10)
    assert_sums(fit(trained, 10, callbacks=[stlr()]), CURVE.simulate(10))


def test_a_rate_set_before_the_first_run_is_replaced_by_the_curve():
    trained = model()
    trained.optimizer.learning_rate = 0.5
    assert_sums(fit(trained, 10, callbacks=[stlr()]), CURVE.simulate(10))


def test_a_schedule_set_by_hand_takes_the_curve_s_place():
    trained = model()
    fit(trained, 10, callbacks=[stlr()])
    trained.optimizer.learning_rate = keras.optimizers.schedules.PolynomialDecay(0.5, 1, end_learning_rate=0.5)
    trained.compile(trained.optimizer, loss=minus)
    assert_sums(fit(trained, 3), [0.5] * 3)
    assert_sums(fit(trained, 10, callbacks=[stlr()]), CURVE.simulate(10))


def test_the_rate_reads_as_the_next_batch_s():
    trained = model()
    read = []
    reader = keras.callbacks.LambdaCallback(
        on_train_batch_begin=lambda batch, logs: read.append(
            float(keras.ops.convert_to_numpy(trained.optimizer.learning_rate))
        )
    )
    reader.on_train_batch_begin = lambda batch, logs=None: read.append(
        float(keras.ops.convert_to_numpy(reader.model.optimizer.learning_rate))
    )
    fit(trained, 10, callbacks=[stlr(), reader])
    np.testing.assert_allclose(read, CURVE.simulate(10), rtol=1e-6)


# -- Keras's own callbacks beside it -----------------------------------------------------------------------------------


@pytest.mark.parametrize("ours_first", [True, False])
def test_learning_rate_scheduler_replaces_the_curve(ours_first):
    theirs = keras.callbacks.LearningRateScheduler(lambda epoch: 0.5 / (epoch + 1))
    callbacks = [stlr(), theirs] if ours_first else [theirs, stlr()]
    trained = model()
    for _ in range(2):
        assert_sums(fit(trained, 4, 2, callbacks), [0.5] * 4 + [0.25] * 4)
    assert_sums(fit(trained, 4, 2, [stlr()]), CURVE.simulate(8))


@pytest.mark.parametrize("ours_first", [True, False])
def test_reduce_on_plateau_reduces_the_rate_reached(ours_first):
    theirs = keras.callbacks.ReduceLROnPlateau(monitor="loss", factor=0.5, patience=1, mode="max")
    callbacks = [stlr(), theirs] if ours_first else [theirs, stlr()]
    rates = CURVE.simulate(12)
    half, quarter = [0.5 * rates[7]] * 4, []
    assert_sums(fit(model(), 4, 3, callbacks), [*rates[:8], *half, *quarter])


def test_history_and_csv_logger_get_the_rate(tmp_path, shared):
    logger = keras.callbacks.CSVLogger(tmp_path / "log.csv")
    read = []
    board = keras.callbacks.LambdaCallback(  # reads what TensorBoard reads
        on_epoch_end=lambda epoch, logs: read.append(float(keras.ops.convert_to_numpy(shared.optimizer.learning_rate)))
    )
    fit(shared, 5, 2, [stlr(), logger, board])
    reached = CURVE.at([4, 9], 10)
    np.testing.assert_allclose(shared.history.history["learning_rate"], reached, rtol=1e-6)
    np.testing.assert_allclose(read, reached, rtol=1e-6)
    header, *rows = (tmp_path / "log.csv").read_text().split()
    column = header.split(",").index("learning_rate")
    np.testing.assert_allclose([float(row.split(",")[column]) for row in rows], reached, rtol=1e-6)
