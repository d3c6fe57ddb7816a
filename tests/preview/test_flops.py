"""The cost of a training step, compared with a count by hand."""

import keras
import numpy as np
import pytest
from dense_network import dense_network

import slanted
from slanted.preview.flops import GroupFlops, group_flops

once = pytest.mark.once


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


@once
def test_backward_goes_down_to_the_lowest_open_group():
    flops = GroupFlops(products=(1.0, 10.0, 100.0), scores=(0.0, 1000.0, 0.0))
    assert flops.of_step([False, False, True]) == 1111.0 + 100.0 + 100.0
    assert flops.of_step([False, True, False]) == 1111.0 + (110.0 + 2000.0) + 10.0
    assert flops.of_step([True, False, False]) == 1111.0 + (111.0 + 2000.0) + 1.0
    assert flops.full_step == 3 * 1111.0


@once
def test_a_layer_that_is_not_trained_counts_with_the_group_before_it():
    model = dense_network()
    model.layers[2].trainable = False
    flops = group_flops(model, slanted.layer_groups(model))
    assert flops is not None and flops.products == (2 * 4 * 6, 2 * (6 * 5 + 5 * 2))
