"""Scores by hand, and beside those of scikit-learn."""

import json
import sys

import numpy as np
import pytest
from sklearn import metrics as sklearn_metrics

from slanted.errors import InputError, TrainingFailed
from slanted.text.labels.targets import Target
from slanted.text.scoring.metrics import (
    expected_calibration_error,
    positive_index,
    score_multilabel,
    score_predictions,
    score_regression,
    score_single,
)

pytestmark = pytest.mark.once

# Predicted: a b b b a, so three of five are right.
THREE_LABELS = np.array([0, 0, 1, 1, 2], np.int32)
THREE_PROBABILITIES = np.array([[0.8, 0.1, 0.1], [0.3, 0.6, 0.1], [0.2, 0.7, 0.1], [0.1, 0.5, 0.4], [0.5, 0.2, 0.3]])

# Predicted: ham ham spam ham spam.
TWO_LABELS = np.array([0, 0, 0, 1, 1], np.int32)
SPAM = np.array([0.1, 0.4, 0.6, 0.35, 0.8])
TWO_PROBABILITIES = np.stack([1 - SPAM, SPAM], axis=1)

# Predicted at 0.5: x, y, x and nothing.
MULTI_TARGETS = np.array([[1, 0], [1, 1], [0, 0], [0, 1]], np.float32)
MULTI_PROBABILITIES = np.array([[0.9, 0.2], [0.4, 0.7], [0.6, 0.1], [0.2, 0.3]])


def without_classes(scores):
    return {key: value for key, value in scores.items() if key != "per_class"}


def test_three_classes_by_hand():
    scores = score_single(THREE_LABELS, THREE_PROBABILITIES, "abc", loss=0.9)
    assert without_classes(scores) == pytest.approx(
        {
            "loss": 0.9,
            "accuracy": 3 / 5,
            "macro_f1": (0.5 + 0.8 + 0.0) / 3,
            "micro_f1": 3 / 5,
            "matthews": 5 / np.sqrt(12 * 16),
            "roc_auc": (5 / 6 + 5 / 6 + 3 / 4) / 3,
            "average_precision": (5 / 6 + 5 / 6 + 1 / 2) / 3,
            "ece": (0.2 + 0.6 + 0.3 + 0.0) / 5,
        }
    )
    assert scores["per_class"]["a"] == {"precision": 0.5, "recall": 0.5, "f1": 0.5, "support": 2}
    assert scores["per_class"]["b"] == {"precision": 2 / 3, "recall": 1.0, "f1": 0.8, "support": 2}
    assert scores["per_class"]["c"] == {"precision": 0.0, "recall": 0.0, "f1": 0.0, "support": 1}


def test_two_classes_by_hand():
    scores = score_single(TWO_LABELS, TWO_PROBABILITIES, ("ham", "spam"), loss=0.6)
    expected = {"accuracy": 0.6, "macro_f1": 7 / 12, "f1": 0.5, "matthews": 1 / 6, "roc_auc": 4 / 6}
    assert {key: scores[key] for key in expected} == pytest.approx(expected)
    assert scores["average_precision"] == pytest.approx(0.5 * 1 + 0.5 * 2 / 4)


def test_the_positive_class_is_the_one_named():
    scores = score_single(TWO_LABELS, TWO_PROBABILITIES, ("ham", "spam"), loss=0.6, positive="ham")
    assert scores["f1"] == pytest.approx(2 / 3)
    assert scores["roc_auc"] == pytest.approx(4 / 6)
    assert scores["average_precision"] == pytest.approx((1 + 2 / 3 + 3 / 4) / 3)


@pytest.mark.parametrize(
    ("names", "positive", "message"),
    [
        (("ham", "spam"), "Spam", "`--positive` 'Spam' is not a label of the data; choose 'ham' or 'spam'"),
        (("a", "b", "c"), "b", "`--positive` 'b' needs two classes, the data has 3; leave it out"),
    ],
)
def test_a_wrong_positive_class_is_refused(names, positive, message):
    with pytest.raises(InputError) as caught:
        positive_index(names, positive)
    assert str(caught.value) == message


def test_the_positive_class_by_default():
    assert positive_index(("ham", "spam"), None) == 1
    assert positive_index(("a", "b", "c"), None) is None


def test_a_class_absent_from_labels_and_predictions_does_not_lower_macro_f1():
    labels, probabilities = np.array([0, 1]), np.array([[0.9, 0.1, 0.0], [0.2, 0.8, 0.0]])
    scores = score_single(labels, probabilities, "abc", loss=0.1)
    assert scores["macro_f1"] == 1.0
    assert scores["per_class"]["c"]["support"] == 0
    assert "roc_auc" not in scores and "average_precision" not in scores


