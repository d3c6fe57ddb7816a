"""The six properties of LayerwiseOptimizer, over the optimizers of Keras, on the backend of the process."""

import os
import subprocess
import sys

import keras
import numpy as np
import pytest

from slanted import LayerwiseOptimizer, RunScheduler, SlantedTriangular
from slanted.layerwise.layer_groups import layer_groups, no_decay_variables

BACKEND = keras.config.backend()
OPTIMIZERS = {
    "sgd": lambda **k: keras.optimizers.SGD(0.1, momentum=0.9, **k),
    "nesterov": lambda **k: keras.optimizers.SGD(0.1, momentum=0.9, nesterov=True, **k),
    "adam": lambda **k: keras.optimizers.Adam(0.01, **k),
    "adamw": lambda **k: keras.optimizers.AdamW(0.01, weight_decay=0.1, **k),
    "rmsprop": lambda **k: keras.optimizers.RMSprop(0.01, momentum=0.9, **k),
    "lion": lambda **k: keras.optimizers.Lion(0.01, **k),
    "adafactor": lambda **k: keras.optimizers.Adafactor(0.01, **k),
    "muon": lambda **k: keras.optimizers.Muon(0.01, adam_weight_decay=0.1, **k),
}
OPTIONS = {
    "alone": {},
    "global clipping": {"global_clipnorm": 0.05},
    "accumulation": {"gradient_accumulation_steps": 2},
    "averaging": {"use_ema": True, "ema_momentum": 0.9, "ema_overwrite_frequency": 3},
}
OPTIONS["together"] = {name: value for option in list(OPTIONS.values()) for name, value in option.items()}
CASES = [
    (name, option) for name in OPTIMIZERS for option in OPTIONS if name == "adamw" or option in ("alone", "together")
]
X = np.random.default_rng(0).normal(size=(16, 4)).astype("float32")
Y = np.random.default_rng(1).normal(size=(16, 2)).astype("float32")


def network(seed=3):
    keras.utils.set_random_seed(seed)
    dense = keras.layers.Dense
    layers = [dense(6, "tanh", name="low"), dense(6, "tanh", name="middle"), dense(2, name="top")]
    return keras.Sequential([keras.Input((4,)), *layers])


def trained(optimizer, epochs=2, callbacks=(), model=None, **compile_arguments):
    model = model or network()
    made = optimizer(model) if callable(optimizer) else optimizer
    model.compile(made, loss="mse", **compile_arguments)
    model.fit(X, Y, batch_size=4, epochs=epochs, shuffle=False, verbose=0, callbacks=list(callbacks))
    return model


def weights(model):
    return [keras.ops.convert_to_numpy(variable) for variable in model.trainable_variables]


def layerwise(plain, layer_decay=1.0, **settings):
    return lambda model: LayerwiseOptimizer(plain, layer_groups(model), layer_decay, **settings)


def assert_same(ours, theirs):
    """Check to the last bit; on JAX, whose XLA fuses two programs differently, to the last but one."""
    exact = BACKEND != "jax"
    np.testing.assert_allclose(ours, theirs, rtol=0 if exact else 1e-6, atol=0 if exact else 1e-7)


@pytest.mark.parametrize(("name", "option"), CASES)
def test_with_multipliers_of_1_the_result_is_the_plain_optimizer_s(name, option):
    plain = trained(OPTIMIZERS[name](**OPTIONS[option]))
    grouped = trained(layerwise(OPTIMIZERS[name](**OPTIONS[option])))
    for ours, theirs in zip(weights(grouped), weights(plain), strict=True):
        assert_same(ours, theirs)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_multiplier_scales_the_update_and_not_the_gradient(name):
    moved = {}
    for label, multipliers in (("plain", {}), ("scaled", {"low": 0.25, "top": 2.0})):
        model = network()
        before = weights(model)
        optimizer = LayerwiseOptimizer(OPTIMIZERS[name](), layer_groups(model), 1.0, multipliers)
        model.compile(optimizer, loss="mse")
        model.train_on_batch(X, Y)
        moved[label] = [after - start for after, start in zip(weights(model), before, strict=True)]
    for index, multiplier in enumerate((0.25, 0.25, 1.0, 1.0, 2.0, 2.0)):
        np.testing.assert_allclose(moved["scaled"][index], multiplier * moved["plain"][index], rtol=1e-4, atol=1e-7)
        assert np.abs(moved["plain"][index]).max() > 5e-6


