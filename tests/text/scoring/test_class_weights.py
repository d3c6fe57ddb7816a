"""`--class-weight balanced`: the weights are scikit-learn's, and what is trained is what sample weights would train."""

import keras
import numpy as np
import pytest
import tiny
from sklearn.utils.class_weight import compute_class_weight

from slanted import TextClassifier
from slanted.recipe.named import recipes
from slanted.text.scoring.class_weights import BalancedLoss, balanced_weights
from slanted.text.scoring.outputs_and_losses import task_loss

DRAW = np.random.default_rng(0)
CLASSES = DRAW.permutation(np.repeat([0, 1, 2], [25, 10, 5])).astype("int32")
LABELS = (DRAW.random((40, 3)) < [0.5, 0.2, 0.1]).astype("float32")
INPUTS = DRAW.normal(size=(40, 4)).astype("float32")


def test_weights_of_classes_are_scikit_learn_s():
    expected = compute_class_weight("balanced", classes=np.arange(3), y=CLASSES)
    weights = balanced_weights("single", CLASSES, 3)
    np.testing.assert_allclose(weights, expected, rtol=1e-6)
    assert weights[CLASSES].mean() == pytest.approx(1.0)


def test_each_label_is_weighed_as_two_classes():
    weights = balanced_weights("multilabel", LABELS, 3)
    for label in range(3):
        expected = compute_class_weight("balanced", classes=np.array([0, 1]), y=LABELS[:, label].astype(int))
        np.testing.assert_allclose(weights[:, label], expected, rtol=1e-6)


def test_a_class_without_rows_has_a_weight():
    np.testing.assert_allclose(balanced_weights("single", np.array([0, 0, 1]), 3), [0.5, 1.0, 1.0])
    np.testing.assert_allclose(balanced_weights("multilabel", np.ones((4, 1), "float32"), 1), [[2.0], [0.5]])


def test_weights_of_rows_are_counted_in_those_of_classes():
    """All classes have the same total weight, that of the rows included: 2 counts as the row twice, 0 as none."""
    of_rows, classes = np.float32([2, 0, 1, 1, 0.5]), np.array([0, 0, 1, 1, 2])
    weights = balanced_weights("single", classes, 4, of_rows)
    np.testing.assert_allclose(weights[:3] * [2.0, 2.0, 0.5], 4.5 / 4)
    labels = np.float32([[1], [0], [1], [0], [0]])
    of_labels = balanced_weights("multilabel", labels, 1, of_rows)
    np.testing.assert_allclose(of_labels[:, 0] * [1.5, 3.0], 2.25)
    np.testing.assert_allclose(balanced_weights("multilabel", labels[[0]], 1, of_rows[:1] / 3), [[1 / 3], [0.5]], 1e-6)


def test_the_loss_of_classes_by_hand():
    weights, outputs = np.array([0.5, 2.0, 4.0], "float32"), DRAW.normal(size=(5, 3)).astype("float32")
    y = np.array([0, 1, 2, 2, 0])
    probabilities = np.exp(outputs) / np.exp(outputs).sum(axis=1, keepdims=True)
    expected = -(weights[y] * np.log(probabilities[np.arange(5), y])).mean()
    assert float(BalancedLoss("single", weights)(y, outputs)) == pytest.approx(expected, rel=1e-5)


def test_the_loss_of_labels_by_hand():
    weights, outputs = DRAW.random((2, 3)).astype("float32") + 0.5, DRAW.normal(size=(5, 3)).astype("float32")
    y = np.array([[0, 1, 1], [1, 0, 0], [1, 1, 1], [0, 0, 0], [0, 1, 0]], "float32")
    probabilities = 1 / (1 + np.exp(-outputs))
    losses = -np.where(y > 0, weights[1] * np.log(probabilities), weights[0] * np.log(1 - probabilities))
    assert float(BalancedLoss("multilabel", weights)(y, outputs)) == pytest.approx(losses.mean(), rel=1e-5)


