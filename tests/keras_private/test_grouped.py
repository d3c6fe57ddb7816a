"""An optimizer with layer groups, and the private names of Keras's optimizer that it takes."""

import keras
import numpy as np
import pytest
from grouped_optimizers import grouped
from plain_keras import applied_to, changed, gradients, spied


@pytest.mark.parametrize(
    ("name", "calls"),
    [
        ("_backend_apply_gradients", 1),
        ("_backend_update_step", 1),
        ("_filter_empty_gradients", 1),
        ("_apply_weight_decay", 1),
        ("_update_model_variables_moving_average", 1),
    ],
)
def test_hooks_are_called_once_an_application(name, calls):
    optimizer = keras.optimizers.SGD(0.1, weight_decay=0.1, use_ema=True)
    notes = spied(optimizer, name)
    applied_to(optimizer, times=2)
    assert len(notes) == 2 * calls, changed(name, f"`apply` calls it {calls} time(s)")


def test_use_weight_decay_is_asked_for_every_variable():
    optimizer = keras.optimizers.SGD(0.1, weight_decay=0.1)
    notes = spied(optimizer, "_use_weight_decay")
    applied_to(optimizer)
    assert len(notes) == 2, changed("_use_weight_decay", "weight decay asks it for each variable")
    assert optimizer._use_weight_decay(optimizer._trainable_variables[0]) is True


def test_lists_by_the_index_of_a_variable():
    optimizer = keras.optimizers.SGD(0.1, use_ema=True, gradient_accumulation_steps=2)
    trained = applied_to(optimizer)
    meant = "it is parallel to the variables the optimizer was built with"
    assert [optimizer._get_variable_index(variable) for variable in trained] == [0, 1], changed(
        "_get_variable_index", meant
    )
    for name in ("_trainable_variables", "_accumulated_gradients", "_model_variables_moving_average"):
        shapes = [tuple(variable.shape) for variable in getattr(optimizer, name)]
        assert shapes == [(2,), (1,)], changed(name, meant)


# -- an optimizer with groups -----------------------------------------------------------------------------------------


def values(variables):
    return [keras.ops.convert_to_numpy(variable).tolist() for variable in variables]


def updates(optimizer):
    return values([optimizer._group_state.updates])[0]


def test_each_group_has_its_own_rate():
    assert values(applied_to(grouped(keras.optimizers.SGD(0.5)), times=2)) == [[0.5, 1.5], [2.0]]


def test_a_closed_group_neither_moves_nor_counts():
    optimizer = grouped(keras.optimizers.SGD(0.5, weight_decay=0.5))
    optimizer._open_only([False, True])
    first, second = values(applied_to(optimizer, times=2))
    assert first == [1.0, 2.0] and second != [3.0]
    assert updates(optimizer) == [0, 2]


def test_accumulated_batches_count_as_one_update_and_are_dropped_as_a_group_closes():
    optimizer = grouped(keras.optimizers.SGD(1.0, gradient_accumulation_steps=4))
    applied_to(optimizer, times=6)
    assert updates(optimizer) == [1, 1]
    assert values(optimizer._accumulated_gradients) == [[2.0, 2.0], [2.0]]
    optimizer._open_only([True, False])
    assert values(optimizer._accumulated_gradients) == [[2.0, 2.0], [0.0]]


def test_weight_decay_goes_by_the_group_s_rate_and_leaves_out_what_it_is_told_to():
    optimizer = grouped(keras.optimizers.SGD(0.5, weight_decay=0.25), scales=(0.5, 1.0), decays=(True, False))
    trained = applied_to(optimizer)
    assert values(trained) == [[1.0 - 0.25 * 0.25 - 0.25, 2.0 - 2.0 * 0.25 * 0.25 - 0.25], [2.5]]
    assert [optimizer.decays(variable) for variable in trained] == [True, False]


def test_a_group_that_opens_later_has_a_bias_correction_of_its_own():
    optimizer = grouped(keras.optimizers.Adam(0.5, epsilon=1e-12), scales=(1.0, 1.0))
    trained = applied_to(optimizer, times=0)
    for is_open in ([False, True], [False, True], [True, True]):
        optimizer._open_only(is_open)
        optimizer.apply(gradients(), trained)
    np.testing.assert_allclose(np.concatenate(values(trained)), [0.5, 1.5, 1.5], rtol=1e-5)
    assert int(keras.ops.convert_to_numpy(optimizer.iterations)) == 3


def test_what_belongs_to_open_groups_is_picked_out():
    optimizer = grouped(keras.optimizers.SGD())
    assert optimizer.of_open_groups(["a", "b"]) == ["a", "b"]
    optimizer._open_only([False, True])
    assert optimizer.of_open_groups(["a", "b"]) == ["b"]
