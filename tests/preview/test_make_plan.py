"""Plans: the rates and stages they show are those of training, costs are right, and they warn of what is amiss."""

import os
import subprocess
import sys

import keras
import numpy as np
import pytest
from applied import FAST, RELATIVE, Sum, batches, minus

import slanted
from slanted.errors import InputError
from slanted.preview.flops import group_flops
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


def dense_network():
    keras.utils.set_random_seed(0)
    return keras.Sequential([keras.Input((4,)), *(keras.layers.Dense(n, name=f"dense_{n}") for n in (6, 5, 2))])


def test_the_table_says_everything():
    recipe = Recipe(name="mine", lr_max=0.5, layer_decay=0.5, unfreezing="top-down", unfreeze_at=(0, 1, 2), epochs=4)
    planned = slanted.plan(dense_network(), recipe, 40, batch=np.zeros((8, 4), "float32"), examples=77, batch_size=8)
    assert str(planned) == (
        "plan: mine: 40 steps in epochs of 10; slanted-triangular to 0.5, highest 0.5 at step 4, last 0.0291\n"
        "optimizer: adamw, weight decay 0.01, gradients clipped to a norm of 1\n"
        "group    depth  variables  parameters  multiplier  peak rate  weight decay  opens at\n"
        "dense_6      0          2          30        0.25     0.0712   1 yes, 1 no  step 20, epoch 3\n"
        "dense_5      1          2          35         0.5       0.21   1 yes, 1 no  step 10, epoch 2\n"
        "dense_2      2          2          12           1        0.5   1 yes, 1 no  step 0, epoch 1\n"
        "stage            begins  steps  a step costs  of a full step  open groups\n"
        "    1   step 0, epoch 1     10    1.34 kFLOP             44%  dense_2\n"
        "    2  step 10, epoch 2     10     2.3 kFLOP             75%  dense_5, dense_2\n"
        "    3  step 20, epoch 3     20    3.07 kFLOP            100%  all\n"
        "the run computes 80% of what it would with all groups open\n"
        "warning: 77 examples do not divide into batches of 8: one batch an epoch has 5, each of which weighs 1.6 "
        "times as much as another"
    )


def test_costs_counted_by_hand():
    model = dense_network()
    flops = group_flops(model, slanted.layer_groups(model), np.zeros((8, 4)))
    assert flops is not None
    forward = [2 * 8 * n for n in (4 * 6, 6 * 5, 5 * 2)]
    assert flops.products == tuple(forward)
    assert flops.full_step == 3 * sum(forward)
    assert flops.of_step([False, False, True]) == sum(forward) + 2 * forward[2]
    assert flops.of_step([False, True, False]) == sum(forward) + 2 * forward[1] + forward[2]


def layers_of_each_kind():
    layers = keras.layers
    return {
        "conv": (layers.Conv2D(5, 3, padding="same", strides=2), (8, 8, 3), 2 * 4 * 4 * 5 * 3 * 9),
        "groups": (layers.Conv1D(4, 3, padding="same", groups=2), (8, 6), 2 * 8 * 4 * 3 * 3),
        "depthwise": (layers.DepthwiseConv2D(3, padding="same"), (8, 8, 3), 2 * 8 * 8 * 3 * 9),
        "separable": (layers.SeparableConv2D(5, 3, padding="same"), (8, 8, 3), 2 * 64 * (3 * 9 + 3 * 5)),
        "transposed": (layers.Conv1DTranspose(5, 2, strides=2), (8, 3), 2 * 8 * 3 * 2 * 5),
        "einsum": (layers.EinsumDense("abc,cde->abde", (None, 2, 5)), (8, 3), 2 * 8 * 3 * 10),
        "recurrent": (layers.LSTM(5), (8, 3), 2 * 8 * (3 * 20 + 5 * 20)),
    }


@pytest.mark.parametrize("kind", layers_of_each_kind())
def test_costs_of_each_kind_of_layer(kind):
    layer, shape, expected = layers_of_each_kind()[kind]
    model = keras.Sequential([keras.Input(shape), layer])
    flops = group_flops(model, slanted.layer_groups(model))
    assert flops is not None and flops.products == (expected,)


def test_costs_of_attention():
    query = keras.Input((6, 8))
    model = keras.Model(query, keras.layers.MultiHeadAttention(2, 4)(query, query))
    flops = group_flops(model, slanted.layer_groups(model))
    assert flops is not None
    assert flops.scores == (2 * 2 * 6 * 6 * 8,)
    assert flops.products == (4 * 2 * 6 * 8 * 8,)


