"""The steps of the encoder for TensorFlow and JAX against NumPy, and the share that its dropout drops."""

from types import SimpleNamespace

import keras
import numpy as np
import pytest
from applied import BACKEND

from slanted.acceleration.fast_bert_ops import BertEncoder

RNG = np.random.default_rng(0)


def encoder(**backbone):
    """Return the encoder of a backbone of which only what is asked for is there."""
    return BertEncoder(SimpleNamespace(**backbone), SimpleNamespace(epsilon=1e-3), first_only=True)


def normal(*shape):
    return RNG.normal(size=shape).astype("float32")


def tensor(values, dtype="float32"):
    return keras.ops.cast(keras.ops.convert_to_tensor(values), dtype)


def numbers(values):
    return keras.ops.convert_to_numpy(keras.ops.cast(values, "float32"))


@pytest.mark.parametrize("scale", [1.0, 0.25])
def test_weights_and_biases_of_any_rank_are_matrices_and_vectors_scaled(scale):
    x, weight, bias = normal(5, 4), normal(4, 2, 3), normal(2, 3)
    got = encoder()._linear(tensor(x), tensor(weight), tensor(bias), scale)
    np.testing.assert_allclose(numbers(got), scale * (x @ weight.reshape(4, 6) + bias.reshape(6)), atol=1e-5)


def test_normalisation_is_computed_in_float32_and_given_back_in_the_type_it_came_in():
    x, gamma, beta = 3.0 + normal(5, 4), normal(4), normal(4)
    wide = (x - x.mean(1, keepdims=True)) / np.sqrt(x.var(1, keepdims=True) + 1e-3) * gamma + beta
    got = encoder()._normalised(tensor(x), tensor(gamma), tensor(beta))
    np.testing.assert_allclose(numbers(got), wide, atol=1e-4)
    short = encoder()._normalised(tensor(x, "bfloat16"), tensor(gamma), tensor(beta))
    assert keras.backend.standardize_dtype(short.dtype) == "bfloat16"


def test_no_dropout_leaves_its_input_as_it_is():
    x = tensor(normal(3, 2))
    assert encoder()._dropped(x, 0.0, None) is x


if BACKEND != "torch":  # which has an encoder of its own

    @pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
    def test_dropout_keeps_its_share_scaled_so_that_the_mean_stays(dtype):
        x = keras.ops.ones((100, 301), dtype)
        got = numbers(encoder()._dropped(x, 0.2, keras.random.SeedGenerator(1)))
        assert got.shape == (100, 301)
        np.testing.assert_allclose(np.unique(got), [0.0, 1.25], rtol=5e-3)
        assert (got == 0.0).mean() == pytest.approx(0.2, abs=0.015)

    def test_sixteen_random_bits_are_even_and_follow_the_seed():
        draw = encoder()._random_bits
        first, again, other = (numbers(draw(keras.random.SeedGenerator(seed).next(), (101, 99))) for seed in (1, 1, 2))
        assert first.shape == (101, 99) and first.max() < 2**16
        counts, _ = np.histogram(first, bins=16, range=(0, 2**16))
        np.testing.assert_allclose(counts, 101 * 99 / 16, rtol=0.2)
        np.testing.assert_array_equal(first, again)
        assert (first == other).mean() < 0.01
