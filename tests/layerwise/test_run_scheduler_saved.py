"""Scheduled optimizers from their configuration, and weights exchanged with plain Keras."""

import keras
import numpy as np
import pytest
from applied import assert_sums, batches, fit, model
from scheduled_runs import CURVE, EPOCHS, STEPS, Interrupt, examples, interrupted, regression, stlr

import slanted

# -- configurations ----------------------------------------------------------------------------------------------------


def in_a_run(curve=CURVE, optimizer=None):
    """Return the optimizer of a model whose run was interrupted at the third of its four epochs."""
    trained = model(optimizer)
    interrupted(trained, [slanted.RunScheduler(curve), Interrupt(epoch=2)])
    return trained.optimizer


def test_an_optimizer_made_from_its_config_has_the_rate_that_the_config_says():
    optimizer = in_a_run(optimizer=keras.optimizers.SGD(0.25, momentum=0.0, nesterov=False))
    config = optimizer.get_config()
    assert config["learning_rate"] == pytest.approx(CURVE.at([10], 20)[0])
    made = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(optimizer))
    assert type(made) is type(optimizer) and made.get_config() == config
    assert_sums(fit(model(made), 3), [config["learning_rate"]] * 3)
    assert_sums(fit(model(type(optimizer).from_config(config)), 10, callbacks=[stlr()]), CURVE.simulate(10))
    clone = type(optimizer).from_config({**config, "learning_rate": 0.125})  # as a search for settings does
    assert_sums(fit(model(clone), 3), [0.125] * 3)


def test_an_optimizer_made_from_its_config_knows_a_length_that_was_given():
    curve = slanted.SlantedTriangular(1.0, total_steps=10)
    optimizer = in_a_run(curve)
    made = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(optimizer))
    assert_sums(fit(model(made), 10), curve.simulate())


# -- weights, to and from plain Keras ----------------------------------------------------------------------------------


MAKE = {
    "SGD with momentum": lambda: keras.optimizers.SGD(0.25, momentum=0.9),
    "Adam": lambda: keras.optimizers.Adam(0.25),
    "Adam with a schedule": lambda: keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(0.25, 10)),
    "loss scaling": lambda: keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam(0.25)),
}


def trained_weights(make, folder, callbacks):
    """Train and save; return the model and the file."""
    x, y = examples()
    trained = regression(make())
    trained.fit(x, y, batch_size=5, verbose=0, callbacks=callbacks)
    trained.save_weights(folder / "model.weights.h5")
    return trained, folder / "model.weights.h5"


def state_of(optimizer):
    """Return the optimizer's variables that a plain one has too, but for the learning rate."""
    apart = ("run_", "learning_rate")
    return {
        variable.path.split("/")[-1]: keras.ops.convert_to_numpy(variable)
        for variable in optimizer.variables
        if not variable.name.startswith(apart)
    }


@pytest.mark.parametrize("name", MAKE)
@pytest.mark.parametrize("scheduled_writes", [True, False])
def test_weights_go_both_ways_between_plain_and_scheduled(tmp_path, name, scheduled_writes):
    writer, path = trained_weights(MAKE[name], tmp_path, [stlr(lr_max=0.01)] if scheduled_writes else [])
    reader = regression(MAKE[name](), seed=3)
    x, y = examples()
    reader.fit(x, y, batch_size=5, verbose=0, callbacks=[] if scheduled_writes else [stlr(lr_max=0.01)])
    reader.load_weights(path)  # a warning, which is an error here, would say that Keras skips the optimizer's state
    for wrote, read in zip(writer.get_weights(), reader.get_weights(), strict=True):
        np.testing.assert_array_equal(read, wrote)
    wrote, read = state_of(writer.optimizer), state_of(reader.optimizer)
    assert len(wrote) == len(read) >= 3
    for expected, got in zip(wrote.values(), read.values(), strict=True):
        np.testing.assert_array_equal(got, expected)


def test_a_plain_optimizer_gets_the_rate_that_was_reached(tmp_path):
    scheduled = model(keras.optimizers.SGD(0.25))
    interrupted(scheduled, [stlr(), Interrupt(epoch=2)])
    scheduled.save_weights(tmp_path / "model.weights.h5")
    plain = model(keras.optimizers.SGD(0.25))
    fit(plain, 1)
    plain.load_weights(tmp_path / "model.weights.h5")
    assert_sums(fit(plain, 3), [CURVE.simulate(20)[10]] * 3)


def test_plain_weights_taken_up_inside_an_epoch(tmp_path):
    """The optimizer's own count says where the run stands."""
    plain = model()
    fit(plain, 7)
    plain.save_weights(tmp_path / "model.weights.h5")
    resumed = model()
    resumed.optimizer.build(resumed.trainable_variables)
    resumed.load_weights(tmp_path / "model.weights.h5")
    assert_sums(fit(resumed, STEPS, EPOCHS, [stlr()], initial_epoch=1), CURVE.at(np.arange(7, 22), 20))


@pytest.mark.filterwarnings("ignore:Skipping variable loading for optimizer")
def test_weights_loaded_before_the_optimizer_is_built_leave_it_whole(tmp_path):
    trained = model(keras.optimizers.Adam(0.25))
    fit(trained, 3, callbacks=[stlr()])
    trained.save_weights(tmp_path / "model.weights.h5")
    fresh = model(keras.optimizers.Adam(0.25))
    x, y = batches(2)
    fresh.evaluate(x, y, verbose=0, callbacks=[stlr()])
    fresh.load_weights(tmp_path / "model.weights.h5")
    fit(fresh, 3, callbacks=[stlr()])
    assert len(fresh.optimizer.variables) == len(trained.optimizer.variables)
