"""The fused optimizer step against Keras's own."""

import keras
import numpy as np
import pytest

from slanted.acceleration.fused_adam import fuse

RNG = np.random.default_rng(0)
SHAPES = [(7, 5), (5,), (3, 2, 4)]
VALUES = [RNG.normal(size=shape).astype("float32") for shape in SHAPES]
GRADIENTS = [[RNG.normal(size=shape).astype("float32") for shape in SHAPES] for _ in range(5)]


def stepped(optimizer, fused=False, gradients=GRADIENTS):
    """Return the variables and the optimizer's after a step a list of gradients."""
    variables = [keras.Variable(value, name=f"v{index}") for index, value in enumerate(VALUES)]
    optimizer.build(variables)
    if fused:
        assert fuse(optimizer) == (keras.config.backend() != "jax")
    for step in gradients:
        optimizer.apply([keras.ops.convert_to_tensor(gradient) for gradient in step], variables)
    return [np.array(variable.numpy()) for variable in (*variables, *optimizer.variables)]


SETTINGS = [
    {},
    {"weight_decay": 0.3},
    {"global_clipnorm": 0.5},
    {"global_clipnorm": 1e9},
    {"clipnorm": 0.1},
    {"clipvalue": 0.2},
    {"epsilon": 0.1, "beta_1": 0.5, "beta_2": 0.9},
    {"gradient_accumulation_steps": 2},
    {"use_ema": True},
]


@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize("kind", [keras.optimizers.Adam, keras.optimizers.AdamW])
def test_steps_are_those_of_keras(kind, settings):
    plain = stepped(kind(0.01, **settings))
    for expected, got in zip(plain, stepped(kind(0.01, **settings), fused=True), strict=True):
        np.testing.assert_allclose(got, expected, rtol=2e-5, atol=2e-6)


def test_a_schedule_gives_each_step_its_rate():
    def optimizer():
        return keras.optimizers.AdamW(keras.optimizers.schedules.PolynomialDecay(0.1, 5), weight_decay=0.1)

    for expected, got in zip(stepped(optimizer()), stepped(optimizer(), fused=True), strict=True):
        np.testing.assert_allclose(got, expected, rtol=2e-5, atol=2e-6)


def test_variables_that_are_excluded_are_not_decayed():
    def optimizer():
        made = keras.optimizers.AdamW(0.01, weight_decay=0.3)
        made.exclude_from_weight_decay(var_names=["v1"])
        return made

    plain, decayed = stepped(optimizer()), stepped(keras.optimizers.AdamW(0.01, weight_decay=0.3))
    for expected, got in zip(plain, stepped(optimizer(), fused=True), strict=True):
        np.testing.assert_allclose(got, expected, rtol=2e-5, atol=2e-6)
    assert not np.allclose(plain[1], decayed[1])


def test_gradients_are_clipped_at_the_steps_whose_norm_exceeds_the_limit_alone():
    norm = float(np.sqrt(sum(np.sum(gradient**2) for gradient in GRADIENTS[0])))
    gradients = [GRADIENTS[0], [0.1 * gradient for gradient in GRADIENTS[1]], GRADIENTS[2]]
    settings = {"global_clipnorm": 0.5 * norm, "weight_decay": 0.1}
    plain = stepped(keras.optimizers.AdamW(0.01, **settings), gradients=gradients)
    fused = stepped(keras.optimizers.AdamW(0.01, **settings), fused=True, gradients=gradients)
    for expected, got in zip(plain, fused, strict=True):
        np.testing.assert_allclose(got, expected, rtol=2e-5, atol=2e-6)


def test_a_norm_that_is_not_finite_shows_in_every_weight():
    broken = [[np.full(shape, np.inf, "float32") for shape in SHAPES]]
    for value in stepped(keras.optimizers.AdamW(0.1, global_clipnorm=1.0), fused=True, gradients=broken)[:3]:
        assert np.isnan(value).all()


def test_the_configuration_is_that_of_the_plain_optimizer():
    optimizer = keras.optimizers.AdamW(0.1, global_clipnorm=1.0)
    config = keras.saving.serialize_keras_object(optimizer)
    fuse(optimizer)
    assert keras.saving.serialize_keras_object(optimizer) == config


def test_other_optimizers_are_left_alone():
    assert not fuse(keras.optimizers.SGD(0.1))
    assert not fuse(keras.optimizers.Adam(0.1, amsgrad=True))
