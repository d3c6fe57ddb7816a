"""Curves and optimizers are built by name, each with the settings of a recipe that are its own."""

import keras
import pytest

import slanted
from slanted.recipe.build import build_curve, build_optimizer
from slanted.recipe.choices import CURVES, OPTIMIZERS
from slanted.recipe.recipe import Recipe

SETTINGS = vars(Recipe(cut_frac=0.25, ratio=8.0, warmup=0.125, decay=0.5, momentum=0.5, beta_1=0.75, epsilon=0.25))

BUILT = {
    "slanted-triangular": slanted.SlantedTriangular(0.5, 40, cut_frac=0.25, ratio=8.0),
    "linear": slanted.LinearWarmup(0.5, 40, warmup=0.125),
    "cosine": slanted.CosineWarmup(0.5, 40, warmup=0.125),
    "one-cycle": slanted.OneCycle(0.5, 40, rise_frac=0.125),
    "warmup-stable-decay": slanted.WarmupStableDecay(0.5, 40, warmup=0.125, decay=0.5),
    "constant": slanted.ConstantWarmup(0.5, 40, warmup=0.125),
}


@pytest.mark.once
@pytest.mark.parametrize("name", CURVES)
def test_a_curve_takes_its_own_settings(name):
    built = build_curve(name, 0.5, 40, SETTINGS)
    assert type(built) is type(BUILT[name]) and built.get_config() == BUILT[name].get_config()
    assert build_curve(name, 0.5, None, SETTINGS).total_steps is None


OWN = {
    "adamw": {"beta_1": 0.75, "beta_2": 0.999, "epsilon": 0.25},
    "adam": {"beta_1": 0.75, "beta_2": 0.999, "epsilon": 0.25},
    "sgd": {"momentum": 0.5},
    "rmsprop": {"momentum": 0.5, "epsilon": 0.25},
    "lion": {"beta_1": 0.75, "beta_2": 0.999},
    "adafactor": {},
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_an_optimizer_takes_its_own_settings_and_those_of_all(name):
    built = build_optimizer(name, 0.125, 4, {**SETTINGS, "weight_decay": 0.5, "clip_norm": 2.0})
    common = {"weight_decay": 0.5, "global_clipnorm": 2.0, "gradient_accumulation_steps": 4}
    assert type(built).__name__.lower() == name
    assert {key: getattr(built, key) for key in {**common, **OWN[name]}} == {**common, **OWN[name]}
    assert float(keras.ops.convert_to_numpy(built.learning_rate)) == 0.125


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_what_is_zero_one_or_none_is_left_out(name):
    built = build_optimizer(name, 0.125, 1, {**SETTINGS, "weight_decay": 0.0, "clip_norm": None})
    assert built.gradient_accumulation_steps is None and built.global_clipnorm is None
    assert built.weight_decay == (0.0 if name == "adamw" else None)


@pytest.mark.once
def test_an_unknown_name_builds_nothing():
    with pytest.raises(KeyError):
        build_curve("zigzag", 0.5, None, SETTINGS)
    with pytest.raises(KeyError):
        build_optimizer("nadam", 0.5, 1, SETTINGS)
