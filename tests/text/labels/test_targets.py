"""Labels as what the model learns: which task they make, and labels as numbers and back."""

import numpy as np
import pytest
from row_files import labelled, refusal, rows_of

from slanted.text.labels.targets import Target, infer_target

pytestmark = [pytest.mark.once, pytest.mark.usefixtures("in_empty_folder")]

INFERRED = [
    (["b", "a", "b"], "single", ("a", "b")),
    (["10", "9", "-1"], "single", ("-1", "9", "10")),
    (["007", "8", "+6"], "single", ("+6", "007", "8")),
    (["10", "9", "x"], "single", ("10", "9", "x")),
    (["1.0", "2.0", "10.0"], "single", ("1.0", "10.0", "2.0")),
    (["1,5 m", "2,5 m"], "single", ("1,5 m", "2,5 m")),
    (["nan", "inf"], "single", ("inf", "nan")),
    (["1_0.5", "v1.5"], "single", ("1_0.5", "v1.5")),
    (["1" * 5000, "9" * 400], "single", ("9" * 400, "1" * 5000)),
    (["👍", "<b>", "'; DROP TABLE x;--", "../x"], "single", ("'; DROP TABLE x;--", "../x", "<b>", "👍")),
    (["5.000", "2.500"], "regression", ("label",)),
    (["1", "2", "-.5"], "regression", ("label",)),
    (["1", "2", " 1.5e-1 "], "regression", ("label",)),
]


@pytest.mark.parametrize(("labels", "kind", "names"), INFERRED)
def test_the_task_of_one_column_is_inferred(labels, kind, names):
    target = infer_target(labelled(*labels))
    assert target == Target(kind, names)
    if kind == "single":
        assert target.decode(target.encode(labelled(*labels))) == labels


def test_the_task_of_several_columns_is_inferred():
    bits = rows_of("t,0,1", "t,1.0,1", header="text,b,a")
    assert infer_target(bits) == Target("multilabel", ("b", "a"))
    np.testing.assert_array_equal(infer_target(bits).encode(bits), np.array([[0, 1], [1, 1]], np.float32), strict=True)
    scores = rows_of("t,0,1.5", "t,0.25,1", header="text,b,a", label=["b", "a"])
    assert infer_target(scores) == Target("regression", ("b", "a"))
    array = infer_target(scores).encode(scores)
    np.testing.assert_array_equal(array, np.array([[0, 1.5], [0.25, 1]]), strict=True)
    assert infer_target(rows_of("t,0", "t,1", header="text,toxic")) == Target("single", ("0", "1"))


def test_the_task_may_be_said():
    assert infer_target(labelled("1.5", "2.5"), "single") == Target("single", ("1.5", "2.5"))
    assert infer_target(labelled("1", "2"), "regression") == Target("regression", ("label",))
    assert infer_target(labelled("1", "0"), "multilabel") == Target("multilabel", ("label",))
    whole = rows_of("t,1,2", "t,3,4", header="text,a,b", label=["a", "b"])
    assert infer_target(whole, "regression") == Target("regression", ("a", "b"))


def test_the_reason_is_told():
    assert infer_target(labelled("1", "2.5")).reason == "f.csv, line 3: column 'label' holds '2.5', a fractional number"
    assert infer_target(labelled("1", "2")).reason == "f.csv: one column of labels without fractional numbers"
    assert infer_target([[0, 1], [1, 0]]).reason == "labels: 2 label columns of 0 and 1"
    assert infer_target(labelled("1", "2"), "regression").reason == "--task regression says so"


PYTHON = [
    (["b", "a"], ("a", "b")),
    ([10, 9], (9, 10)),
    ([True, False], (False, True)),
    ([2.0, 1.0], (1.0, 2.0)),
    (np.array([10, 9], np.int8), (9, 10)),
    (np.array(["b", "a"]), ("a", "b")),
    ([np.int64(10), np.int64(9)], (9, 10)),
    (np.array([True, False]), (False, True)),
]


@pytest.mark.parametrize(("labels", "classes"), PYTHON)
def test_python_labels_come_back_in_their_type(labels, classes):
    target = infer_target(labels)
    assert target == Target("single", classes)
    given_back = target.decode(target.encode(labels))
    assert given_back == list(labels)
    assert {type(label) for label in given_back} == {type(classes[0])} <= {str, int, float, bool}
    assert target.names == tuple(str(label) for label in classes)


def test_python_columns_and_data_frames():
    bits = np.array([[0, 1, 1], [1, 1, 0]])
    assert infer_target(bits) == Target("multilabel", ("0", "1", "2"))
    assert infer_target(bits.astype(bool).tolist()) == Target("multilabel", ("0", "1", "2"))
    assert infer_target([1, 2.5]) == Target("regression", ("0",))

    class Frame:
        columns = ("x", "y")

        def __array__(self, dtype=None, copy=None):
            return np.array([[0.5, 1], [1, 0.5]], dtype=dtype)

    assert infer_target(Frame()) == Target("regression", ("x", "y"))


ONE_COLUMN_REFUSED = [
    (["a", "b"], "sorting", "--task sorting is unknown; give one of 'auto', 'single', 'multilabel', 'regression'"),
]


@pytest.mark.parametrize(("labels", "task", "message"), ONE_COLUMN_REFUSED)
def test_one_column_is_refused(labels, task, message):
    assert refusal(infer_target, labelled(*labels), task) == message


SEVERAL_COLUMNS_REFUSED = [
    (["t,0,1", "t,1,0"], "single", "f.csv: --task single takes one label column, not 2; keep one of 'a', 'b'"),
]


@pytest.mark.parametrize(("records", "task", "message"), SEVERAL_COLUMNS_REFUSED)
def test_several_columns_are_refused(records, task, message):
    assert refusal(infer_target, rows_of(*records, header="text,a,b", label=["a", "b"]), task) == message


PYTHON_REFUSED = [
    ([[0, 1], [1, 0]], "single", "labels: task='single' takes one label column, not 2; keep one of '0', '1'"),
    (["a", "b"], "x", "task='x' is unknown; give one of 'auto', 'single', 'multilabel', 'regression'"),
]


@pytest.mark.parametrize(("labels", "task", "message"), PYTHON_REFUSED)
def test_python_labels_are_refused(labels, task, message):
    assert refusal(infer_target, labels, task) == message


def test_later_files_are_held_to_the_training_data():
    target = infer_target(rows_of("t,0,1", "t,1,0", header="text,a,b"))
    one = labelled("0", "1", name="test.csv")
    rule = "test.csv: 1 label columns, where the training data has 2; give the same columns"
    assert refusal(target.encode, one) == rule
    other = rows_of("t,0,1", "t,1,7", header="text,a,b", name="test.csv", label=["a", "b"])
    correct = "but each of several label columns is 0 or 1; correct it"
    assert refusal(target.encode, other) == f"test.csv, line 3: column 'b' holds '7', {correct}"
    unread = rows_of("t,0", name="test.csv", labelled=False)
    assert refusal(target.encode, unread) == "test.csv: its labels were not read; read it with labelled=True"
    numbers = infer_target(labelled("1.5", "2"))
    found = "v.csv, line 2: column 'label' holds 'x', which is no finite number, as regression needs; correct it"
    assert refusal(numbers.encode, labelled("x", name="v.csv")) == found
