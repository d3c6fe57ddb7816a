"""Labels that are likely wrong: planted ones are found, right ones are not, and memory stays small."""

import tracemalloc

import numpy as np
import pytest
from counting_model import COLORS, predicted, rows

from slanted.report.collect.label_issues import suspect_classes, suspects_of
from slanted.report.collect.predicted_rows import Predicted
from slanted.text.labels.targets import Target

pytestmark = pytest.mark.once


draw = np.random.default_rng(0)

MOST_BYTES_A_ROW = 160


def test_planted_wrong_labels_are_found_first():
    true = draw.integers(0, 4, 400)
    probabilities = np.full((400, 4), 0.05)
    probabilities[np.arange(400), true] = 0.85
    given = true.copy()
    planted = draw.choice(400, 20, replace=False)
    given[planted] = (true[planted] + 1 + draw.integers(0, 3, 20)) % 4
    found, better = suspect_classes(given, probabilities)
    assert set(found) == set(planted)
    np.testing.assert_array_equal(better, true[found])


def test_a_class_that_the_model_never_is_sure_of_has_a_low_threshold():
    probabilities = np.array([[0.7, 0.3], [0.68, 0.32], [0.95, 0.05], [0.9, 0.1], [0.55, 0.45]])
    found, better = suspect_classes(np.array([1, 1, 0, 0, 0]), probabilities)
    assert found.tolist() == [4] and better.tolist() == [1]  # though the model says 0 of every row


def test_right_labels_are_no_suspects():
    said, target, _ = predicted(["red red", "blue blue"] * 20, [0, 1] * 20)
    assert suspects_of([said], target) == {"rows": 40, "found": 0, "listed": []}


def test_suspects_of_two_sets_name_their_places():
    first, target, _ = predicted(["red red red", "blue blue blue"] * 10, [0, 1] * 10)
    second, _, _ = predicted(["red red", "blue blue blue blue"], [0, 0])
    found = suspects_of([first, second], target)
    assert (found["rows"], found["found"]) == (22, 1)
    [one] = found["listed"]
    assert one["place"] == "t.csv, line 3" and one["text"] == "blue blue blue blue"
    assert (one["given"], one["suggested"]) == ("red", "blue")


def test_suspects_among_several_labels():
    texts = ["red red red red", "sky"] * 10
    y = np.tile([[1.0, 0.0], [0.0, 0.0]], (10, 1))
    y[1] = [1.0, 0.0]
    said, target, _ = predicted(texts, y, "multilabel")
    first = suspects_of([said], target)["listed"][0]
    assert (first["label"], first["given"], first["place"]) == ("red", "with", "t.csv, line 3")


def test_a_number_far_from_its_prediction():
    y = np.column_stack([np.arange(30) % 3 + draw.normal(scale=0.1, size=30), np.zeros(30)])
    y[7, 0] += 5.0
    said, target, _ = predicted([" ".join(["red"] * (at % 3)) or "x" for at in range(30)], y, "regression")
    found = suspects_of([said], target)
    assert found["found"] >= 1
    assert found["listed"][0]["place"] == "t.csv, line 9" and found["listed"][0]["target"] == "red"


@pytest.mark.parametrize("kind", ["single", "multilabel", "regression"])
def test_suspects_take_little_memory_however_many_they_are(kind):
    count = 30_000
    y = np.tile([0, 1, 1], count // 3)
    values = np.eye(2)[np.tile([0, 1, 0], count // 3)] + draw.normal(scale=0.01, size=(count, 2))
    said = Predicted(rows(["x"] * count, y if kind == "single" else np.eye(2)[y]), values, values)
    target = Target(kind, COLORS.labels)
    tracemalloc.start()
    found = suspects_of([said, said], target)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found["found"] > count // 4 and len(found["listed"]) == 10
    assert most / (2 * count) < MOST_BYTES_A_ROW
