"""Every named recipe on a model of eight groups with one weight each: the applied learning rates, step by step."""

import keras
import numpy as np
import pytest
from group_sums import Trace, Weight, minus

from slanted import RunScheduler, plan, recipes

GROUPS = ["embeddings", *(f"block_{number}" for number in range(6)), "head"]
MULTIPLIERS = {"ulmfit": [2.6**-above for above in range(7, -1, -1)]}
MULTIPLIERS["sun2019"] = [1.0, *(0.95**above for above in range(5, -1, -1)), 1.0]
MULTIPLIERS["quick"] = [0.8**above for above in range(7, -1, -1)]
NEVER = 1000
OPENS_IN_EPOCH = {"ulmfit": [3, 3, 3, 3, 3, 2, 1, 0], "quick": [NEVER, NEVER, *[0] * 6]}


def applied(recipe, steps):
    """Return each group's weight after every step of a run with SGD at a peak of 1, and the model."""
    model = keras.Sequential([keras.Input((1,)), *(Weight(name=name) for name in GROUPS)])
    model.compile(recipe.make_optimizer(model, 1.0), loss=minus)
    trace, x = Trace(), np.zeros((steps, 1), "float32")
    callbacks = [RunScheduler(recipe.make_curve(1.0)), *recipe.make_callbacks(), trace]
    model.fit(x, x, batch_size=1, epochs=recipe.epochs, verbose=0, callbacks=callbacks)
    return np.array(trace.sums), model


@pytest.mark.parametrize("steps", [1, 5, 37])
@pytest.mark.parametrize("name", list(recipes()))
def test_the_rates_really_applied(name, steps):
    recipe = recipes()[name].with_settings(
        optimizer="sgd", momentum=0.0, weight_decay=0.0, epochs=min(8, recipes()[name].least_epochs)
    )
    recipe = recipe.with_settings(lr_max=1.0, clip_norm=1e9)  # a rate is what it is where nothing is clipped
    total = steps * recipe.epochs
    opens_at = steps * np.array(OPENS_IN_EPOCH.get(name, [0] * 8))
    multipliers = np.array(MULTIPLIERS.get(name, [1.0] * 8))
    opened = np.arange(total)[:, None] >= opens_at
    expected = recipe.make_curve(1.0).simulate(total)[:, None] * multipliers * opened
    sums, model = applied(recipe, steps)
    np.testing.assert_allclose(sums, expected.cumsum(axis=0), rtol=2e-5, atol=1e-7)
    planned = plan(model, recipe, total, steps_per_epoch=steps)
    assert [NEVER * steps if g.opens_at is None else g.opens_at for g in planned.groups] == opens_at.tolist()


@pytest.mark.parametrize("unfreezing", ["none", "top-down"])
def test_frozen_groups_are_not_trained_and_the_plan_says_so(unfreezing):
    recipe = recipes()["constant"].with_settings(
        optimizer="sgd", weight_decay=0.0, clip_norm=1e9, epochs=7, unfreezing=unfreezing, freeze=("embeddings",)
    )
    sums, model = applied(recipe, 2)
    opens_in = [14, *([0] * 7 if unfreezing == "none" else range(12, -1, -2))]
    expected = np.arange(14)[:, None] >= np.array(opens_in)
    np.testing.assert_allclose(sums, expected.cumsum(axis=0), rtol=2e-5)
    planned = plan(model, recipe, 14, lr_max=1.0, steps_per_epoch=2)
    assert [group.opens_at for group in planned.groups] == [None, *opens_in[1:]]
    assert not any("never opens" in warning for warning in planned.warnings)
    assert "embeddings" not in recipe.make_optimizer(model, 1.0).open_groups