def apply_zeros(optimizer, model, times):
    zeros = [keras.ops.zeros(variable.shape) for variable in model.trainable_variables]
    for _ in range(times):
        optimizer.apply(zeros, model.trainable_variables)


@pytest.mark.parametrize("name", ["adamw", "sgd", "lion"])
def test_weight_decay_alone_shrinks_each_group_by_its_own_rate_and_closed_groups_not_at_all(name):
    model = network()
    before = weights(model)
    options = {} if name == "adamw" else {"weight_decay": 0.1}
    optimizer = LayerwiseOptimizer(OPTIMIZERS[name](**options), layer_groups(model), 0.5)
    optimizer.open_only(["middle", "top"])
    apply_zeros(optimizer, model, times=3)
    rate = float(keras.ops.convert_to_numpy(optimizer.learning_rate))
    for index, multiplier in enumerate((0.0, 0.0, 0.5, 0.5, 1.0, 1.0)):
        expected = before[index] * (1 - 0.1 * rate * multiplier) ** 3
        np.testing.assert_allclose(weights(model)[index], expected, rtol=1e-6, atol=0)
    np.testing.assert_array_equal(weights(model)[0], before[0])


def test_weight_decay_leaves_out_what_it_is_told_by_path_or_by_function():
    for no_weight_decay in (["low/", "bias"], lambda v: "low" in v.path or len(v.shape) == 1):
        model = network()
        model.layers[-1].bias.assign([1.0, 2.0])
        before = weights(model)
        optimizer = LayerwiseOptimizer(OPTIMIZERS["adamw"](), layer_groups(model), 1.0, None, no_weight_decay)
        apply_zeros(optimizer, model, times=1)
        shrunk = [not np.array_equal(a, b) for a, b in zip(weights(model), before, strict=True)]
        assert shrunk == [False, False, True, False, True, False]
        assert [optimizer.decays(v) for v in model.trainable_variables] == shrunk


def test_all_of_a_group_may_be_left_out_of_weight_decay():
    model = network()
    optimizer = LayerwiseOptimizer(OPTIMIZERS["adamw"](), layer_groups(model), 1.0, None, ["."])
    before = weights(model)
    apply_zeros(optimizer, model, times=1)
    for now, then in zip(weights(model), before, strict=True):
        np.testing.assert_array_equal(now, then)


def test_the_global_norm_is_one_over_all_open_groups():
    model = network()
    optimizer = LayerwiseOptimizer(keras.optimizers.SGD(1.0, global_clipnorm=1.0), layer_groups(model), 1.0)
    optimizer.build(model.trainable_variables)
    optimizer.open_only(["middle", "top"])
    before = weights(model)
    grads = [keras.ops.full(variable.shape, 3.0) for variable in model.trainable_variables]
    optimizer.apply(grads, model.trainable_variables)
    moved = [start - now for now, start in zip(weights(model), before, strict=True)]
    assert not moved[0].any() and not moved[1].any()
    norm = np.sqrt(sum((part**2).sum() for part in moved))
    np.testing.assert_allclose(norm, 1.0, rtol=1e-5)
    np.testing.assert_allclose(moved[2], moved[5][0], rtol=1e-5)


def test_learning_rate_reads_as_the_schedule_s_and_keras_s_callbacks_set_it():
    halve = keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate / 2)
    plateau = keras.callbacks.ReduceLROnPlateau(monitor="loss", factor=0.5, patience=0, min_delta=1e9)
    model = trained(layerwise(keras.optimizers.SGD(0.8), 0.5), epochs=2, callbacks=[halve])
    assert float(keras.ops.convert_to_numpy(model.optimizer.learning_rate)) == pytest.approx(0.2)
    assert model.optimizer.group_rates() == pytest.approx({"low": 0.05, "middle": 0.1, "top": 0.2})
    trained(model.optimizer, epochs=3, callbacks=[plateau], model=model)
    assert float(keras.ops.convert_to_numpy(model.optimizer.learning_rate)) < 0.2


