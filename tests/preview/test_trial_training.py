"""Trial training: the learning rates, the loss of each batch, and the restored model."""

import keras
import numpy as np
import pytest
from applied import BACKEND, FAST, RELATIVE, Sum, model, total

import slanted
from slanted.errors import InputError
from slanted.preview.trial_training import LastLoss, TrialCurve, TrialModel

once = pytest.mark.once


@once
def test_the_trials_curves_share_a_compiled_step_and_are_what_they_say():
    sweep, triangle = TrialCurve(1e-6, 50, 1e-2), TrialCurve(0.5, 50)
    assert sweep.get_config() == triangle.get_config()
    np.testing.assert_allclose(sweep.simulate(), np.geomspace(1e-6, 1e-2, 50), rtol=1e-9)
    np.testing.assert_allclose(triangle.simulate(), slanted.SlantedTriangular(0.5).simulate(50), rtol=1e-9)


BATCHES = [(np.full((1, 1), value, "float32"), np.ones((1, 1), "float32")) for value in (1.0, 2.0)]


X = np.ones((4, 2), "float32")


def never(losses):
    return False


def expected_losses(curve, steps, start):
    """Return minus weight times input: each batch moves the weight by its rate times its input."""
    inputs = np.resize([1.0, 2.0], steps)
    moved = np.cumsum(curve.simulate()[:steps] * inputs)
    return -(start + np.concatenate([[0.0], moved[:-1]])) * inputs


def test_each_run_begins_where_the_model_stands_and_takes_the_batches_in_turn():
    trained = model()
    trained.layers[-1].weight.assign(2.0)
    with TrialModel.restoring(trained) as trial:
        for curve in (TrialCurve(0.5, 5), TrialCurve(0.5, 5), TrialCurve(1e-3, 5, 1e-1)):
            losses = trial.run(BATCHES, curve, never)
            np.testing.assert_allclose(losses, expected_losses(curve, 5, 2.0), rtol=RELATIVE)
    assert total(trained) == 2.0


class SumAndZero(Sum):
    """Has a second weight, which is 0 and stays 0: Keras needs one that decays."""

    def build(self, input_shape):
        self.zero = self.add_weight(shape=(), initializer="zeros", name="zero")
        super().build(input_shape)

    def call(self, inputs):
        return super().call(inputs) + 0.0 * self.zero


def excluded():
    optimizer = keras.optimizers.SGD(1.0, weight_decay=0.5)
    optimizer.exclude_from_weight_decay(var_names=["weight"])
    return optimizer


def without_a_configuration():
    class Mine(keras.optimizers.SGD):
        def __init__(self, factor):
            super().__init__(factor)

    return Mine(1.0)


@pytest.mark.parametrize("made", [excluded, without_a_configuration, lambda: keras.optimizers.SGD(lambda: 1.0)])
def test_the_trials_train_with_all_that_the_optimizer_was_set_to(made):
    trained, curve = model(made(), SumAndZero), TrialCurve(0.5, 5)
    trained.layers[-1].weight.assign(2.0)
    with TrialModel.restoring(trained) as trial:
        np.testing.assert_allclose(trial.run(BATCHES, curve, never), expected_losses(curve, 5, 2.0), rtol=RELATIVE)


def test_an_optimizer_built_on_more_variables_than_are_trained_now_serves_where_keras_trains_with_it():
    def trained_and_partly_frozen():
        keras.utils.set_random_seed(0)
        built = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3), keras.layers.Dense(1)])
        built.compile(keras.optimizers.Adam(0.1), "mse", **FAST)
        built.fit(X, X[:, :1], verbose=0)
        built.layers[0].trainable = False
        built.compile(built.optimizer, "mse", **FAST)
        return built

    ends = []
    for searched in (False, True):
        built = trained_and_partly_frozen()
        try:
            if searched:
                with TrialModel.restoring(built) as trial:
                    assert len(trial.run([(X, X[:, :1])], TrialCurve(0.5, 5), never)) == 5
            built.fit(X, X[:, :1], verbose=0)
        except ValueError as error:  # JAX: Keras's own limit, the same with and without a search
            assert BACKEND == "jax"
            ends.append(str(error)[:80])
        else:
            ends.append(
                [keras.ops.convert_to_numpy(v).tolist() for v in [*built.variables, *built.optimizer.variables]]
            )
    assert ends[0] == ends[1]


def test_a_run_ends_where_it_is_said_to_diverge_or_the_loss_is_not_finite():
    infinite = (np.full((1, 1), np.inf, "float32"), np.ones((1, 1), "float32"))
    with TrialModel.restoring(model()) as trial:
        curve = TrialCurve(0.5, 9)
        assert len(trial.run(BATCHES, curve, lambda losses: len(losses) == 3)) == 3
        broken = trial.run([BATCHES[0], BATCHES[1], infinite], curve, never)
    assert np.isfinite(broken).tolist() == [True, True, False]


def test_weights_and_random_numbers_are_put_back_after_an_exception_too():
    trained, draws = model(), []
    trained.layers[-1].weight.assign(2.0)
    for failing in (False, True):
        np.random.seed(7)
        if failing:
            with pytest.raises(ZeroDivisionError), TrialModel.restoring(trained) as trial:
                trial.run(BATCHES, TrialCurve(0.5, 3), never)
                np.random.random(5)
                raise ZeroDivisionError
        draws.append(np.random.random(3).tolist())
    assert total(trained) == 2.0 and draws[0] == draws[1]


def test_the_loss_is_that_of_the_last_batch_alone():
    metric = LastLoss()
    for loss in (3.0, 5.0):
        metric.update_state(loss)
    assert float(keras.ops.convert_to_numpy(metric.result())) == 5.0 and metric.name == "batch_loss"


def test_a_model_with_a_loss_of_its_own_is_refused():
    class Own(keras.Model):
        def compute_loss(self, *arguments, **settings):
            return 0.0

    inputs = keras.Input((1,))
    own = Own(inputs, keras.layers.Dense(1)(inputs))
    own.compile("sgd", "mse")
    with pytest.raises(InputError) as raised:
        TrialModel(own)
    assert str(raised.value) == (
        "A learning rate is searched with Keras's own training step. Received: Own, which overrides `compute_loss`. "
        "Pass a model that does not override it."
    )
