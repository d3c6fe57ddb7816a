"""A model's raw outputs as probabilities, losses and scores, and the scaling between a regression's units and them."""

from types import SimpleNamespace

import keras
import numpy as np
import pytest

from slanted.text.labels.targets import Target
from slanted.text.scoring.metrics import score_predictions
from slanted.text.scoring.outputs_and_losses import Scaling, first_bias, probabilities_of, task_loss, task_scores

NUMBERS = np.array([[1_000.0, 5.0], [3_000.0, 5.0], [2_000.0, 5.0]])
once = pytest.mark.once


@once
def test_numbers_are_scaled_to_mean_0_and_deviation_1_and_back():
    scaling = Scaling.of("regression", NUMBERS)
    learnt = scaling.to_model(NUMBERS)
    assert learnt.dtype == np.float32
    np.testing.assert_allclose(learnt[:, 0], [-np.sqrt(1.5), np.sqrt(1.5), 0.0], rtol=1e-6)
    assert learnt[:, 1].tolist() == [0.0, 0.0, 0.0]  # a constant target is only shifted
    np.testing.assert_allclose(scaling.to_units(learnt), NUMBERS, rtol=1e-6)


@once
@pytest.mark.parametrize("kind", ["single", "multilabel"])
def test_classes_and_labels_are_not_scaled(kind):
    scaling, y = Scaling.of(kind, np.array([0, 1])), np.array([0, 1])
    assert scaling == Scaling(None, None)
    assert scaling.to_model(y) is y and scaling.to_units(y) is y


@once
def test_the_last_layer_gives_the_units_by_itself():
    draw = np.random.default_rng(0)
    dense = keras.layers.Dense(2)
    dense.build((None, 4))
    dense.set_weights([draw.normal(size=(4, 2)), draw.normal(size=2)])
    inputs, scaling = draw.normal(size=(3, 4)).astype("float32"), Scaling.of("regression", NUMBERS)
    before = inputs @ dense.get_weights()[0] + dense.get_weights()[1]
    scaling.fold_into(SimpleNamespace(output_dense=dense))
    after = inputs @ dense.get_weights()[0] + dense.get_weights()[1]
    np.testing.assert_allclose(after, scaling.to_units(before), rtol=1e-5)
    weights = dense.get_weights()
    Scaling().fold_into(SimpleNamespace(output_dense=dense))
    for one, other in zip(dense.get_weights(), weights, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    ("kind", "y", "outputs", "loss"),
    [
        ("single", [0, 1], [[0.0, 0.0], [0.0, np.log(3)]], (np.log(2) - np.log(0.75)) / 2),
        ("multilabel", [[1.0, 0.0]], [[0.0, np.log(3)]], (np.log(2) - np.log(0.25)) / 2),
        ("regression", [[1.0], [2.0]], [[3.0], [2.0]], 2.0),
    ],
)
def test_the_loss_of_each_task_is_of_raw_outputs(kind, y, outputs, loss):
    found = task_loss(kind)(np.array(y), np.array(outputs, "float32"))
    assert float(found) == pytest.approx(loss, rel=1e-5)


@once
def test_several_labels_begin_at_their_finite_log_odds():
    y = np.array([[1, 0, 1], [1, 0, 0], [1, 0, 0]], "float32")
    np.testing.assert_allclose(first_bias("multilabel", y), np.log([3.5 / 0.5, 0.5 / 3.5, 1.5 / 2.5]))
    assert first_bias("single", np.array([0, 1])) is first_bias("regression", NUMBERS) is None


def test_weights_count_in_the_scaling_and_the_first_bias_as_repeated_rows_do():
    draw = np.random.default_rng(0)
    numbers, weights = draw.normal(5.0, 3.0, (6, 2)), np.float32([2, 1, 0, 3, 1, 0])
    rows = np.repeat(np.arange(6), weights.astype(int))
    weighed, repeated = Scaling.of("regression", numbers, weights), Scaling.of("regression", numbers[rows])
    np.testing.assert_allclose(weighed.mean, repeated.mean)
    np.testing.assert_allclose(weighed.deviation, repeated.deviation)
    constant = Scaling.of("regression", np.array([[3.0], [3.0], [9.0]]), np.float32([0.1, 0.7, 0.0]))
    assert (constant.mean.tolist(), constant.deviation.tolist()) == ([pytest.approx(3.0)], [1.0])
    labels = (numbers > 5.0).astype("float32")
    np.testing.assert_allclose(first_bias("multilabel", labels, weights), first_bias("multilabel", labels[rows]))


@once
def test_probabilities_are_float64_and_survive_large_outputs():
    outputs = np.array([[1e4, 1e4 - np.log(3)], [-1e4, 1e4]], "float64")
    np.testing.assert_allclose(probabilities_of("single", outputs), [[0.75, 0.25], [0.0, 1.0]], atol=1e-9)
    labels = probabilities_of("multilabel", np.array([[0.0, np.log(3), -np.log(3)]], "float32"))
    np.testing.assert_allclose(labels, [[0.5, 0.75, 0.25]], rtol=1e-6)
    numbers = probabilities_of("regression", np.array([[-2.5]], "float32"))
    assert numbers.dtype == labels.dtype == np.float64 and numbers.tolist() == [[-2.5]]


@once
def test_scores_of_outputs_are_those_of_their_probabilities():
    target, y, outputs = Target("single", ("ham", "spam")), np.array([0, 1, 1]), np.array([[2, 0], [0, 1], [1, 0]])
    expected = score_predictions(target, y, probabilities_of("single", outputs), "ham")
    assert task_scores(target, y, outputs, "ham") == expected
    assert expected["f1"] == pytest.approx(2 / 3)
