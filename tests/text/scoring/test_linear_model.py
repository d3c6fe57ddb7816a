"""Linear models on vectors: scikit-learn's own fit, the selected penalty, and the scale of a start."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression, Ridge

from slanted.text.scoring import linear_model
from slanted.text.scoring.linear_model import STRENGTHS, Weighing, fit_linear
from slanted.text.scoring.outputs_and_losses import probabilities_of

pytestmark = pytest.mark.once


def clouds(rows, classes, spread, features=12, seed=0):
    """Return vectors around a centre for each class, far from zero, and the classes."""
    draw = np.random.default_rng(seed)
    centres = draw.normal(0.0, 1.0, (classes, features))
    y = np.arange(rows) % classes
    return (100.0 + 5.0 * (centres[y] + draw.normal(0.0, spread, (rows, features)))).astype("float32"), y


def loss(linear, x, y, scale=1.0):
    shares = probabilities_of("single", scale * linear.outputs(x))
    return -np.log(shares[np.arange(len(y)), y]).mean()


def standardised(x):
    centred = x - x.mean(axis=0, dtype="float64")
    return centred / np.sqrt(np.square(centred).sum(axis=1).mean())


@pytest.mark.parametrize("classes", [2, 3, 7])
def test_classes_have_the_logistic_regression_of_scikit_learn(classes):
    x, y = clouds(140, classes, 1.5)
    linear = fit_linear("single", x, y, classes)
    assert linear.strength in STRENGTHS
    theirs = LogisticRegression(C=linear.strength, max_iter=1000).fit(standardised(x), y)
    shares = probabilities_of("single", linear.outputs(x))
    np.testing.assert_allclose(shares, theirs.predict_proba(standardised(x)), atol=0.02)


def test_the_scaled_loss_on_the_training_rows_is_the_out_of_fold_loss():
    x, y = clouds(60, 6, 1.5)
    linear = fit_linear("single", x, y, 6)
    shares = probabilities_of("single", linear.out_of_fold)
    expected = -np.log(shares[np.arange(60), y]).mean()
    assert loss(linear, x, y) < 0.8 * expected  # it is surer of its own rows
    assert loss(linear, x, y, linear.scale) == pytest.approx(expected, rel=1e-3)
    assert linear.quality == (linear.out_of_fold.argmax(axis=1) == y).mean()
    assert 0.0 < linear.scale < 1.0


def test_vectors_that_tell_nothing_of_the_labels_have_no_scale():
    x, y = clouds(60, 6, 1.5)
    linear = fit_linear("single", x, np.random.default_rng(1).permutation(y), 6)
    assert linear.scale < 0.1


@pytest.mark.parametrize("balanced", [False, True])
def test_the_shares_of_the_classes_alone_are_no_reason_for_a_start(balanced):
    x, _ = clouds(200, 2, 1.5)
    y = np.random.default_rng(0).permutation(np.arange(200) % 10 == 0).astype(int)
    assert fit_linear("single", x, y, 2, weighing=Weighing(balanced)).scale == 0.0
    assert (
        fit_linear(
            "multilabel", x, np.stack([y, 1 - y], axis=1).astype("float32"), 2, weighing=Weighing(balanced)
        ).scale
        == 0.0
    )


def test_a_class_of_a_single_row_and_one_without_a_row():
    x, y = clouds(31, 2, 0.5)
    y[0] = 2
    linear = fit_linear("single", x, y, 4)
    outputs = linear.outputs(x)
    assert np.isfinite(outputs).all() and linear.quality > 0.8
    assert (outputs.argmax(axis=1) != 3).all()


@pytest.mark.parametrize("rows", [1, 2, 3])
def test_hardly_any_rows(rows):
    x, y = clouds(rows, 2, 0.1)
    assert np.isfinite(fit_linear("single", x, y, 2).outputs(x)).all()


def test_several_labels_have_one_regression_each_and_constant_labels_their_odds():
    x, y = clouds(80, 4, 0.8)
    labels = np.stack([y == 0, y > 1, y >= 0, y < 0], axis=1).astype("float32")
    linear = fit_linear("multilabel", x, labels, 4)
    shares = probabilities_of("multilabel", linear.outputs(x))
    assert ((shares > 0.5) == (labels > 0.5)).mean() > 0.95
    np.testing.assert_allclose(shares[:, 2:], [[80.5 / 81.0, 0.5 / 81.0]] * 80, rtol=1e-6)


def test_numbers_have_the_ridge_regression_of_scikit_learn():
    x, _ = clouds(90, 3, 1.0)
    y = (x @ np.linspace(-1, 1, 12))[:, None] + np.random.default_rng(2).normal(0.0, 4.0, (90, 1))
    y = ((y - y.mean()) / y.std()).astype("float32")
    linear = fit_linear("regression", x, y, 1)
    theirs = Ridge(alpha=1.0 / linear.strength).fit(standardised(x), y[:, 0])
    np.testing.assert_allclose(linear.outputs(x)[:, 0], theirs.predict(standardised(x)), atol=1e-4)
    assert 0.0 < linear.scale <= 1.0 and 0.5 < linear.quality < 1.0


def test_balanced_classes_weigh_the_same():
    x, y = clouds(120, 2, 3.0)
    rare = np.flatnonzero((y == 0) | (np.arange(120) % 10 == 1))
    plain, balanced = (fit_linear("single", x[rare], y[rare], 2, weighing=Weighing(b)) for b in (False, True))
    share_of_rare = [probabilities_of("single", linear.outputs(x[rare]))[:, 1].mean() for linear in (plain, balanced)]
    assert share_of_rare[1] > share_of_rare[0] + 0.1


def test_many_rows_select_the_penalty_by_a_stratified_sample(monkeypatch):
    monkeypatch.setattr(linear_model, "ROWS_TO_SELECT_BY", 50)
    x, y = clouds(200, 5, 1.0)
    linear = fit_linear("single", x, y, 5)
    assert len(linear.rows) == len(linear.out_of_fold) == 50
    assert np.bincount(y[linear.rows]).tolist() == [10] * 5


def test_every_call_gives_the_same_result():
    x, y = clouds(60, 3, 1.5)
    one, other = (fit_linear("single", x, y, 3) for _ in range(2))
    assert np.array_equal(one.kernel, other.kernel) and one.scale == other.scale


@pytest.mark.parametrize("kind", ["single", "multilabel", "regression"])
def test_weights_of_rows_are_those_of_scikit_learn_and_move_the_model(kind, monkeypatch):
    monkeypatch.setattr(linear_model, "STRENGTHS", (3.0,))
    x, classes = clouds(90, 3, 1.5)
    y = {"single": classes, "multilabel": np.eye(3)[classes], "regression": np.eye(3)[classes]}[kind]
    equal, twice = np.ones(90), np.where(classes == 0, 2.0, 1.0)
    plain, same = (fit_linear(kind, x, y, 3, weighing=Weighing(rows=rows)) for rows in (None, equal))
    for name in ("kernel", "bias", "quality", "scale"):
        np.testing.assert_allclose(getattr(same, name), getattr(plain, name), rtol=2e-3, atol=2e-3)
    weighed = fit_linear(kind, x, y, 3, weighing=Weighing(rows=twice / twice.mean()))
    rows = np.repeat(np.arange(90), twice.astype(int))
    right = fit_linear(kind, x[rows], y[rows], 3)
    # C stands beside the number of rows, which is larger where they are written out.
    first, other, without = (model.outputs(x)[:, 0] for model in (weighed, right, plain))
    assert np.abs(first - other).mean() < 0.5 * np.abs(first - without).mean()
