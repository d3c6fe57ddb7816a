"""A copy of an optimizer has the same state, and an update of it leaves the original as it is."""

import keras
import numpy as np
import pytest
from grouped_optimizers import grouped
from plain_keras import changed, gradients, variables

from slanted import CosineWarmup
from slanted.keras_private.loss_scaling import innermost, scheduled
from slanted.keras_private.optimizer_copy import copy_of

ADAM = {"weight_decay": 0.5, "use_ema": True}


def following():
    optimizer = scheduled(keras.optimizers.Adam(0.5, **ADAM))
    optimizer.follow(CosineWarmup(0.1))
    optimizer.begin_run(10, 0)
    return optimizer


def several():
    chosen = {"first": keras.optimizers.SGD(0.5, momentum=0.9)}
    return keras.optimizers.MultiOptimizer(keras.optimizers.OptimizerMap(keras.optimizers.Adam(0.5), chosen))


MADE = {
    "plain": lambda: keras.optimizers.Adam(0.5, **ADAM),
    "a function": lambda: keras.optimizers.Adam(lambda: 0.5),
    "accumulating": lambda: keras.optimizers.SGD(0.5, momentum=0.9, gradient_accumulation_steps=2),
    "scheduled": following,
    "grouped": lambda: grouped(keras.optimizers.Adam(0.5, **ADAM)),
    "scaled": lambda: keras.optimizers.LossScaleOptimizer(following(), initial_scale=2.0),
    "several": several,
}


def values(them):
    return [np.array(keras.ops.convert_to_numpy(variable)) for variable in them]


def same(some, others):
    return all(np.array_equal(one, other) for one, other in zip(some, others, strict=True))


def update(optimizer, trained):
    if keras.config.backend() != "jax" or optimizer is innermost(optimizer):
        optimizer.apply(gradients(), trained)
        return
    optimizer.build(trained)  # on JAX Keras scales the loss in compiled steps only
    state, weights = ([v.value for v in them] for them in (optimizer.variables, trained))
    weights, state = optimizer.stateless_apply(state, gradients(), weights)
    for variable, value in zip([*trained, *optimizer.variables], [*weights, *state], strict=True):
        variable.assign(value)


@pytest.mark.parametrize("built", [False, True])
@pytest.mark.parametrize("kind", MADE)
def test_it_goes_on_as_the_original_would_and_shares_no_variable_with_it(kind, built):
    def stepped(optimizer, trained):
        update(optimizer, trained)
        return values([*trained, *optimizer.variables])

    def made():
        trained, optimizer = variables(), MADE[kind]()
        if built:
            optimizer.build(trained)
            update(optimizer, trained)
        return trained, optimizer

    expected = stepped(*reversed(made()))
    trained, optimizer = made()
    start, before = values(trained), values(optimizer.variables)
    copy = copy_of(optimizer)
    assert type(copy) is type(optimizer) and copy.built == built
    assert same(stepped(copy, trained), expected) and same(values(optimizer.variables), before)
    assert not {id(v) for v in copy.variables} & {id(v) for v in optimizer.variables}
    for variable, value in zip(trained, start, strict=True):
        variable.assign(value)
    assert same(stepped(optimizer, trained), expected)


def test_it_knows_what_no_configuration_has():
    class Mine(keras.optimizers.SGD):
        def __init__(self, factor):
            super().__init__(0.5, weight_decay=0.5)
            self.factor = factor

    optimizer = Mine(3.0)
    optimizer.exclude_from_weight_decay(var_names=["second"])
    copy, trained = copy_of(optimizer), variables()
    copy.build(trained)
    assert copy.factor == 3.0 and [copy._use_weight_decay(v) for v in trained] == [True, False]


def test_a_later_change_of_the_rate_removes_the_variable_of_the_copy():
    copy = copy_of(keras.optimizers.SGD(0.5))
    copy.learning_rate = keras.optimizers.schedules.CosineDecay(0.5, 10)
    assert [v.name for v in copy.variables] == ["iteration"], changed("Tracker", "it untracks a variable by its id")
    assert innermost(copy) is copy


def test_the_rate_of_a_copy_is_its_own():
    optimizer = following()
    before = float(optimizer.learning_rate)
    copy = copy_of(optimizer)
    copy.learning_rate.assign(7.0)
    assert (float(copy.learning_rate), float(optimizer.learning_rate)) == (7.0, before)
