"""Intervals of scores on few rows: Wilson's for the accuracy, the bootstrap for the others."""

import numpy as np
import pytest
from scipy import stats
from sklearn import metrics

from slanted.text.labels.targets import Target
from slanted.text.scoring.intervals import FEW_ROWS, RESAMPLES, SEED, score_intervals, wilson_interval

pytestmark = pytest.mark.once

CLASSES = Target("single", ("x", "y", "z"))


@pytest.mark.parametrize(("right", "rows"), [(0, 5), (13, 16), (150, 199), (16, 16)])
def test_the_interval_of_a_share_is_that_of_scipy(right, rows):
    expected = stats.binomtest(right, rows).proportion_ci(0.95, "wilson")
    assert wilson_interval(right / rows, rows) == pytest.approx((expected.low, expected.high), abs=1e-6)


def test_classes_have_wilson_s_interval_and_that_of_the_resampled_macro_f1():
    draw = np.random.default_rng(7)
    y, probabilities = draw.integers(3, size=60), draw.dirichlet([1, 1, 1], size=60)
    probabilities[np.arange(60), y] += 0.4
    predicted, resample = probabilities.argmax(axis=1), np.random.default_rng(SEED)
    samples = [resample.integers(60, size=60) for _ in range(RESAMPLES)]
    values = [metrics.f1_score(y[at], predicted[at], average="macro") for at in samples]
    found = score_intervals(CLASSES, y, probabilities)
    assert list(found) == ["accuracy", "macro_f1"]
    assert found["accuracy"] == pytest.approx(wilson_interval(float((predicted == y).mean()), 60))
    assert found["macro_f1"] == pytest.approx(np.percentile(values, [2.5, 97.5]).tolist())


def test_several_labels_are_decided_by_their_thresholds():
    draw = np.random.default_rng(0)
    y, probabilities = (draw.random((50, 2)) < 0.4).astype(float), draw.random((50, 2))
    found = score_intervals(Target("multilabel", ("a", "b")), y, probabilities, np.array([0.3, 0.7]))
    predicted = probabilities >= [0.3, 0.7]
    for key, average in (("micro_f1", "micro"), ("macro_f1", "macro")):
        low, high = found[key]
        assert 0.0 < low < metrics.f1_score(y > 0.5, predicted, average=average) < high < 1.0
    assert found != score_intervals(Target("multilabel", ("a", "b")), y, probabilities, 0.5)


def test_the_interval_of_a_mean_error_is_about_that_of_a_mean():
    draw = np.random.default_rng(3)
    y = draw.normal(size=(150, 1))
    predicted = y + draw.normal(size=(150, 1))
    errors = np.abs(predicted - y).ravel()
    half = 1.96 * errors.std(ddof=1) / np.sqrt(150)
    found = score_intervals(Target("regression", ("n",)), y, predicted)
    assert list(found) == ["spearman", "mae"]
    assert found["mae"] == pytest.approx([errors.mean() - half, errors.mean() + half], abs=0.02)


def test_a_score_without_spread_has_no_interval_and_many_rows_have_none():
    y = np.arange(30) % 3
    assert list(score_intervals(CLASSES, y, np.eye(3)[y])) == ["accuracy"]
    equal = np.ones((30, 1))
    assert list(score_intervals(Target("regression", ("n",)), y[:, None], equal)) == ["mae"]
    for rows, empty in ((FEW_ROWS - 1, False), (FEW_ROWS, True)):
        y = np.arange(rows) % 3
        assert (score_intervals(CLASSES, y, np.eye(3)[y]) == {}) == empty