def test_it_is_a_keras_optimizer_and_the_one_given():
    plain, model = keras.optimizers.Adam(), network()
    optimizer = LayerwiseOptimizer(plain, layer_groups(model))
    assert isinstance(optimizer, LayerwiseOptimizer) and isinstance(optimizer, keras.optimizers.Optimizer)
    assert isinstance(optimizer, keras.optimizers.Adam) and optimizer is plain
    assert issubclass(LayerwiseOptimizer, keras.optimizers.Optimizer)


def test_multipliers_fall_from_the_head_and_can_be_overridden_by_name():
    model = network()
    optimizer = LayerwiseOptimizer(keras.optimizers.SGD(0.1), layer_groups(model), 0.5, {"low": 1.0})
    assert optimizer.multipliers == {"low": 1.0, "middle": 0.5, "top": 1.0}
    optimizer.build(model.trainable_variables)
    assert optimizer.groups == layer_groups(model)
    optimizer.open_only(["top"])
    assert optimizer.group_rates() == pytest.approx({"low": 0.0, "middle": 0.0, "top": 0.1})


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


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_under_mixed_precision_a_multiplier_still_scales_the_update(policy):
    keras.config.set_dtype_policy(policy)
    try:
        models = [trained(layerwise(keras.optimizers.SGD(0.1), 1.0, multipliers={"low": m}), 1) for m in (1.0, 1e-6)]
    finally:
        keras.config.set_dtype_policy("float32")
    start = weights(network())
    moved = [np.abs(weights(model)[0] - start[0]).max() for model in models]
    assert moved[0] > 1e-3 and moved[1] < 1e-6


def test_counts_are_of_updates_not_of_batches():
    model = trained(layerwise(keras.optimizers.Adam(0.01, gradient_accumulation_steps=4)), epochs=2)
    assert set(model.optimizer.group_updates().values()) == {2}


def refused(message, make):
    with pytest.raises(ValueError, match=message):
        make()


def test_what_cannot_be_is_refused():
    groups = layer_groups(network())
    sgd = keras.optimizers.SGD
    refused("optimizer` must be a keras", lambda: LayerwiseOptimizer("adam", groups))
    refused("Received: Nadam. Use Adam", lambda: LayerwiseOptimizer(keras.optimizers.Nadam(), groups))
    refused("Loss scaling goes", lambda: LayerwiseOptimizer(keras.optimizers.LossScaleOptimizer(sgd()), groups))
    refused("already has its groups", lambda: LayerwiseOptimizer(LayerwiseOptimizer(sgd(), groups), groups))
    refused(r"layer_decay` must be in \(0, 1\]", lambda: LayerwiseOptimizer(sgd(), groups, 1.5))
    refused("layer_decay` must be a finite number > 0", lambda: LayerwiseOptimizer(sgd(), groups, 0.0))
    refused(
        "There is no layer group 'zebra'. Groups are: low, middle, top",
        lambda: LayerwiseOptimizer(sgd(), groups, 1.0, {"zebra": 1.0}),
    )
    refused("different names", lambda: LayerwiseOptimizer(sgd(), [groups[0], groups[0]]))
    refused("different names", lambda: LayerwiseOptimizer(sgd(), []))
    refused("list of regular expressions", lambda: LayerwiseOptimizer(sgd(), groups, 1.0, None, "bias"))
    refused("There is no layer group 'x'", lambda: LayerwiseOptimizer(sgd(), groups).open_only(["x"]))
    refused("At least one group", lambda: LayerwiseOptimizer(sgd(), groups).open_only([]))


def test_a_refusal_leaves_the_optimizer_as_it_was():
    plain = keras.optimizers.SGD()
    refused("no layer group", lambda: LayerwiseOptimizer(plain, layer_groups(network()), 1.0, {"zebra": 1.0}))
    assert not isinstance(plain, LayerwiseOptimizer)


def test_variables_in_no_group_are_refused_with_their_paths():
    model = network()
    optimizer = LayerwiseOptimizer(keras.optimizers.SGD(), layer_groups(model)[1:])
    refused("In none: .*low/kernel", lambda: optimizer.build(model.trainable_variables))


def test_recipes_rule_of_no_decay_fits_the_argument():
    model = network()
    left_out = {variable.path for variable in no_decay_variables(model)}
    optimizer = LayerwiseOptimizer(keras.optimizers.SGD(), layer_groups(model), 1.0, None, lambda v: v.path in left_out)
    optimizer.build(model.trainable_variables)
    assert [optimizer.decays(v) for v in model.trainable_variables] == [True, False] * 3