def test_labels_of_one_class_leave_out_what_they_do_not_define():
    scores = score_single(np.array([1, 1]), np.array([[0.4, 0.6], [0.7, 0.3]]), ("ham", "spam"), loss=0.8)
    assert scores["accuracy"] == 0.5
    assert scores["average_precision"] == 1.0
    assert not {"matthews", "roc_auc"} & scores.keys()


def test_predictions_of_one_class_have_matthews_zero():
    scores = score_single(np.array([0, 1]), np.array([[0.4, 0.6], [0.3, 0.7]]), ("ham", "spam"), loss=0.8)
    assert scores["matthews"] == 0.0


def test_scores_agree_with_scikit_learn_on_many_classes():
    generator = np.random.default_rng(0)
    labels = generator.integers(0, 7, 400)
    logits = generator.normal(size=(400, 7)).astype(np.float32) + np.eye(7, dtype=np.float32)[labels]
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    scores = score_single(labels, probabilities, "abcdefg", loss=1.0)
    predicted = probabilities.argmax(axis=1)
    assert scores["macro_f1"] == pytest.approx(sklearn_metrics.f1_score(labels, predicted, average="macro"))
    assert scores["matthews"] == pytest.approx(sklearn_metrics.matthews_corrcoef(labels, predicted))
    exact = probabilities.astype(np.float64) / probabilities.astype(np.float64).sum(axis=1, keepdims=True)
    assert scores["roc_auc"] == pytest.approx(sklearn_metrics.roc_auc_score(labels, exact, multi_class="ovr"), rel=1e-4)


def test_several_labels_by_hand():
    scores = score_multilabel(MULTI_TARGETS, MULTI_PROBABILITIES, ("x", "y"), loss=0.5)
    assert without_classes(scores) == pytest.approx(
        {
            "loss": 0.5,
            "accuracy": 1 / 4,
            "macro_f1": (1 / 2 + 2 / 3) / 2,
            "micro_f1": 4 / 7,
            "roc_auc": (3 / 4 + 1) / 2,
            "average_precision": (5 / 6 + 1) / 2,
            "ece": (0.1 + 0.4 + 0.6 + 0.3 + 0.6 + 0.1 + 0.7) / 8,
        }
    )
    assert scores["per_class"]["y"] == {"precision": 1.0, "recall": 0.5, "f1": 2 / 3, "support": 2}


def test_each_label_has_its_threshold():
    scores = score_multilabel(
        MULTI_TARGETS, MULTI_PROBABILITIES, ("x", "y"), loss=0.5, thresholds=np.array([0.35, 0.3])
    )
    assert scores["accuracy"] == 3 / 4
    assert scores["per_class"]["y"]["f1"] == 1.0
    assert scores["ece"] == score_multilabel(MULTI_TARGETS, MULTI_PROBABILITIES, "xy", loss=0.5)["ece"]


def test_one_label_column():
    scores = score_multilabel(MULTI_TARGETS[:, :1], MULTI_PROBABILITIES[:, :1], ("x",), loss=0.5)
    assert scores["accuracy"] == scores["macro_f1"] == scores["micro_f1"] == 0.5
    assert list(scores["per_class"]) == ["x"]


def test_rows_without_any_label_leave_f1_out():
    scores = score_multilabel(np.zeros((2, 2)), np.full((2, 2), 0.1), ("x", "y"), loss=0.1)
    assert scores["accuracy"] == 1.0
    assert not {"macro_f1", "micro_f1", "roc_auc", "average_precision"} & scores.keys()


def test_regression_by_hand():
    scores = score_regression(np.array([[1], [2], [3], [4]]), np.array([[1], [3], [2], [6]]), ["score"], loss=1.5)
    assert scores == pytest.approx(
        {"loss": 1.5, "mae": 1.0, "rmse": np.sqrt(1.5), "pearson": 7 / np.sqrt(70), "spearman": 0.8, "r2": -0.2}
    )


def test_equal_numbers_share_a_rank():
    # Ranks 1, 2.5, 2.5, 4 against 1, 2, 3, 4.
    scores = score_regression(np.array([1.0, 5.0, 5.0, 7.0]), np.array([1.0, 2.0, 3.0, 4.0]), ["score"], loss=0.0)
    assert scores["spearman"] == pytest.approx(4.5 / np.sqrt(4.5 * 5))


