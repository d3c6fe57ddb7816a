"""The rate of each batch as a log of the step, against the weights that it moved."""

import group_sums
import keras
import numpy as np
import pytest
from applied import BACKEND, FAST, RELATIVE, batches, fit_on, model
from plain_keras import changed

import slanted
from slanted.keras_private.applied_rate import AppliedRate
from slanted.keras_private.layers_and_trainers import recompile_train_step
from slanted.keras_private.loss_scaling import innermost, scheduled
from slanted.layerwise.layer_groups import layer_groups

CURVE = slanted.LinearWarmup(1.0, warmup=0.5)
STEPS = 6
ORDER = changed("train_step", "metrics are updated after the optimizer, within one step")


class Logged(keras.callbacks.Callback):
    """Keeps the logs, and calls `at_end` after each batch."""

    def __init__(self, at_end=lambda model, batch: None):
        super().__init__()
        self.rates, self.at_end = [], at_end

    def on_train_batch_end(self, batch, logs=None):
        self.rates.append(logs["applied_rate"])
        self.at_end(self.model, batch)


def measured(optimizer, x=None, logged=None, callbacks=None, **compile_arguments):
    """Train on ones, or on `x`; return by how much each batch moved the weight, and the rate that was logged."""
    trained, logged = model(optimizer, metrics=[AppliedRate(optimizer)], **compile_arguments), logged or Logged()
    x = batches(STEPS)[0] if x is None else x
    callbacks = [slanted.RunScheduler(CURVE)] if callbacks is None else callbacks
    fit = {"y": np.ones_like(x), "batch_size": 1, "shuffle": False, "callbacks": [*callbacks, logged]}
    return np.diff([0.0, *fit_on(trained, x, **fit)]), logged.rates


def assert_moved_by(moved, rates):
    np.testing.assert_allclose(moved, rates, rtol=RELATIVE, atol=1e-7, err_msg=ORDER)


def test_the_weight_moves_by_the_rates_that_are_logged():
    moved, rates = measured(keras.optimizers.SGD(9.0))
    assert_moved_by(moved, rates)
    np.testing.assert_allclose(rates, CURVE.simulate(STEPS), rtol=1e-6)


def test_the_rate_is_logged_before_the_multipliers_of_layer_groups():
    layers = [group_sums.Weight(name=name) for name in ("low", "top")]
    trained, logged, sums = keras.Sequential([keras.Input((1,)), *layers]), Logged(), group_sums.Trace()
    optimizer = slanted.LayerwiseOptimizer(keras.optimizers.SGD(9.0), layer_groups(trained), layer_decay=0.25)
    trained.compile(optimizer, loss=group_sums.minus, metrics=[AppliedRate(optimizer)], **FAST)
    x, y = batches(STEPS)
    trained.fit(x, y, batch_size=1, verbose=0, callbacks=[slanted.RunScheduler(CURVE), logged, sums])
    moved = np.diff(np.array(sums.sums), axis=0, prepend=0.0)
    assert_moved_by(moved, np.outer(logged.rates, [0.25, 1.0]))
    np.testing.assert_allclose(logged.rates, CURVE.simulate(STEPS), rtol=1e-6)


def test_a_batch_that_loss_scaling_skips_has_a_rate_of_0_and_the_next_one_the_rate_it_would_have_had():
    x = batches(STEPS)[0]
    x[[2, 4]] = 3e38  # times the loss scale is infinite
    moved, rates = measured(keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(9.0)), x)
    assert_moved_by(moved, rates)
    first, second, third, fourth = CURVE.simulate(STEPS)[:4]
    np.testing.assert_allclose(rates, [first, second, 0.0, third, 0.0, fourth], rtol=1e-6)


def test_an_accumulated_batch_has_the_rate_of_an_update_there_and_the_update_uses_its_own():
    moved, rates = measured(keras.optimizers.SGD(9.0, gradient_accumulation_steps=3))
    np.testing.assert_allclose(rates, CURVE.simulate(STEPS), rtol=1e-6)
    assert_moved_by(moved, np.array(rates) * [0, 0, 1, 0, 0, 1])


if BACKEND != "torch":  # which takes one step an execution

    def test_an_execution_of_many_steps_logs_its_last_batch():
        moved, rates = measured(keras.optimizers.SGD(9.0), steps_per_execution=2)
        np.testing.assert_allclose(rates, CURVE.simulate(STEPS)[1::2], rtol=1e-6)
        assert len(moved) == 3


# -- a binding that breaks --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("wrap", [lambda sgd: sgd, keras.optimizers.LossScaleOptimizer])
def test_without_a_curve_the_rate_is_the_optimizer_s_own(wrap):
    moved, rates = measured(wrap(keras.optimizers.SGD(0.125)), callbacks=[])
    assert rates == [0.125] * STEPS
    assert_moved_by(moved, rates)


def set_by_hand(trained, batch):
    if batch == 2:
        trained.optimizer.learning_rate = 0.125


def replace_in_the_optimizer(trained, batch):
    """Have the optimizer take a constant, past everything that knows of it."""
    if batch == 2:
        optimizer = innermost(trained.optimizer)
        constant = {"_get_current_learning_rate": lambda self: keras.ops.convert_to_tensor(0.125)}
        optimizer.__class__ = type("Constant", (type(optimizer),), constant)
        recompile_train_step(trained)


def unbind(trained, batch):
    if batch == 2:
        trained.optimizer.learning_rate = 0.125
        innermost(trained.optimizer)._curve = None
        recompile_train_step(trained)


@pytest.mark.parametrize("broken", [set_by_hand, replace_in_the_optimizer, unbind])
@pytest.mark.parametrize("wrap", [lambda sgd: sgd, keras.optimizers.LossScaleOptimizer])
def test_a_rate_that_is_not_the_curve_s_is_logged(broken, wrap):
    moved, rates = measured(wrap(keras.optimizers.SGD(0.125)), logged=Logged(broken))
    np.testing.assert_allclose(rates, [*CURVE.simulate(STEPS)[:3], 0.125, 0.125, 0.125], rtol=1e-6)
    assert_moved_by(moved, rates)


# -- what it leaves alone ---------------------------------------------------------------------------------------------


def test_the_optimizer_gets_no_variable():
    optimizer = keras.optimizers.SGD(9.0)
    count = len(scheduled(optimizer).variables)
    AppliedRate(optimizer)
    assert len(optimizer.variables) == count


def test_nothing_is_recorded_where_nobody_asks_and_no_tensor_of_the_step_stays():
    alone = keras.optimizers.SGD(9.0)
    applying = scheduled(alone)._applying
    fit_on(model(alone), batches(2)[0], y=batches(2)[1], callbacks=[slanted.RunScheduler(CURVE)])
    watched = keras.optimizers.SGD(9.0)
    recorded = scheduled(watched)._applying
    measured(watched)
    assert applying.take_applied() == recorded.take_applied() == 0.0


def test_an_evaluation_applies_nothing():
    optimizer = keras.optimizers.SGD(9.0)
    trained = model(optimizer, metrics=[AppliedRate(optimizer)])
    x, y = batches(2)
    trained.fit(x, y, verbose=0)
    assert trained.evaluate(x, y, verbose=0, return_dict=True)["applied_rate"] == 0.0
