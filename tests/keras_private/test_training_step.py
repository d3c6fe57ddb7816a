"""The training step of a model marked as the step of its optimizers, and its state while it is interrupted."""

import keras
from applied import BACKEND, fit, model
from plain_keras import changed

from slanted.keras_private.loss_scaling import end_run
from slanted.keras_private.scheduled import ScheduledOptimizer
from slanted.keras_private.training_step import (
    count_by_application,
    count_by_batch,
    forget_state,
    has_other_variables,
    is_compiled_by_batch,
    is_on_host,
    is_readable,
    save_state,
)


def test_the_training_step_is_marked_once_and_given_back():
    trained = model()
    optimizer, other = (ScheduledOptimizer.adopt(keras.optimizers.SGD()) for _ in range(2))
    count_by_batch(trained, [optimizer], end_run)
    count_by_batch(trained, [optimizer, other], end_run)
    assert trained.make_train_function.driven == [optimizer, other] and not is_compiled_by_batch(trained)
    trained.make_train_function()
    first = trained.train_step
    assert is_compiled_by_batch(trained)
    trained.make_train_function()
    assert trained.train_step is first
    trained.make_train_function(force=True)
    assert trained.train_step is not first  # JAX would not trace the same function again
    count_by_application(trained)
    assert not vars(trained).keys() & {"train_step", "make_train_function"} and trained.train_function is None


def test_a_training_step_that_a_user_put_on_the_instance_is_given_back():
    trained = model()
    own = trained.train_step
    vars(trained)["train_step"] = own
    count_by_batch(trained, [], end_run)
    trained.make_train_function()
    assert trained.train_step is not own
    count_by_application(trained)
    assert trained.train_step is own


def test_the_trainer_calls_the_step_of_the_instance():
    trained, calls = model(), []
    plain = trained.train_step
    vars(trained)["train_step"] = lambda *arguments: (calls.append(1), plain(*arguments))[1]
    fit(trained, 2)
    assert calls, changed("make_train_function", "it compiles `self.train_step`")


def test_the_runs_of_an_earlier_fit_are_ended_by_the_next():
    trained, ended = model(), []
    first, second = (ScheduledOptimizer.adopt(keras.optimizers.SGD()) for _ in range(2))
    count_by_batch(trained, [first, second], ended.append)
    trained.make_train_function()
    trained.history = keras.callbacks.History()  # as `fit` does before it calls a callback
    count_by_batch(trained, [first], ended.append)
    trained.make_train_function()
    assert ended == [second] and is_compiled_by_batch(trained)
    trained.history = keras.callbacks.History()
    trained.make_train_function()
    assert ended == [second, first] and not vars(trained).keys() & {"train_step", "make_train_function"}
    before = trained.history
    fit(trained, 1)
    assert trained.history is not before, changed("CallbackList.set_model", "each `fit` has its own History")


def test_variables_of_another_model():
    first, second = model(), model()
    fit(first, 1)
    assert not has_other_variables(first.optimizer, first)
    assert has_other_variables(first.optimizer, second)
    assert not has_other_variables(second.optimizer, second)  # not built yet
    larger = [keras.Input((1,)), *first.layers, keras.layers.Dense(1)]
    assert has_other_variables(first.optimizer, keras.Sequential(larger))

    class InPart(keras.Sequential):
        def train_step(self, *arguments):
            return super().train_step(*arguments)

    part = InPart(larger)
    assert not has_other_variables(first.optimizer, part)
    first.layers[-1].trainable = False
    assert not has_other_variables(first.optimizer, part)


def test_a_variable_outside_a_compiled_step_is_readable():
    variable = keras.Variable(1.0)
    assert is_readable(variable) and is_on_host(variable)
    with keras.StatelessScope():
        assert is_readable(variable) == (BACKEND != "jax")
    with keras.StatelessScope(state_mapping=[(variable, keras.ops.convert_to_tensor(2.0))]):
        assert is_readable(variable)


def test_the_state_is_put_back_on_jax_alone():
    trained = model()
    fit(trained, 1)
    save_state(trained)
    assert ("jax_state_sync" in vars(trained)) == (BACKEND == "jax")
    if BACKEND == "jax":
        weight = trained.layers[-1].weight
        before = weight._value
        trained._get_jax_state(trainable_variables=True, purge_model_variables=True)
        assert weight._value is None, changed("_get_jax_state", "it takes the state out of the model")
        trained.jax_state_sync()
        assert weight._value is before and trained._jax_state is None
    forget_state(trained)
    assert "jax_state_sync" not in vars(trained)