def test_equal_weights_change_nothing():
    outputs = DRAW.normal(size=(40, 3)).astype("float32")
    for kind, y in (("single", CLASSES), ("multilabel", LABELS)):
        weights = np.ones(3 if kind == "single" else (2, 3), "float32")
        assert float(BalancedLoss(kind, weights)(y, outputs)) == pytest.approx(float(task_loss(kind)(y, outputs)))


def trained(loss, **fit):
    layer = keras.layers.Dense(3, kernel_initializer="zeros")
    model = keras.Sequential([keras.Input((4,)), layer])
    model.compile(optimizer=keras.optimizers.SGD(0.5), loss=loss)
    history = model.fit(INPUTS, CLASSES, batch_size=16, epochs=3, shuffle=False, verbose=0, **fit)
    return layer.get_weights(), history.history["loss"]


def test_training_is_that_with_keras_s_sample_weights(fresh_keras):
    weights = balanced_weights("single", CLASSES, 3)
    mine, losses = trained(BalancedLoss("single", weights))
    theirs, weighed = trained(task_loss("single"), sample_weight=weights[CLASSES])
    plain, _ = trained(task_loss("single"))
    for one, other, without in zip(mine, theirs, plain, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-7)
        assert np.abs(one - without).max() > 0.01
    np.testing.assert_allclose(losses, weighed, rtol=1e-5)


RANDOM = recipes()["stlr"].with_settings(head_start="random")
SMALL = {
    "recipe": RANDOM,
    "lr": 0.01,
    "batch_size": 8,
    "max_tokens": 16,
    "precision": "float32",
    "epochs": 3,
    "valid_share": 0.2,
}


def rare(count=60):
    """Texts that say nothing of their label, one of six of which is rare."""
    texts, _ = tiny.examples(count, ("x",))
    return texts, ["rare" if at % 6 == 0 else "often" for at in range(count)]


def test_a_rare_class_counts_for_as_much_as_a_frequent_one(tiny_model):
    texts, labels = rare()
    plain, balanced = [
        TextClassifier(tiny_model, class_weight=weight, **SMALL).fit(texts, labels) for weight in (None, "balanced")
    ]
    assert balanced.predict_proba(texts)[:, 1].mean() > plain.predict_proba(texts)[:, 1].mean() + 0.1
    # the first batch's own loss is the weighted one: log 2 times the mean weight of its rows
    assert plain.history_.steps[0][2] == pytest.approx(np.log(2), abs=0.1)
    ratio = balanced.history_.steps[0][2] / plain.history_.steps[0][2]
    weights = {"rare": 3.0, "often": 0.6}
    means = [(weights["rare"] * count + weights["often"] * (8 - count)) / 8 for count in range(9)]
    assert np.abs(np.array(means) - ratio).min() < 0.05
    # validation is not weighed
    assert balanced.history_.epochs[0]["loss"] == pytest.approx(np.log(2), abs=0.2)


def test_several_labels(tiny_model):
    texts, labels = rare()
    several = np.array([[label == "rare", label == "often"] for label in labels], int)
    plain, balanced = [
        TextClassifier(tiny_model, class_weight=weight, **SMALL).fit(texts, several) for weight in (None, "balanced")
    ]
    assert balanced.predict_proba(texts)[:, 0].mean() > plain.predict_proba(texts)[:, 0].mean() + 0.1


def test_several_labels_begin_at_their_shares_of_the_rows(tiny_model):
    texts, labels = rare()
    several = np.array([[label == "rare", label == "often", True] for label in labels], int)
    still = {**SMALL, "lr": 1e-7, "epochs": 1, "valid_share": 0.0}
    begun = TextClassifier(tiny_model, **still).fit(texts, several).predict_proba(texts)
    odds = np.array([10.5 / 50.5, 50.5 / 10.5, 60.5 / 0.5])
    np.testing.assert_allclose(begun.mean(axis=0), odds / (1 + odds), atol=0.02)
    balanced = TextClassifier(tiny_model, class_weight="balanced", **still).fit(texts, several).predict_proba(texts)
    np.testing.assert_allclose(balanced.mean(axis=0), 0.5, atol=0.05)
