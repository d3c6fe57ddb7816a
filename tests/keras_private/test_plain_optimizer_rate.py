"""The learning rate in the form of a variable: read, compared, formatted, assigned and logged like a constant one."""

import keras
import numpy as np
import pytest
from applied import BACKEND, assert_sums, batches, fit, fit_on, model
from scheduled_runs import CURVE, stlr

from slanted.errors import InputError
from slanted.keras_private.plain_optimizer import RateVariable
from slanted.keras_private.scheduled import ScheduledOptimizer


def in_a_run(elapsed=4):
    optimizer = ScheduledOptimizer.adopt(keras.optimizers.SGD(0.25))
    optimizer.follow(CURVE)
    optimizer.begin_run(20, elapsed)
    return optimizer


def test_it_reads_as_a_constant_rate_does():
    rate, expected = in_a_run().learning_rate, CURVE.at([4], 20)[0]
    assert isinstance(rate, RateVariable) and isinstance(rate, keras.Variable)
    for read in (float(rate), rate.numpy(), keras.ops.convert_to_numpy(rate), rate.numpy().item(), np.array(rate)):
        assert read == pytest.approx(expected, rel=1e-6)
    assert float(keras.ops.convert_to_tensor(rate) * 2.0) == pytest.approx(2 * expected)
    assert rate.shape == () and rate.dtype == "float32" and rate.path.endswith("/learning_rate")
    assert rate < 1.0 and rate > 0.0 and bool(rate == float(rate)) and not rate >= 1.0
    assert f"{rate:.3f}" == f"{expected:.3f}" and format(rate, ".2e") == f"{expected:.2e}"
    assert f"value={float(rate)}" in repr(rate) == f"{rate}"
    assert float(rate * 2 + 1) == pytest.approx(2 * expected + 1) and float(round(rate, 2)) == pytest.approx(
        round(expected, 2), rel=1e-6
    )


@pytest.mark.parametrize("rate", [-0.5, 0.0, 0.125, -1.0, np.float32(-1e-9)])
def test_what_is_assigned_is_applied_as_it_is(rate):
    class Assign(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 1:
                self.model.optimizer.learning_rate.assign(rate)

    trained = model()
    assert_sums(fit(trained, 4, 2, [stlr(), Assign()]), [*CURVE.simulate(8)[:4], *[rate] * 4])
    assert float(trained.optimizer.learning_rate) == rate
    np.testing.assert_allclose(trained.history.history["learning_rate"], [CURVE.simulate(8)[3], rate], rtol=1e-6)


class Logger(keras.callbacks.Callback):
    """Reads the rate as experiment trackers do."""

    def __init__(self):
        super().__init__()
        self.read = []

    def on_epoch_end(self, epoch, logs=None):
        rate = self.model.optimizer.learning_rate
        assert isinstance(rate, keras.Variable) or (hasattr(rate, "shape") and rate.shape == ())
        self.read.append(float(rate.numpy().item()))


@pytest.mark.parametrize("ours_first", [True, False])
def test_a_logger_after_each_epoch_reads_what_the_history_has(ours_first):
    logger, rates = Logger(), CURVE.simulate(12)[3::4]
    reduce = keras.callbacks.ReduceLROnPlateau(monitor="loss", patience=9)  # logs the rate, and reduces nothing here
    trained = model()
    callbacks = [stlr(), logger, reduce] if ours_first else [reduce, logger, stlr()]
    fit(trained, 4, 3, callbacks)
    np.testing.assert_allclose(logger.read, rates, rtol=1e-6)
    np.testing.assert_allclose(trained.history.history["learning_rate"], rates, rtol=1e-6)
    assert float(trained.optimizer.learning_rate) == pytest.approx(rates[-1])


def test_a_rate_that_is_reduced_after_an_epoch_is_not_that_epoch_s():
    class Halve(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            self.model.optimizer.learning_rate = 0.5 * float(self.model.optimizer.learning_rate)

    trained, rates = model(), CURVE.simulate(12)
    fit(trained, 4, 3, [Halve(), stlr()])
    expected = [rates[3], 0.5 * rates[3], 0.25 * rates[3]]
    np.testing.assert_allclose(trained.history.history["learning_rate"], expected, rtol=1e-6)
    assert float(trained.optimizer.learning_rate) == pytest.approx(0.125 * rates[3])


def test_a_metric_that_returns_it_has_the_rate_of_each_batch():
    optimizer = keras.optimizers.SGD(0.25)

    def rate(y_true, y_pred):
        return optimizer.learning_rate

    class Batches(keras.callbacks.Callback):
        def __init__(self):
            super().__init__()
            self.means = []

        def on_train_batch_end(self, batch, logs=None):
            self.means.append(float(logs["rate"]))

    trained, seen = model(optimizer, metrics=[rate]), Batches()
    fit(trained, 6, 1, [stlr(), seen])
    expected = np.cumsum(CURVE.simulate(6)) / np.arange(1, 7)
    np.testing.assert_allclose(seen.means, expected, rtol=1e-5)
    x, y = batches(4)
    if BACKEND == "jax":
        with pytest.raises(InputError, match=r"history\['learning_rate'\]"):
            fit_on(trained, x, y=y, validation_data=(x, y), callbacks=[stlr()])
    else:
        history = trained.fit(x, y, batch_size=1, epochs=2, validation_data=(x, y), verbose=0, callbacks=[stlr()])
        np.testing.assert_allclose(history.history["val_rate"], CURVE.simulate(8)[3::4], rtol=1e-5)


def test_it_reads_the_plain_rate_once_the_run_is_over():
    trained, kept = model(keras.optimizers.SGD(0.25)), []
    keep = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: kept.append(trained.optimizer.learning_rate))
    fit(trained, 4, 1, [stlr(), keep])
    assert isinstance(kept[0], RateVariable) and not isinstance(trained.optimizer.learning_rate, RateVariable)
    kept[0].assign(0.5)
    assert float(trained.optimizer.learning_rate) == float(kept[0]) == 0.5


def test_path():
    assert keras.Variable(0.0, name="rate")._path == "rate", "Keras changed _path: slanted needs it for Variable.path"