def test_without_fixed_shapes_the_cost_is_left_out():
    model = keras.Sequential([keras.Input((None, 4)), keras.layers.Dense(2)])
    planned = slanted.plan(model, Recipe(lr_max=0.5), 30)
    assert planned.stages[0].flops is None and planned.share_of_full_run is None
    assert "stage" not in str(planned)


def warnings(recipe, total_steps, **arguments):
    recipe = recipe if isinstance(recipe, Recipe) else recipes()[recipe].with_settings(lr_max=0.5)
    return slanted.plan(dense_network(), recipe, total_steps, **arguments).warnings


@once
def test_a_run_without_fault_has_no_warning():
    assert warnings("stlr", 300, examples=800, batch_size=8) == ()


@once
@pytest.mark.parametrize(
    ("recipe", "total_steps", "arguments", "beginnings"),
    [
        (
            "stlr",
            9,
            {},
            [
                "the run has 9 steps, fewer than 10",
                "the warm-up of 0.1 of 9 steps is shorter than a step",
                "the peak of 0.5 is never reached: it lies between two steps, and the highest rate is",
            ],
        ),
        (
            "linear",
            6,
            {},
            ["the run has 6 steps", "the warm-up of 0.1 of 6 steps is shorter than a step: it is rounded"],
        ),
        (
            "one-cycle",
            3,
            {},
            ["the run has 3 steps", "the warm-up of 0.25 of 3 steps is shorter", "the peak of 0.5 is never reached"],
        ),
        ("stlr", 15, {}, ["the peak of 0.5 is never reached"]),
        ("constant", 100, {}, ["100 steps are not 3 epochs of 34"]),
        (
            "stlr",
            300,
            {"examples": 799, "batch_size": 8},
            ["799 examples do not divide into batches of 8: one batch an epoch has 7, each of which weighs 1.14 times"],
        ),
        (
            "stlr",
            300,
            {"examples": 5, "batch_size": 8},
            ["all 5 examples are fewer than a batch of 8", "5 examples in batches of 8 are not 100 steps an epoch"],
        ),
        ("stlr", 300, {"gradient_accumulation": 7}, ["300 steps do not divide into accumulations of 7: the last 6"]),
        (
            Recipe(lr_max=0.5, unfreezing="top-down", epochs=2),
            30,
            {},
            ["the unfreezing is longer than the run of 30 steps (2 epochs): dense_6 never opens"],
        ),
        (
            Recipe(lr_max=0.5, unfreezing="top-down", unfreeze_at=(0, 9), epochs=10),
            100,
            {},
            ["dense_6 opens at step 90, when", "dense_5 opens at step 90, when"],
        ),
        (
            Recipe(lr_max=1e-4, layer_decay=0.01),
            300,
            {},
            ["dense_6: the highest rate is below 1e-07, practically frozen"],
        ),
    ],
)
def test_what_is_amiss_is_said(recipe, total_steps, arguments, beginnings):
    found = warnings(recipe, total_steps, **arguments)
    assert len(found) == len(beginnings)
    for warning, beginning in zip(found, beginnings, strict=True):
        assert warning.startswith(beginning)


@once
def test_how_far_below_the_peak_is_said_in_full():
    (warning,) = warnings(Recipe(lr_max=0.5, epochs=1), 15)
    highest = slanted.SlantedTriangular(0.5).simulate(15).max()
    assert f"the highest rate is {highest:.3g}, {1 - highest / 0.5:.1%} below it" in warning


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
def test_unknown_groups_are_refused():
    planned = slanted.plan(dense_network(), Recipe(lr_max=0.5), 30)
    with pytest.raises(InputError, match=r"There is no layer group 'top'. Groups are: dense_6, dense_5, dense_2"):
        planned.rates("top")


@once
def test_the_picture_has_a_line_a_group():
    planned = slanted.plan(dense_network(), Recipe(lr_max=0.5, layer_decay=0.5, unfreezing="top-down"), 30)
    lines = planned.plot().get_lines()
    assert [line.get_label() for line in lines] == ["dense_6", "dense_5", "dense_2"]
    for line in lines:
        np.testing.assert_array_equal(line.get_ydata(), planned.rates(line.get_label()))


@once
def test_the_package_and_the_plan_s_module_come_without_keras():
    code = "import sys, slanted, slanted.preview.plan; assert 'keras' not in sys.modules; assert callable(slanted.plan)"
    subprocess.run([sys.executable, "-c", code], check=True, env={**os.environ})
