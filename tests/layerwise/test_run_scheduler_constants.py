"""Curves with any number of constants: applied, one after the other, restored, and files written before there were."""

from pathlib import Path

import keras
import numpy as np
import pytest
from applied import BACKEND, CountingSum, assert_sums, batches, fit, model, total
from scheduled_runs import EPOCHS, STEPS, Interrupt, StopAfter, examples, interrupted, regression

import slanted
from slanted.curves.curve import Curve
from slanted.errors import InputError

SAVED = Path(__file__).parents[1] / "support" / "saved"
RISE, FALL = slanted.LinearWarmup(0.5, warmup=1.0), slanted.CosineWarmup(0.5, warmup=0.0, lr_min=0.1)
JOINED = slanted.join_curves([RISE, slanted.SlantedTriangular(0.25), FALL], [4, 0.5])


@keras.saving.register_keras_serializable(package="tests")
class Stairs(Curve):
    """A rate for each part of the run, all of them constants: as many as one likes."""

    extra_arguments = ("parts",)

    def __init__(self, lr_max, total_steps=None, parts=5):
        super().__init__(lr_max, total_steps)
        self.parts = parts

    def constants(self, total_steps):
        return tuple(self.lr_max / (1 + at) for at in range(self.parts))

    def rate(self, elapsed, remaining, constants, xp):
        rate = xp.zeros_like(elapsed) + self.lr_max
        for at, constant in enumerate(constants):
            rate = xp.where(elapsed * self.parts >= at * (elapsed + remaining), constant, rate)
        return rate


class Uneven(Curve):
    """Breaks the rule: more constants in longer runs."""

    def constants(self, total_steps):
        return (1.0,) * total_steps


def scheduler(curve=JOINED):
    return slanted.RunScheduler(curve)


def rate(optimizer):
    return float(keras.ops.convert_to_numpy(optimizer.learning_rate))


def test_curves_with_other_numbers_of_constants_one_after_the_other():
    trained = model()
    curves = (Stairs(0.5, parts=0), JOINED, Stairs(0.5, parts=1), Stairs(0.5, parts=25), slanted.OneCycle(0.5), JOINED)
    for curve in curves:
        assert_sums(fit(trained, 19, 2, [scheduler(curve)]), curve.simulate(38))


def test_trials_with_the_same_curve_compile_once():
    trained = model(layer=CountingSum)
    trials = scheduler()
    trials.ends_with_fit = False
    fit(trained, 10, callbacks=[trials])
    calls, step = trained.layers[-1].calls, trained.train_function
    for length in (10, 19):
        assert_sums(fit(trained, length, callbacks=[trials]), JOINED.simulate(length))
        assert trained.train_function is step
    if BACKEND != "torch":  # which runs Python at every step anyway
        assert trained.layers[-1].calls == calls


def test_a_number_of_constants_that_depends_on_the_run_is_refused():
    with pytest.raises(InputError) as raised:
        fit(model(), 3, callbacks=[scheduler(Uneven(0.5))])
    assert str(raised.value) == (
        "Uneven must have the same number of constants in a run of any length. "
        "Received: 3 for 3 steps, 1 for 1. Mend its `constants`."
    )


