"""Rows with predictions: made by a model, or read from the file they were written to."""

import tracemalloc

import fake_runs
import numpy as np
import pytest
from counting_model import COLORS, Counting, rows

from slanted.errors import InputError
from slanted.report.collect import predicted_rows as predicted_rows
from slanted.report.collect.predicted_rows import Predicted, predict_examples, read_predicted
from slanted.text.labels.examples import Examples
from slanted.text.labels.targets import Target
from slanted.text.models.predictions_csv import write_predictions

pytestmark = pytest.mark.once


def test_several_sets_of_rows_are_predicted_at_once():
    model = Counting()
    parts = [rows(["red", "blue"], [0, 1]), rows(["blue"], [0])]
    first, second = predict_examples(model, parts, COLORS)
    assert model.calls == 1
    assert first.decided.tolist() == [0, 1] and second.decided.tolist() == [1]
    assert second.values.shape == (1, 2)


class Asked(Counting):
    """Keeps what it is asked."""

    def __init__(self):
        super().__init__()
        self.asked = []

    def predict(self, texts, texts_b):
        self.asked.append(texts)
        return super().predict(texts, texts_b)


def test_many_rows_are_predicted_a_set_at_a_time_and_stay_where_they_are(monkeypatch):
    parts = [rows(["red", "blue"], [0, 1]), rows(["blue"], [0])]
    at_once = predict_examples(Counting(), parts, COLORS)
    monkeypatch.setattr(predicted_rows, "ROWS_AT_ONCE", 2)
    model = Asked()
    for one, other in zip(predict_examples(model, parts, COLORS), at_once, strict=True):
        np.testing.assert_array_equal(one.values, other.values)
        np.testing.assert_array_equal(one.decided, other.decided)
    assert [texts is part.texts for texts, part in zip(model.asked, parts, strict=True)] == [True, True]


@pytest.mark.parametrize("kind", ["single", "multilabel", "regression"])
def test_predictions_are_read_as_they_were_written(kind, tmp_path):
    target = Target(kind, COLORS.labels)
    part = rows(["red", "blue", "red blue blue"], [0, 1, 1] if kind == "single" else [[1.0, 0.0]] * 3)
    [said] = predict_examples(Counting(kind), [part], target)
    write_predictions(tmp_path / "p.csv", target, said.values, 0.5)
    read = read_predicted(tmp_path / "p.csv", part, target)
    np.testing.assert_allclose(read.values, said.values, atol=1e-6)
    np.testing.assert_array_equal(read.decided, said.decided)


def test_a_large_file_of_predictions_is_read_without_its_cells(tmp_path):
    labels = tuple(f"class {number}" for number in range(10))
    target, count = Target("single", labels), 5_000
    write_predictions(tmp_path / "p.csv", target, np.full((count, 10), 0.1), 0.5)
    part = Examples(["x"] * count, None, np.zeros(count, "int32"))
    tracemalloc.start()
    read_predicted(tmp_path / "p.csv", part, target)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 2 * count * 11 * 8  # its numbers take 8 bytes each


def test_predicted_rows_know_their_truth():
    part = rows(["red", "blue"], [0, 1])
    assert Predicted(part, np.zeros((2, 2)), np.zeros(2)).truth.tolist() == [[1.0, 0.0], [0.0, 1.0]]
    assert Predicted(Examples(["a"], None, np.array([0])), np.zeros((1, 2)), np.zeros(1)).place(0) == "row 0"


BROKEN = {
    "fewer rows": lambda rows: rows[:-1],
    "more rows": lambda rows: [*rows, rows[-1]],
    "another label": lambda rows: [*rows[:-1], "179,OTHER,1,0,0,0,0,0"],
    "no number": lambda rows: [*rows[:-1], "179,NUM,x,0,0,0,0,0"],
    "no finite number": lambda rows: [*rows[:-1], "179,NUM,nan,0,0,0,0,0"],
    "fewer columns": lambda rows: [*rows[:-1], "179"],
    "another order": lambda rows: [rows[0], *rows[:0:-1]],
}


@pytest.mark.parametrize("how", BROKEN)
def test_predictions_of_other_rows_are_refused(how, tmp_path):
    data, model = fake_runs.data_of(Target("single", fake_runs.TREC), fake_runs.TREC_WORDS)
    path = tmp_path / "out_of_fold.csv"
    write_predictions(path, data.target, model.predict(data.train.texts, None), 0.5)
    path.write_text("\n".join(BROKEN[how](path.read_text().split("\n")[:-1])) + "\n")
    with pytest.raises(InputError, match=r"out_of_fold\.csv: does not match the rows") as error:
        read_predicted(path, data.train, data.target)
    assert "\n" not in str(error.value)


def test_a_decision_that_is_neither_0_nor_1_is_refused(tmp_path):
    part = Examples(["a"], None, np.array([[1.0, 0.0]]))
    path = tmp_path / "out_of_fold.csv"
    path.write_text("row,prediction_x,prediction_y,probability_x,probability_y\n4,7,0,0.5,0.5\n")
    with pytest.raises(InputError, match="a number is not finite, or a decision is not 0 or 1"):
        read_predicted(path, part, Target("multilabel", ("x", "y")), np.array([4]))
