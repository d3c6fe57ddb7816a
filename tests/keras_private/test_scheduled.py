"""An optimizer that follows a curve, and the private names of Keras's optimizer that it takes."""

import keras
import numpy as np
import pytest
from applied import BACKEND, model
from grouped_optimizers import grouped
from plain_keras import applied_to, changed, gradients, variables

import slanted
from slanted.errors import InputError
from slanted.keras_private.loss_scaling import scheduled
from slanted.keras_private.plain_optimizer import mixed
from slanted.keras_private.scheduled import ScheduledOptimizer

CURVE = slanted.LinearWarmup(1.0, warmup=0.2)


def test_track_variable_and_tracker():
    optimizer, extra = keras.optimizers.SGD(), keras.Variable([0.0], name="extra")
    optimizer.build(variables())
    optimizer._tracker.unlock()
    optimizer._track_variable(extra)
    meant = "a variable tracked after `build` is among `variables`"
    assert any(variable is extra for variable in optimizer.variables), changed("_tracker, _track_variable", meant)


def test_variables_are_read_from_an_attribute_and_new_ones_reach_the_same_list():
    optimizer = keras.optimizers.SGD(momentum=0.9)
    attributes = vars(optimizer)
    whole = attributes["_variables"]
    attributes["_variables"] = list(whole)[:1]
    assert len(optimizer.variables) == 1, changed(
        "_variables", "`variables` lists what the attribute `_variables` does"
    )
    attributes["_variables"] = whole
    optimizer.build(variables())
    assert len(optimizer.variables) == 4, changed("_variables", "`build` appends to the very list")


def test_iterations_count_every_application():
    optimizer = keras.optimizers.SGD(gradient_accumulation_steps=2)
    applied_to(optimizer, times=3)
    assert int(keras.ops.convert_to_numpy(optimizer._iterations)) == 3, changed(
        "_iterations", "it counts micro-batches"
    )
    assert int(keras.ops.convert_to_numpy(optimizer.iterations)) == 1


@pytest.mark.parametrize("weight_decay", [None, 0.5])
def test_get_current_learning_rate_is_what_the_update_and_weight_decay_use(weight_decay):
    optimizer = keras.optimizers.SGD(9.0, weight_decay=weight_decay)
    half = {"_get_current_learning_rate": lambda self: keras.ops.convert_to_tensor(0.5)}
    optimizer.__class__ = type("Halved", (type(optimizer),), half)
    first, second = applied_to(optimizer)
    kept = 1.0 if weight_decay is None else 0.75
    meant = "an update and its weight decay take the rate from it"
    for variable, before in ((first, [1.0, 2.0]), (second, [3.0])):
        expected = np.array(before) * kept - 0.5
        got = keras.ops.convert_to_numpy(variable)
        np.testing.assert_allclose(got, expected, 1e-6, err_msg=changed("_get_current_learning_rate", meant))


def test_learning_rate_is_a_property_over_a_variable_or_a_schedule():
    optimizer = keras.optimizers.SGD(0.5)
    meant = "a float rate is a variable in `_learning_rate`, among `variables`"
    assert isinstance(optimizer._learning_rate, keras.Variable), changed("_learning_rate", meant)
    assert any(variable is optimizer._learning_rate for variable in optimizer.variables), changed(
        "_learning_rate", meant
    )
    type(optimizer).learning_rate.fset(optimizer, 0.25)
    assert float(keras.ops.convert_to_numpy(optimizer._learning_rate)) == 0.25
    scheduled = keras.optimizers.SGD(slanted.LinearWarmup(1.0, total_steps=3))
    assert isinstance(scheduled._learning_rate, slanted.LinearWarmup), changed(
        "_learning_rate", "a schedule stays itself"
    )


if BACKEND == "tensorflow":

    @pytest.mark.filterwarnings("ignore:Your input ran out of data")
    def test_tensorflow_counts_an_iteration_without_data():
        """When this fails, `once_there_is_data` has become unnecessary."""
        import tensorflow as tf

        ones = np.ones((6, 1), "float32")
        unsized = tf.data.Dataset.from_tensor_slices((ones, ones)).batch(1).filter(lambda x, y: True)
        trained = model()
        trained.fit(unsized, epochs=3, shuffle=False, verbose=0)
        assert int(trained.optimizer.iterations) == 21


# -- an optimizer that follows a curve --------------------------------------------------------------------------------


def rate(optimizer):
    return float(keras.ops.convert_to_numpy(optimizer.learning_rate))


def following(curve=CURVE, total_steps=10):
    """Return an optimizer at the beginning of a run, built."""
    optimizer = ScheduledOptimizer.adopt(keras.optimizers.SGD(9.0, momentum=0.5))
    optimizer.build(variables())
    optimizer.follow(curve)
    optimizer.begin_run(total_steps, 0)
    return optimizer


