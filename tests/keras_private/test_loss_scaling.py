"""A scheduled optimizer within one that scales the loss."""

import keras
import numpy as np
import pytest
from applied import fit, model
from grouped_optimizers import grouped
from plain_keras import changed, gradients, spied, variables

from slanted.keras_private.grouped import GroupedOptimizer
from slanted.keras_private.loss_scaling import ScaledOptimizer, innermost, scheduled
from slanted.keras_private.plain_optimizer import mixed
from slanted.keras_private.scheduled import ScheduledOptimizer


def test_loss_scaling_wraps_an_inner_optimizer_and_lists_its_variables():
    inner = keras.optimizers.SGD(0.1, momentum=0.9)
    outer = keras.optimizers.LossScaleOptimizer(inner)
    outer.build(variables())
    assert outer.inner_optimizer is inner, changed("inner_optimizer", "it is the optimizer that was wrapped")
    own = len(vars(outer)["_variables"])
    assert len(outer.variables) == own + len(inner.variables), changed(
        "LossScaleOptimizer.variables", "they are its own and then the inner one's"
    )
    asked = keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(0.1))
    notes = spied(asked, "check_finite")
    fit(model(asked), 1)
    assert notes, changed("check_finite", "an application asks it")


def scaling(inner=None):
    return keras.optimizers.LossScaleOptimizer(inner or keras.optimizers.SGD(0.5, momentum=0.9))


def test_what_follows_the_curve_is_the_inner_optimizer():
    plain, outer = keras.optimizers.SGD(), scaling()
    assert innermost(plain) is plain and innermost(outer) is outer.inner_optimizer
    assert scheduled(plain) is plain and isinstance(plain, ScheduledOptimizer)
    for _ in range(2):
        assert scheduled(outer) is outer.inner_optimizer and isinstance(outer.inner_optimizer, ScheduledOptimizer)
        assert type(outer) is mixed(ScaledOptimizer, keras.optimizers.LossScaleOptimizer)


def test_it_writes_and_reads_as_many_variables_as_the_plain_one():
    plain, outer, theirs, ours = scaling(), scaling(), {}, {}
    scheduled(outer)
    for optimizer, store in ((plain, theirs), (outer, ours)):
        optimizer.build(variables())
        optimizer.save_own_variables(store)
    assert theirs.keys() == ours.keys() and len(outer.variables) > len(ours)
    plain.dynamic_scale.assign(8.0)
    plain.save_own_variables(theirs)
    outer.load_own_variables(theirs)
    assert float(keras.ops.convert_to_numpy(outer.dynamic_scale)) == 8.0


@pytest.mark.parametrize(("broken", "finite"), [(0, True), (1, False)])
def test_gradients_of_closed_groups_are_not_asked_whether_they_are_finite(broken, finite):
    outer = scaling(grouped(keras.optimizers.SGD()))
    assert isinstance(scheduled(outer), GroupedOptimizer)
    outer.build(variables())
    outer.inner_optimizer._open_only([False, True])
    grads = gradients()
    grads[broken] = grads[broken] * float("inf")
    assert bool(outer.check_finite(grads)) == finite


def test_a_configuration_makes_both_again():
    outer = scaling()
    scheduled(outer)
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(outer))
    assert type(again) is type(outer) and again.get_config() == outer.get_config()
    assert isinstance(again.inner_optimizer, ScheduledOptimizer) and again.inner_optimizer.momentum == 0.9


@pytest.mark.parametrize("built_before", [False, True])
@pytest.mark.parametrize("adopt", [ScheduledOptimizer.adopt, grouped])
def test_keras_s_own_class_around_a_scheduled_optimizer_reads_and_writes_what_a_plain_one_does(adopt, built_before):
    def built(adopt_inner, before=False):
        inner = keras.optimizers.Adam(0.5)
        if before:
            inner.build(variables())
        outer = keras.optimizers.LossScaleOptimizer(adopt_inner(inner))
        outer.build(inner._trainable_variables or variables())
        return outer

    def saved(optimizer):
        store = {}
        optimizer.save_own_variables(store)
        return {name: np.array(keras.ops.convert_to_numpy(value)) for name, value in store.items()}

    plain, ours = built(lambda inner: inner), built(adopt, built_before)
    assert type(ours) is keras.optimizers.LossScaleOptimizer
    plain.dynamic_scale.assign(64.0)
    ours.load_own_variables(saved(plain))
    again = built(adopt, not built_before)
    again.load_own_variables(saved(ours))
    assert saved(again).keys() == saved(plain).keys()
    for name, value in saved(plain).items():
        np.testing.assert_array_equal(saved(again)[name], value)