def test_several_targets_are_scored_apart_and_together():
    targets = np.array([[1, 10], [2, 20], [3, 30]], np.float32)
    scores = score_regression(targets, targets + np.array([0, 3], np.float32), ["a", "b"], loss=0.1)
    assert scores["mae"] == pytest.approx(1.5)
    assert scores["per_target"]["a"]["mae"] == 0.0
    assert scores["per_target"]["b"]["mae"] == pytest.approx(3.0)
    assert scores["per_target"]["b"]["pearson"] == pytest.approx(1.0)


def test_constant_predictions_have_no_correlation():
    scores = score_regression(np.array([1.0, 2.0]), np.array([1.5, 1.5]), ["score"], loss=0.25)
    assert scores == {"loss": 0.25, "mae": 0.5, "rmse": 0.5, "r2": 0.0}


def test_one_target_of_several_without_correlation_leaves_out_the_mean():
    scores = score_regression(np.array([[1.0, 1.0], [2.0, 1.0]]), np.array([[1.0, 0.0], [2.0, 1.0]]), "ab", loss=0.5)
    assert "pearson" not in scores
    assert scores["per_target"]["a"]["pearson"] == pytest.approx(1.0)


def test_the_task_chooses_the_loss():
    single = score_predictions(Target("single", ("a", "b")), np.array([0, 1]), np.array([[0.5, 0.5], [1.0, 0.0]]))
    assert single["loss"] == pytest.approx(-(np.log(0.5) + np.log(1e-15)) / 2)
    several = score_predictions(Target("multilabel", ("a", "b")), np.array([[1.0, 0.0]]), np.array([[0.8, 0.4]]))
    assert several["loss"] == pytest.approx(-(np.log(0.8) + np.log(0.6)) / 2)
    numbers = score_predictions(Target("regression", ("a",)), np.array([[1.0], [2.0]]), np.array([[3.0], [2.0]]))
    assert numbers["loss"] == 2.0


def test_integer_labels_become_names():
    scores = score_predictions(Target("single", (1, 5)), np.array([0, 1]), np.eye(2), positive="1")
    assert list(scores["per_class"]) == ["1", "5"]
    assert scores["f1"] == 1.0


@pytest.mark.parametrize(
    ("confidence", "outcome", "expected"),
    [
        ([0.5, 0.5], [1, 0], 0.0),
        ([1.0, 1.0], [1, 1], 0.0),
        ([1.0, 0.0], [0, 1], 1.0),
        ([0.60, 0.66, 0.67], [1, 0, 1], (abs(1 - 0.60) + 0.66 + abs(1 - 0.67)) / 3),
        ([0.61, 0.66], [1, 0], (1.27 - 1) / 2),
    ],
)
def test_calibration_error_by_hand(confidence, outcome, expected):
    assert expected_calibration_error(np.array(confidence), np.array(outcome)) == pytest.approx(expected)


@pytest.mark.parametrize(
    "scores",
    [
        score_single(THREE_LABELS, THREE_PROBABILITIES.astype(np.float32), "abc", np.float32(0.9)),
        score_multilabel(MULTI_TARGETS, MULTI_PROBABILITIES.astype(np.float32), ("x", "y"), np.float32(0.5)),
        score_regression(MULTI_TARGETS, MULTI_PROBABILITIES.astype(np.float32), ("x", "y"), np.float32(0.5)),
    ],
    ids=["single", "multilabel", "regression"],
)
def test_scores_are_plain_numbers(scores):
    assert json.loads(json.dumps(scores, allow_nan=False)) == scores


@pytest.mark.parametrize("loss", [0.5, np.nan])
def test_numbers_that_are_not_finite_are_refused(loss):
    probabilities = np.array([[0.5, 0.5], [np.nan if loss == 0.5 else 0.5, 0.5]])
    for score in (score_single, score_multilabel, score_regression):
        targets = np.array([0, 1]) if score is score_single else np.eye(2)
        with pytest.raises(TrainingFailed) as caught:
            score(targets, probabilities, ("a", "b"), loss)
        assert str(caught.value) == (
            "the model's predictions are not all finite numbers; train again with a lower --lr or --precision float32"
        )


def test_without_scikit_learn_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.metrics", None)
    with pytest.raises(InputError, match=r"pip install \"slanted\[text\]\""):
        score_single(TWO_LABELS, TWO_PROBABILITIES, ("ham", "spam"), loss=0.6)
