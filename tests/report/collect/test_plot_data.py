"""The numbers behind the plots: every row is counted, once."""

import numpy as np
import pytest
from counting_model import predicted

from slanted.report.collect.plot_data import calibration, confusion, length_bins, outcomes, quality_of, scatter
from slanted.text.scoring.metrics import expected_calibration_error

pytestmark = pytest.mark.once


draw = np.random.default_rng(0)


def test_the_confusion_matrix_counts_every_row():
    y, said = draw.integers(0, 5, 300), draw.integers(0, 5, 300)
    cells = confusion(y, said)
    assert sum(count for *_, count in cells) == 300
    for true, predicted_as, count in cells:
        assert count == np.sum((y == true) & (said == predicted_as))


def test_the_labels_outcomes():
    truth = np.array([[1, 0], [1, 1], [0, 0]])
    given = np.array([[1, 1], [0, 1], [0, 1]])
    assert outcomes(truth, given) == [{"found": 1, "missed": 1, "wrong": 0}, {"found": 1, "missed": 0, "wrong": 2}]


def test_calibration_bins_are_those_of_the_calibration_error():
    confidence = draw.random(500)
    outcome = draw.random(500) < confidence**2
    bins = calibration(confidence, outcome)
    error = sum(one["rows"] / 500 * abs(one["share"] - one["confidence"]) for one in bins)
    assert error == pytest.approx(expected_calibration_error(confidence, outcome))
    assert sum(one["rows"] for one in bins) == 500


def test_scatter_keeps_the_pairs_and_is_bounded():
    y = draw.normal(size=(2000, 15)).astype("float32")
    points = scatter(y, y + 1.0)
    assert (len(points), len(points[0])) == (12, 500)
    np.testing.assert_allclose([predicted - true for true, predicted in points[3]], 1.0, rtol=1e-4)


def test_length_bins_count_every_text():
    lengths = draw.integers(3, 129, 1000)
    bins = length_bins(lengths, lengths == 128)
    assert len(bins) <= 32 and sum(whole + cut for *_, whole, cut in bins) == 1000
    assert sum(cut for *_, cut in bins) == np.sum(lengths == 128)
    for low, high, whole, cut in bins:
        assert whole + cut == np.sum((lengths >= low) & (lengths <= high))


@pytest.mark.parametrize(("kind", "keys"), [("single", {"confusion", "calibration"}), ("regression", {"scatter"})])
def test_quality_by_task(kind, keys):
    y = [0, 1] if kind == "single" else [[1.0, 0.0], [0.0, 1.0]]
    said, target, _ = predicted(["red", "blue"], y, kind)
    assert quality_of(said, target).keys() == keys
