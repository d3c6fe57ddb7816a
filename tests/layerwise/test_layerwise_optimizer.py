"""The six properties of LayerwiseOptimizer, over the optimizers of Keras, on the backend of the process."""

import keras
import numpy as np
import pytest
from layerwise_training import OPTIMIZERS, X, Y, assert_same, layerwise, network, trained, weights

from slanted import LayerwiseOptimizer, Recipe
from slanted.layerwise.layer_groups import layer_groups

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
    refused("Loss scaling must wrap", lambda: LayerwiseOptimizer(keras.optimizers.LossScaleOptimizer(sgd()), groups))
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
    optimizer = LayerwiseOptimizer(keras.optimizers.SGD(), layer_groups(model), 1.0, None, Recipe().leaves_out)
    optimizer.build(model.trainable_variables)
    assert [optimizer.decays(v) for v in model.trainable_variables] == [True, False] * 3
