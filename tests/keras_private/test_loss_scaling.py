"""A scheduled optimizer within one that scales the loss."""

import keras
import pytest
from applied import fit, model
from grouped_optimizers import grouped
from plain_keras import changed, gradients, spied, variables

from slanted.keras_private.grouped import GroupedOptimizer
from slanted.keras_private.loss_scaling import ScaledOptimizer, in_one_order, innermost, make_room_as, scheduled
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


@pytest.mark.parametrize("scaling", [False, True])
def test_variables_have_one_order_whether_an_optimizer_was_built_before_it_followed_a_curve(scaling):
    def made(built_before):
        inner = keras.optimizers.Adam(0.5)
        optimizer = keras.optimizers.LossScaleOptimizer(inner) if scaling else inner
        if built_before:
            optimizer.build(variables())
        scheduled(optimizer)
        if not built_before:
            optimizer.build(variables())
        return optimizer

    before, after = made(True), made(False)
    innermost(before).make_room(25)
    make_room_as(after, before)
    shapes = [[tuple(v.shape) for v in in_one_order(one)] for one in (before, after)]
    assert shapes[0] == shapes[1] and len(shapes[0]) == len(before.variables) == len(after.variables)
    assert [tuple(v.shape) for v in before.variables] != [tuple(v.shape) for v in after.variables]
    plain = keras.optimizers.Adam(0.5)
    assert in_one_order(plain) == plain.variables and make_room_as(plain, plain) is None
