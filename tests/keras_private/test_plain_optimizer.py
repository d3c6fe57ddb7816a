"""From a plain optimizer to a mixed class and back, and pickles of both."""

import pickle

import keras
import pytest
from plain_keras import changed, variables

import slanted
from slanted.keras_private.plain_optimizer import as_plain, mixed, recall_run, release
from slanted.keras_private.scheduled import ScheduledOptimizer

CURVE = slanted.LinearWarmup(1.0, warmup=0.2)


def in_a_run(optimizer, elapsed=4):
    optimizer.build(variables())
    ScheduledOptimizer.adopt(optimizer).follow(CURVE)
    optimizer.begin_run(10, elapsed)
    return optimizer


def test_the_tracker_appends_to_the_list_of_its_configuration():
    optimizer, added = keras.optimizers.SGD(0.5), keras.Variable(0.0)
    is_variable, tracked = optimizer._tracker.config["variables"]
    assert is_variable(added) and tracked is optimizer._variables, changed("_tracker.config", "it has the list itself")
    ids = set(map(id, optimizer.variables))
    assert set(optimizer._tracker.stored_ids["variables"]) == ids, changed(
        "_tracker.stored_ids", "they are of variables"
    )


@pytest.mark.parametrize("make", [keras.optimizers.SGD, keras.optimizers.Adam])
def test_a_released_optimizer_is_what_it_was(make):
    optimizer, plain = make(0.25), make(0.25)
    before = vars(optimizer).keys() | vars(plain).keys()
    in_a_run(optimizer, elapsed=3)
    optimizer.apply([keras.ops.zeros(variable.shape) for variable in optimizer._trainable_variables])
    plain.build(variables())
    assert type(optimizer) is mixed(ScheduledOptimizer, type(plain)) and type(optimizer) is not type(plain)
    optimizer.end_run()
    release(optimizer)
    assert type(optimizer) is type(plain) and vars(optimizer).keys() == vars(plain).keys() >= before
    assert [v.path.split("/")[-1] for v in optimizer.variables] == [v.path.split("/")[-1] for v in plain.variables]
    assert float(optimizer.learning_rate) == pytest.approx(CURVE.at([3], 10)[0])


def test_the_position_in_a_run_is_recalled_with_a_rate_that_was_set_since():
    optimizer = in_a_run(keras.optimizers.SGD(0.25))
    optimizer.end_run()
    release(optimizer)
    ScheduledOptimizer.adopt(optimizer)
    assert optimizer.elapsed == 4 and optimizer._run.set_rate is None
    release(optimizer)
    optimizer.learning_rate = 0.125
    ScheduledOptimizer.adopt(optimizer)
    assert optimizer.elapsed == 4 and optimizer._run.set_rate == 0.125
    recall_run(optimizer)  # once
    assert optimizer.elapsed == 4


def test_as_plain_for_a_while_also_where_that_fails():
    optimizer = ScheduledOptimizer.adopt(keras.optimizers.SGD(0.25))
    adopted = type(optimizer)
    with pytest.raises(ZeroDivisionError), as_plain(optimizer):
        assert type(optimizer) is adopted.plain_class
        raise ZeroDivisionError
    assert type(optimizer) is adopted


@pytest.mark.filterwarnings("ignore:Skipping variable loading for optimizer")
def test_a_pickle_in_a_run_and_after_it():
    optimizer = in_a_run(keras.optimizers.SGD(0.25, momentum=0.5))
    again = pickle.loads(pickle.dumps(optimizer))
    assert type(again) is type(optimizer) and again.curve == CURVE and again.momentum == 0.5
    scaled = keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(0.25))
    from slanted.keras_private.loss_scaling import end_run, scheduled

    scheduled(scaled)
    assert type(pickle.loads(pickle.dumps(scaled))) is type(scaled)
    end_run(scaled)
    assert type(scaled) is keras.optimizers.LossScaleOptimizer
    optimizer.end_run()
    release(optimizer)
    assert type(pickle.loads(pickle.dumps(optimizer))) is type(optimizer)
