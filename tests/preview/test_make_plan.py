"""Plans match training: learning rates, stages, and the default peak."""

import keras
import numpy as np
import pytest
from applied import FAST, RELATIVE, Sum, batches, minus
from dense_network import dense_network

import slanted
from slanted.errors import InputError
from slanted.recipe.named import recipes
from slanted.recipe.recipe import Recipe

once = pytest.mark.once


def chain():
    """Return a model of four groups of one weight each, whose every gradient is -1 whatever the weights are."""
    inputs = keras.Input((1,))
    sums = [Sum(name=f"sum_{number}") for number in range(4)]
    return keras.Model(inputs, keras.layers.Add()([layer(inputs) for layer in sums])), sums


class Trace(keras.callbacks.Callback):
    def __init__(self, layers):
        super().__init__()
        self.layers, self.sums = layers, []

    def on_train_batch_end(self, batch, logs=None):
        self.model  # noqa: B018 - JAX's weights are written back when it is asked for
        self.sums.append([float(keras.ops.convert_to_numpy(layer.weight)) for layer in self.layers])


@pytest.mark.parametrize("name", [*recipes(), "chain"])
def test_the_planned_rates_are_those_applied(name):
    made = Recipe(unfreezing="chain-thaw", unfreeze_every=7) if name == "chain" else recipes()[name]
    recipe = made.with_settings(optimizer="sgd", epochs=5, lr_max=0.5, weight_decay=0.0).with_settings(clip_norm=1e9)
    recipe = recipe.with_settings(freeze=("sum_0",) if recipe.freeze else ())
    model, layers = chain()
    planned = slanted.plan(model, recipe, 35)
    model.compile(recipe.make_optimizer(model, 0.5), loss=minus, **FAST)
    trace = Trace(layers)
    x, y = batches(7)
    callbacks = [slanted.RunScheduler(recipe.make_curve(0.5)), *recipe.make_callbacks(), trace]
    model.fit(x, y, batch_size=1, epochs=5, callbacks=callbacks, verbose=0)
    for number, layer in enumerate(layers):
        expected = np.cumsum(planned.rates(layer.name))
        np.testing.assert_allclose(np.array(trace.sums)[:, number], expected, rtol=RELATIVE, atol=1e-7)


def test_without_fixed_shapes_the_cost_is_left_out():
    model = keras.Sequential([keras.Input((None, 4)), keras.layers.Dense(2)])
    planned = slanted.plan(model, Recipe(lr_max=0.5), 30)
    assert planned.stages[0].flops is None and planned.share_of_full_run is None
    assert "stage" not in str(planned)


@once
def test_the_peak_goes_by_the_model_s_hidden_size():
    class Backbone(keras.layers.Layer):
        hidden_dim = 384

        def __init__(self):
            super().__init__()
            self.dense = keras.layers.Dense(2)

        def call(self, inputs):
            return self.dense(inputs)

    model = keras.Sequential([keras.Input((4,)), Backbone()])
    assert slanted.plan(model, "stlr", 300).lr_max == 1e-4
    assert slanted.plan(model, "stlr", 300, lr_max=0.25).lr_max == 0.25
    with pytest.raises(InputError, match="Pass `lr_max`"):
        slanted.plan(dense_network(), "stlr", 300)


@once
def test_warnings_in_python_name_no_options_of_the_command():
    recipe = Recipe(unfreezing="chain-thaw", unfreeze_every=7, lr_max=0.5, optimizer="sgd")
    warnings = slanted.plan(chain()[0], recipe, 5).warnings
    assert any("never opens" in warning and warning.endswith("(unfreeze_at)") for warning in warnings)
    assert not any("--" in warning for warning in warnings)
    assert not any("--" in recipe.notes for recipe in recipes().values())
