"""The values that a recipe's settings may have: every choice works."""

import keras
import pytest

from slanted.recipe import choices
from slanted.recipe.recipe import Recipe

pytestmark = pytest.mark.once


@pytest.mark.parametrize("curve", choices.CURVES)
def test_every_curve_is_made_with_its_own_warm_up(curve):
    made = Recipe(curve=curve).make_curve(0.5, 40)
    assert made.simulate().max() == pytest.approx(0.5, rel=0.03)
    assert getattr(made, "warmup", choices.warmup_of(curve)) == choices.warmup_of(curve)


@pytest.mark.parametrize("optimizer", choices.OPTIMIZERS)
def test_every_optimizer_is_keras_s(optimizer):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    assert isinstance(Recipe(optimizer=optimizer).make_optimizer(model, 0.1), keras.optimizers.Optimizer)


def test_a_curve_that_is_no_name_has_the_usual_warm_up():
    assert choices.warmup_of(None) == choices.warmup_of(["constant"]) == choices.WARMUP