def test_an_optimizer_is_adopted_in_place_and_once():
    plain = keras.optimizers.SGD(0.25)
    optimizer = ScheduledOptimizer.adopt(plain)
    assert optimizer is plain and isinstance(optimizer, keras.optimizers.SGD)
    made, count = type(optimizer), len(optimizer.variables)
    assert ScheduledOptimizer.adopt(optimizer) is plain and len(plain.variables) == count
    assert type(plain) is made is mixed(ScheduledOptimizer, type(keras.optimizers.SGD()))
    assert rate(optimizer) == 0.25 and optimizer.curve is None


def test_the_rate_is_the_curve_s_at_the_batches_that_were_applied():
    optimizer, rates = following(), []
    for _ in range(10):
        rates.append(rate(optimizer))
        optimizer.apply(gradients())
    np.testing.assert_allclose(rates, CURVE.simulate(10), rtol=1e-6)
    assert (optimizer.batches_seen, optimizer.elapsed) == (10, 10)


def test_a_second_run_counts_from_its_own_first_batch():
    optimizer = following()
    optimizer.apply(gradients())
    optimizer.begin_run(20, 5)
    assert optimizer.elapsed == 5 and rate(optimizer) == pytest.approx(CURVE.at([5], 20)[0])
    optimizer.apply(gradients())
    optimizer.begin_run(20, None)
    assert optimizer.elapsed == 6 and optimizer.batches_seen == 2


def test_only_another_shape_of_the_curve_needs_another_compiled_step():
    optimizer = following()
    assert not optimizer.follow(slanted.LinearWarmup(1.0, 77, warmup=0.2))
    assert optimizer.follow(slanted.LinearWarmup(2.0, warmup=0.2))
    assert optimizer.follow(slanted.CosineWarmup(2.0))


def test_a_number_replaces_the_curve_until_another_run_is_awaited():
    optimizer = following()
    optimizer.learning_rate = 0.125
    assert rate(optimizer) == 0.125
    optimizer.begin_run(10, 4)
    assert rate(optimizer) == 0.125
    optimizer.await_run()
    optimizer.begin_run(10, 4)
    assert rate(optimizer) == pytest.approx(CURVE.at([4], 10)[0])


def test_a_configuration_makes_the_optimizer_again_with_the_length_the_curve_has():
    bound = following(slanted.LinearWarmup(1.0, total_steps=10))
    again = ScheduledOptimizer.from_config(bound.get_config())
    assert type(again) is type(bound) and again.get_config() == bound.get_config()
    assert rate(again) == 0.0 and again.momentum == 0.5
    unbound = ScheduledOptimizer.from_config(following().get_config())
    assert rate(unbound) == pytest.approx(rate(following()))


def test_it_writes_what_the_plain_optimizer_does_with_the_rate_that_was_reached():
    optimizer, plain, ours, theirs = following(), keras.optimizers.SGD(0.25, momentum=0.5), {}, {}
    applied_to(plain)
    optimizer.begin_run(10, 4)
    optimizer.save_own_variables(ours)
    plain.save_own_variables(theirs)
    assert {key: np.shape(value) for key, value in ours.items()} == {
        key: np.shape(keras.ops.convert_to_numpy(value)) for key, value in theirs.items()
    }
    (place,) = [key for key, variable in enumerate(plain.variables) if variable is plain._learning_rate]
    assert float(ours[str(place)]) == pytest.approx(CURVE.at([4], 10)[0])


def test_the_plain_variables_are_listed_for_a_while_also_where_that_fails():
    optimizer = following()
    every = list(optimizer.variables)
    with pytest.raises(ZeroDivisionError), optimizer.with_plain_variables():
        assert len(optimizer.variables) == len(every) - 2
        raise ZeroDivisionError
    assert [id(variable) for variable in optimizer.variables] == [id(variable) for variable in every]


@pytest.mark.once
@pytest.mark.parametrize("wrap", [lambda inner: inner, keras.optimizers.LossScaleOptimizer])
def test_an_optimizer_that_needs_no_curve_is_refused(wrap):
    free = keras.optimizers.ScheduleFreeAdamW()
    with pytest.raises(InputError) as refused:
        scheduled(wrap(free))
    assert type(free) is keras.optimizers.ScheduleFreeAdamW
    assert str(refused.value) == (
        "ScheduleFreeAdamW takes no curve and no layer rates: its average of weights counts each step alike, "
        "whatever the rate, and Keras does not evaluate that average. Use AdamW."
    )
    with pytest.raises(InputError, match="ScheduleFreeAdamW takes no curve and no layer rates"):
        grouped(free)
