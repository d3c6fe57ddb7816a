"""The curve goes by batches, however often a custom `train_step` applies its optimizer for each."""

import keras
import numpy as np
import pytest
from own_step import OwnStep, gained
from scheduled_runs import CURVE, stlr

ops = keras.ops
CURVE_OF_12 = CURVE.simulate(12)


def every_third(batch, update, state):
    return ops.cond(batch % 3 == 2, lambda: update(state), lambda: state)


def in_a_loop(batch, update, state):
    return ops.fori_loop(0, 3, lambda _, state: update(state), state)


def in_either_branch(batch, update, state):
    return ops.cond(batch % 2 == 0, lambda: update(state), lambda: update(update(state), 2.0))


def never_in_the_first_epochs_half(batch, update, state):
    return ops.cond(batch >= 2, lambda: update(state), lambda: state)


def once(batch, update, state):
    return update(state)


STEPS = {
    every_third: [0.0, 0.0, 1.0, 0.0],
    in_a_loop: [3.0],
    in_either_branch: [1.0, 3.0],
    never_in_the_first_epochs_half: [0.0, 0.0, 1.0, 1.0],
    once: [1.0],
}


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.__name__)
def test_each_update_has_the_rate_of_its_batch(step):
    model = OwnStep(keras.optimizers.SGD(1.0), step)
    times = np.resize(STEPS[step], 4)
    for epochs in (3, 2):
        curve = CURVE.simulate(4 * epochs)
        history, gains = gained(model, 4, epochs, [stlr()])
        np.testing.assert_allclose(gains, curve * np.tile(times, epochs), rtol=2e-5, atol=2e-6)
        np.testing.assert_allclose(history["learning_rate"], curve[3::4], rtol=1e-5)


def test_an_optimizer_that_updates_twice():
    class Twice(keras.optimizers.SGD):
        def apply(self, grads, trainable_variables=None):
            super().apply(grads, trainable_variables)
            super().apply(grads, trainable_variables)

    _, gains = gained(OwnStep(Twice(1.0), once), 4, 3, [stlr()])
    np.testing.assert_allclose(gains, 2 * CURVE_OF_12, rtol=2e-5, atol=2e-6)


def test_an_accumulating_optimizer_in_a_loop():
    model = OwnStep(keras.optimizers.SGD(1.0, gradient_accumulation_steps=3), in_a_loop)
    _, gains = gained(model, 4, 3, [stlr()])
    np.testing.assert_allclose(gains, CURVE_OF_12, rtol=2e-5, atol=2e-6)


def test_batches_of_which_some_updates_overflow():
    """The first update of each batch is infinite; in the second batch of an epoch both are."""

    def step(batch, update, state):
        state = update(state, float("inf"))
        return update(state, ops.where(batch == 1, float("inf"), 1.0))

    scaled = keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(1.0), initial_scale=1.0)
    scaled.dynamic_growth_steps = 1000
    model = OwnStep(scaled, step)
    history, gains = gained(model, 4, 3, [stlr()])
    counted = np.array([True, False, True, True] * 3)
    scales = np.array(0.5 ** (np.cumsum(np.resize([1, 2, 1, 1], 12))))
    np.testing.assert_allclose(gains[~counted], 0.0)
    np.testing.assert_allclose((gains * scales)[counted], CURVE_OF_12[:9], rtol=2e-5, atol=2e-6)
    np.testing.assert_allclose(history["learning_rate"], CURVE_OF_12[2:9:3], rtol=1e-5)


def test_a_rate_set_by_hand_between_batches_without_an_update():
    class Set(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if batch == 1:
                self.model.optimizer.learning_rate = 0.5

    model = OwnStep(keras.optimizers.SGD(1.0), every_third)
    history, gains = gained(model, 4, 1, [stlr(), Set()])
    np.testing.assert_allclose(gains, [0.0, 0.0, 0.5, 0.0], rtol=2e-5)
    assert history["learning_rate"] == [0.5]
