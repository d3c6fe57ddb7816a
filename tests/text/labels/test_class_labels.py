"""One class a text: which labels make classes, their order and their numbers."""

import numpy as np
import pytest
from row_files import labelled, refusal

from slanted.text.labels.class_labels import classes_of, encode_classes, ordered
from slanted.text.labels.label_table import LabelColumns
from slanted.text.labels.targets import infer_target

pytestmark = [pytest.mark.once, pytest.mark.usefixtures("in_empty_folder")]

ALIKE = "differ only in case or spaces; spell them alike, or rename one"


def test_classes_are_encoded_in_order():
    target = infer_target(labelled("b", "a", "c"))
    np.testing.assert_array_equal(target.encode(labelled("c", "b", "c")), np.array([2, 1, 2], np.int32), strict=True)


ONE_COLUMN_REFUSED = [
    (["x", "x"], "auto", "f.csv: every row has the label 'x'; classes need two labels at least: add rows of another"),
    (["x"], "auto", "f.csv: every row has the label 'x'; classes need two labels at least: add rows of another"),
    (["Spam", "ham", "spam"], "auto", f"f.csv: labels 'Spam' (line 2) and 'spam' (line 4) {ALIKE}"),
    (["ham", "a", "ham "], "auto", f"f.csv: labels 'ham' (line 2) and 'ham ' (line 4) {ALIKE}"),
    (["card  lost", "a", "card lost"], "auto", f"f.csv: labels 'card  lost' (line 2) and 'card lost' (line 4) {ALIKE}"),
    (["1", "1\t"], "auto", f"f.csv: labels '1' (line 2) and '1\\t' (line 3) {ALIKE}"),
    (["ÄRGER", "ärger"], "auto", f"f.csv: labels 'ÄRGER' (line 2) and 'ärger' (line 3) {ALIKE}"),
]


@pytest.mark.parametrize(("labels", "task", "message"), ONE_COLUMN_REFUSED)
def test_one_column_is_refused(labels, task, message):
    assert refusal(infer_target, labelled(*labels), task) == message


PYTHON_REFUSED = [
    (["a", 1], "auto", "labels[1] is of type int, but labels[0] of type str; give labels of one type"),
    ([1, True, 0], "auto", "labels[1] is of type bool, but labels[0] of type int; give labels of one type"),
    (["A", "a"], "auto", f"labels: labels 'A' (labels[0]) and 'a' (labels[1]) {ALIKE}"),
    (["x", "x"], "auto", "labels: every row has the label 'x'; classes need two labels at least: add rows of another"),
]


@pytest.mark.parametrize(("labels", "task", "message"), PYTHON_REFUSED)
def test_python_labels_are_refused(labels, task, message):
    assert refusal(infer_target, labels, task) == message


def test_labels_unknown_to_the_training_data_are_refused():
    target = infer_target(labelled("ham", "spam"))
    assert refusal(target.encode, labelled("ham", "eggs", name="test.csv")) == (
        "test.csv, line 3: column 'label' holds 'eggs', a label that the training data lacks; it has 'ham', 'spam'; "
        "correct it, or add rows of it to the training data"
    )
    assert refusal(target.encode, labelled("ham", "Spam", name="test.csv")) == (
        "test.csv, line 3: column 'label' holds 'Spam', which differs from the training data's 'spam' only in case or "
        "spaces; spell them alike"
    )
    assert refusal(target.encode, ["ham", "eggs"]) == (
        "labels[1]: 'eggs', a label that the training data lacks; it has 'ham', 'spam'; "
        "correct it, or add rows of it to the training data"
    )
    many = infer_target(labelled(*range(100)))
    assert "it has '0', '1', '2'," in refusal(many.encode, ["x"]) and "'19' and 80 more;" in refusal(many.encode, ["x"])


def table(*cells):
    return LabelColumns(None, ("0",), [list(cells)])


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (["10", "9", "-1"], ("-1", "9", "10")),
        (["10", "9", "x"], ("10", "9", "x")),
        ([10, 9], (9, 10)),
        (["1" * 5000, "9", "-9", "+7"], ("-9", "+7", "9", "1" * 5000)),
    ],
)
def test_labels_are_in_numerical_order_where_all_spell_integers(labels, expected):
    assert ordered(labels) == expected


def test_classes_that_differ_more_than_in_case_or_spaces_are_told_apart():
    assert classes_of(table("b", "a-b", "ab", "b")) == ("a-b", "ab", "b")
    assert encode_classes(("a-b", "ab", "b"), table("b", "ab")).tolist() == [2, 1]


def test_a_label_that_no_file_can_hold_is_refused():
    for cells, row in ((["a", "\ud83d"], 1), ([1.5, float("inf")], 1), ([10**400, 1], 0)):
        message = refusal(classes_of, table(*cells))
        assert message.startswith(f"labels[{row}] cannot be written to a file: ")
    assert classes_of(table(10**308, 1)) == (1, 10**308)
