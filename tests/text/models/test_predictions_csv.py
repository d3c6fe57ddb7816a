"""predictions.csv: its columns for each task, how many digits its numbers have, and how its rows are numbered."""

import json

import numpy as np
import pytest

from slanted.errors import InputError
from slanted.text.labels.targets import Target
from slanted.text.models.predictions_csv import Layout, check_free, prediction_columns, write_predictions

pytestmark = pytest.mark.once

CLASSES, FLAGS = Target("single", ("x", "y")), Target("multilabel", ("a", "b"))


@pytest.fixture
def written(tmp_path):
    """Write predictions and return the file's lines."""

    def lines(target, predicted, thresholds=0.5, **layout):
        write_predictions(tmp_path / "p.csv", target, np.array(predicted), thresholds, Layout(**layout))
        return (tmp_path / "p.csv").read_text(encoding="utf-8").splitlines()

    return lines


def test_a_class_is_the_one_of_the_largest_probability(written):
    assert written(CLASSES, [[0.25, 0.75], [0.4999999, 0.5000001], [0.5, 0.5]]) == [
        "row,prediction,probability_x,probability_y",
        "0,y,0.250000,0.750000",
        "1,y,0.500000,0.500000",
        "2,x,0.500000,0.500000",
    ]


@pytest.mark.parametrize(
    ("thresholds", "expected"),
    [
        (0.5, ["0,1,0,0.500000,0.400000", "1,0,1,0.300000,0.900000"]),
        (np.array([0.6, 0.4]), ["0,0,1,0.500000,0.400000", "1,0,1,0.300000,0.900000"]),
        (np.array([[0.6, 0.6], [0.3, 0.95]]), ["0,0,0,0.500000,0.400000", "1,1,0,0.300000,0.900000"]),
    ],
)
def test_several_labels_are_predicted_from_their_threshold_on(written, thresholds, expected):
    header = "row,prediction_a,prediction_b,probability_a,probability_b"
    assert written(FLAGS, [[0.5, 0.4], [0.3, 0.9]], thresholds) == [header, *expected]


@pytest.mark.parametrize(
    ("names", "header"), [(("price",), "row,prediction"), (("u", "v"), "row,prediction_u,prediction_v")]
)
def test_numbers_have_no_probabilities(written, names, header):
    values = [1.5, -2.0][: len(names)]
    assert written(Target("regression", names), [values]) == [header, ",".join(["0", "1.5", "-2"][: 1 + len(names)])]


def test_numbers_are_told_apart_that_float32_tells_apart(written):
    numbers = np.nextafter(np.float32([170_000_000.5, 1e-7, 0.1]), np.float32(np.inf))
    numbers = np.concatenate([np.float32([170_000_000.5, 1e-7, 0.1]), numbers])
    lines = written(Target("regression", ("price",)), numbers[:, None])
    np.testing.assert_array_equal(np.float32([line.split(",")[1] for line in lines[1:]]), numbers)


def test_rows_have_the_numbers_that_are_given(written):
    lines = written(CLASSES, [[1.0, 0.0], [0.0, 1.0]], rows=np.array([4, 17]))
    assert [line.split(",")[0] for line in lines[1:]] == ["4", "17"]


def test_labels_that_hold_commas_quotes_and_line_ends_are_quoted(written, tmp_path):
    written(Target("single", ('a,"b"', "c\nd")), [[1.0, 0.0]])
    expected = 'row,prediction,"probability_a,""b""","probability_c\nd"\n0,"a,""b""",1.000000,0.000000\n'
    assert (tmp_path / "p.csv").read_text() == expected


def test_rows_and_predictions_that_do_not_match_leave_no_file(tmp_path):
    with pytest.raises(ValueError, match="argument"):
        write_predictions(tmp_path / "p.csv", CLASSES, np.array([[1.0, 0.0]]), 0.5, Layout([0, 1]))
    assert not list(tmp_path.iterdir())


def test_further_columns_come_after_the_row_and_numbers_stay_numbers(written, tmp_path):
    kept = {"id": ["x1", "=2"], "fold": np.array([2, 1])}
    expected = ["row,id,fold,prediction_a,prediction_b,probability_a,probability_b", "3,x1,2,1,0,0.500000,0.400000"]
    assert written(FLAGS, [[0.5, 0.4], [0.3, 0.9]], rows=[3, 5], kept=kept)[:2] == expected
    layout = Layout(kept={"id": ["x1"], "fold": np.array([2])})
    write_predictions(tmp_path / "p.json", Target("single", (7, 12)), np.array([[0.1234567, 0.9]]), 0.5, layout)
    [row] = json.loads((tmp_path / "p.json").read_text())
    assert row == {"row": 0, "id": "x1", "fold": 2, "prediction": 12, "probability_7": 0.123457, "probability_12": 0.9}


def test_a_submission_has_two_columns(written):
    rows = {"kept": {"id": ["x1", "x2"]}, "submission": "label"}
    assert written(CLASSES, [[0.25, 0.75], [0.9, 0.1]], **rows) == ["id,label", "x1,y", "x2,x"]
    assert written(Target("regression", ("p",)), [[1.5], [-2.0]], **rows) == ["id,label", "x1,1.5", "x2,-2"]


@pytest.mark.parametrize(
    ("target", "types"),
    [
        (CLASSES, [str, float, float]),
        (Target("single", (1, "x")), [str, float, float]),
        (Target("single", (1.5, 2.0)), [float, float, float]),
        (FLAGS, [int, int, float, float]),
        (Target("regression", ("p", "q")), [float, float]),
    ],
)
def test_columns_have_the_types_of_their_values(target, types):
    assert list(prediction_columns(target).values()) == types


@pytest.mark.parametrize("name", ["row", "prediction", "probability_x"])
def test_a_further_column_with_the_name_of_one_of_the_predictions_is_refused(name):
    check_free(prediction_columns(CLASSES), ["id", "prediction_x"])
    with pytest.raises(InputError) as refused:
        check_free(prediction_columns(CLASSES), ["id", name])
    remedy = "rename that of the file, or keep the others by their names"
    assert str(refused.value) == f"--keep: the predictions have a column '{name}' of their own; {remedy}"


@pytest.mark.parametrize("kind", ["single", "multilabel", "regression"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_no_finite_number_is_refused_and_nothing_is_written(kind, value, tmp_path):
    predicted = np.array([[0.5, 0.5], [0.5, value]])
    with pytest.raises(InputError) as refused:
        write_predictions(tmp_path / "p.csv", Target(kind, ("a", "b")), predicted, 0.5)
    found = "not written, as the model's output for row 1 is not finite: its weights are damaged"
    assert str(refused.value) == f"{tmp_path / 'p.csv'}: {found}; restore them or train again"
    assert not list(tmp_path.iterdir())