def test_a_rate_set_by_hand_replaces_a_curve_with_many_constants():
    class Set(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 1:
                self.model.optimizer.learning_rate = 0.125

    gained = fit(model(), 10, 2, [scheduler(), Set()])
    assert_sums(gained, [*JOINED.simulate(20)[:10], *[0.125] * 10])


@pytest.mark.parametrize("curve", [JOINED, Stairs(0.5, parts=25)], ids=repr)
def test_interrupted_it_goes_on_in_a_new_model(tmp_path, curve):
    def callbacks():
        return [scheduler(curve), keras.callbacks.BackupAndRestore(str(tmp_path / "backup"))]

    interrupted(model(), [*callbacks(), Interrupt(epoch=2)])
    resumed = fit(model(), STEPS, EPOCHS, callbacks())
    assert_sums(resumed, curve.simulate(20), np.arange(10, 20))


def layerwise(optimizer):
    built = regression(optimizer)
    built.compile(slanted.LayerwiseOptimizer(optimizer, slanted.layer_groups(built), 0.5), "mse")
    return built


SCALED = keras.optimizers.LossScaleOptimizer
MADE = {
    "plain": lambda: regression(keras.optimizers.Adam(9.0)),
    "layerwise": lambda: layerwise(keras.optimizers.Adam(9.0)),
    "loss scaling": lambda: regression(SCALED(keras.optimizers.Adam(9.0), initial_scale=1.0)),
}


@pytest.mark.parametrize("name", MADE)
def test_a_saved_model_goes_on_with_the_weights_of_an_uninterrupted_one(tmp_path, name):
    x, y = examples()

    def train(trained, **run):
        trained.fit(x, y, batch_size=5, epochs=4, shuffle=False, verbose=0, **run)
        return trained

    whole = train(MADE[name](), callbacks=[scheduler()])
    train(MADE[name](), callbacks=[scheduler(), StopAfter(epoch=1)]).save(tmp_path / "half.keras")
    loaded = keras.saving.load_model(tmp_path / "half.keras")
    assert rate(loaded.optimizer) == pytest.approx(JOINED.at([7], 16)[0], rel=1e-5)
    train(loaded, initial_epoch=2, callbacks=[scheduler()])
    for ours, theirs in zip(loaded.get_weights(), whole.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("name", ["plain", "loss scaling"])
def test_weights_still_go_to_a_plain_optimizer(tmp_path, name):
    x, y = examples()
    trained, plain = MADE[name](), MADE[name]()
    trained.fit(x, y, batch_size=2, verbose=0, callbacks=[scheduler()])
    trained.save_weights(tmp_path / "model.weights.h5")
    plain.optimizer.build(plain.trainable_variables)
    plain.load_weights(tmp_path / "model.weights.h5")  # Keras would warn that it skips the optimizer, an error here
    optimizer = getattr(plain.optimizer, "inner_optimizer", plain.optimizer)
    assert int(keras.ops.convert_to_numpy(optimizer.iterations)) == 10


def test_a_search_for_a_rate_follows_such_a_run():
    trained = regression(keras.optimizers.Adam(0.1))
    x, y = examples(40)
    for curve in (Stairs(0.5, parts=25), JOINED):
        trained.fit(x, y, batch_size=2, verbose=0, callbacks=[scheduler(curve)])
    before = [np.array(weights) for weights in trained.get_weights()]
    found = slanted.find_learning_rate(trained, (x, y), steps=20, verify_steps=0, batch_size=2)
    assert len(found.losses) and found.suggestion > 0.0
    for ours, theirs in zip(trained.get_weights(), before, strict=True):
        np.testing.assert_array_equal(ours, theirs)


# -- files that an earlier version wrote -------------------------------------------------------------------------------


def test_a_model_saved_when_all_curves_had_two_constants_goes_on():
    """It was saved after 10 of the 20 steps of this curve, trained with SGD."""
    curve = slanted.OneCycle(1.0)
    loaded = keras.saving.load_model(SAVED / "one_cycle_after_10_of_20.keras")
    assert total(loaded) == pytest.approx(curve.simulate(20)[:10].sum(), rel=1e-5)
    assert rate(loaded.optimizer) == pytest.approx(curve.at([10], 20)[0], rel=1e-5)
    resumed = fit(loaded, STEPS, EPOCHS, [scheduler(curve)], initial_epoch=2)
    assert_sums(resumed, curve.simulate(20)[10:])
    assert_sums(fit(loaded, 19, 2, [scheduler()]), JOINED.simulate(38))


if BACKEND == "tensorflow":

    def test_tensorflow_exports_a_model_after_curves_with_other_numbers_of_constants(tmp_path):
        trained = model()
        for curve in (slanted.OneCycle(0.5), JOINED):
            fit(trained, 10, callbacks=[scheduler(curve)])
        trained.export(tmp_path / "exported", verbose=False)
        x, _ = batches(1)
        import tensorflow as tf

        served = tf.saved_model.load(str(tmp_path / "exported"))
        np.testing.assert_allclose(served.serve(x), trained.predict(x, verbose=0), rtol=1e-6)
