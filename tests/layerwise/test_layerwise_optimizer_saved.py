"""A LayerwiseOptimizer is saved and loaded with its groups, and continues where it stopped."""

import os
import subprocess
import sys

import keras
import numpy as np
import pytest
from layerwise_training import BACKEND, OPTIMIZERS, X, Y, assert_same, network, trained, weights

from slanted import LayerwiseOptimizer, RunScheduler, SlantedTriangular
from slanted.layerwise.layer_groups import layer_groups


def test_a_trained_optimizer_keeps_its_state():
    model = trained(keras.optimizers.Adam(0.01), epochs=3)
    moments = [keras.ops.convert_to_numpy(v) for v in model.optimizer.variables[2:]]
    optimizer = LayerwiseOptimizer(model.optimizer, layer_groups(model), 1.0)
    assert optimizer.group_updates() == {"low": 12, "middle": 12, "top": 12}
    reference = trained(keras.optimizers.Adam(0.01), epochs=6)
    for kept, variable in zip(moments, optimizer._plain_variables()[2:], strict=True):
        np.testing.assert_array_equal(kept, keras.ops.convert_to_numpy(variable))
    model.compile(optimizer, loss="mse")
    model.fit(X, Y, batch_size=4, epochs=3, shuffle=False, verbose=0)
    for ours, theirs in zip(weights(model), weights(reference), strict=True):
        assert_same(ours, theirs)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_it_serialises_by_path(name):
    model = network()
    made = LayerwiseOptimizer(OPTIMIZERS[name](), layer_groups(model), 0.5, {"low": 0.125}, ["bias"])
    again = keras.optimizers.deserialize(keras.optimizers.serialize(made))
    assert isinstance(again, LayerwiseOptimizer) and again.get_config() == made.get_config()
    again.build(model.trainable_variables)
    assert again.groups == layer_groups(model)
    assert [again.decays(v) for v in model.trainable_variables] == [True, False] * 3


RELOAD = """
import sys, numpy as np, keras, slanted
slanted.LayerwiseOptimizer  # Keras knows the class from here on
for number in range(int(sys.argv[2])):
    keras.layers.Dense(3)
model = keras.models.load_model(sys.argv[1])
x, y = (np.random.default_rng(s).normal(size=(16, n)).astype("float32") for s, n in ((0, 4), (1, 2)))
assert isinstance(model.optimizer, slanted.LayerwiseOptimizer), type(model.optimizer)
assert list(model.optimizer.group_updates().values()) == [8, 8, 8], model.optimizer.group_updates()
model.fit(x, y, batch_size=4, epochs=4, initial_epoch=2, shuffle=False, verbose=0,
          callbacks=[slanted.RunScheduler(slanted.SlantedTriangular(0.01))])
np.savez(sys.argv[3], *[keras.ops.convert_to_numpy(v) for v in model.trainable_variables])
"""


def test_a_keras_file_goes_on_in_a_new_process_where_it_stopped(tmp_path):
    def optimizer(model):
        return LayerwiseOptimizer(OPTIMIZERS["adamw"](), layer_groups(model), 0.5, None, ["bias"])

    whole = trained(optimizer, epochs=4, callbacks=[RunScheduler(SlantedTriangular(0.01))])
    half = network()
    half.compile(optimizer(half), loss="mse")

    class Stop(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            self.model.stop_training = epoch == 1

    run = [RunScheduler(SlantedTriangular(0.01)), Stop()]
    half.fit(X, Y, batch_size=4, epochs=4, shuffle=False, verbose=0, callbacks=run)
    half.save(tmp_path / "half.keras")
    command = [sys.executable, "-c", RELOAD, str(tmp_path / "half.keras"), "3", str(tmp_path / "out.npz")]
    subprocess.run(command, check=True, env={**os.environ, "KERAS_BACKEND": BACKEND})
    resumed = np.load(tmp_path / "out.npz")
    for index, expected in enumerate(weights(whole)):
        assert_same(resumed[f"arr_{index}"], expected)


def test_an_optimizer_made_by_its_own_class_leaves_the_name_in_files_as_it_is():
    made = LayerwiseOptimizer(OPTIMIZERS["adamw"](), layer_groups(network()), 0.5)
    again = type(made).from_config(made.get_config())
    assert type(again) is type(made)
    written = [keras.saving.serialize_keras_object(optimizer) for optimizer in (made, again)]
    assert [part["registered_name"] for part in written] == ["slanted>LayerwiseOptimizer"] * 2


def test_a_model_whose_layers_are_named_anew_finds_its_variables_by_place_and_shape():
    made = LayerwiseOptimizer(OPTIMIZERS["adam"](), layer_groups(network()), 0.5)
    again = LayerwiseOptimizer.from_config(made.get_config())
    keras.utils.set_random_seed(0)
    other = keras.Sequential([keras.Input((4,)), *(keras.layers.Dense(n) for n in (6, 6, 2))])
    again.build(other.trainable_variables)
    assert again.groups[1].variables == tuple(other.layers[1].trainable_variables)


def test_weights_of_a_plain_optimizer_load_and_bring_their_count(tmp_path):
    plain = trained(keras.optimizers.Adam(0.01))
    plain.save_weights(tmp_path / "plain.weights.h5")
    model = network()
    model.compile(LayerwiseOptimizer(keras.optimizers.Adam(0.01), layer_groups(model), 0.5), loss="mse")
    model.optimizer.build(model.trainable_variables)
    model.load_weights(tmp_path / "plain.weights.h5")
    assert set(model.optimizer.group_updates().values()) == {8}


@pytest.mark.parametrize("decay", [None, 0.5])
def test_the_loss_scale_of_float16_is_loaded_from_both_kinds_of_files(decay, tmp_path):
    def compiled():
        model = network()
        plain = OPTIMIZERS["adamw"]()
        model.compile(plain if decay is None else LayerwiseOptimizer(plain, layer_groups(model), decay), loss="mse")
        model.optimizer.build(model.trainable_variables)
        return model

    keras.config.set_dtype_policy("mixed_float16")
    try:
        model = compiled()
        model.fit(X, Y, batch_size=4, verbose=0, callbacks=[RunScheduler(SlantedTriangular(0.01))])
        model.optimizer.dynamic_scale.assign(64.0)
        model.save(tmp_path / "all.keras")
        model.save_weights(tmp_path / "state.weights.h5")
        fresh = compiled()
        fresh.load_weights(tmp_path / "state.weights.h5")
        for loaded in (keras.models.load_model(tmp_path / "all.keras"), fresh):
            optimizer = loaded.optimizer
            assert float(keras.ops.convert_to_numpy(optimizer.dynamic_scale)) == 64.0
            assert int(keras.ops.convert_to_numpy(optimizer.iterations)) == int(model.optimizer.iterations)
    finally:
        keras.config.set_dtype_policy("float32")
