"""Trial training: the learning rates, the loss of each batch, and the restored model."""

import keras
import numpy as np
import pytest
from applied import RELATIVE, model, total

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
