"""Label cells of files and label sequences of Python as one table, and how messages name a label's place."""

import numpy as np
import pytest
from row_files import refusal

from slanted.text.formats.row_locations import RowLocations
from slanted.text.labels.label_table import LabelColumns, as_label_columns
from slanted.text.labels.targets import infer_target

pytestmark = pytest.mark.once

COLUMNS_OF_SETS = "give a column of 0 and 1 for each label, as sklearn.preprocessing.MultiLabelBinarizer makes of "
COLUMNS_OF_SETS += "sets of names"
TYPES = "give strings, integers, floats or booleans, one type for all"

PYTHON_REFUSED = [
    ([], "auto", "labels: none given; give one label for each text"),
    ("abc", "auto", "labels must have the shape (texts,) or (texts, columns), not (); give one label for each text"),
    (
        iter("ab"),
        "auto",
        "labels must have the shape (texts,) or (texts, columns), not (); give one label for each text",
    ),
    ([[1, 0], [1]], "auto", f"labels[0] is a list; {COLUMNS_OF_SETS}"),
    ([{"a"}, {"a", "b"}], "auto", f"labels[0] is a set; {COLUMNS_OF_SETS}"),
    ([("a", "b"), ()], "auto", f"labels[0] is a tuple; {COLUMNS_OF_SETS}"),
    (
        [np.zeros((2, 3)), np.zeros((2, 2))],
        "auto",
        "labels must have the shape (texts,) or (texts, columns), but the rows differ in length; "
        "give each the same columns",
    ),
    (["a", None], "auto", "labels[1] is None; give a label for every text"),
    ([1.0, float("nan")], "auto", "labels[1] is nan; give a label for every text"),
    ([[0, 1], [1, np.nan]], "auto", "labels[1, 1] is nan; give a label for every text"),
    (["a", " "], "auto", "labels[1] is empty; give a label for every text"),
    ([b"a", b"b"], "auto", f"labels[0] is of type bytes; {TYPES}"),
]


@pytest.mark.parametrize(("labels", "task", "message"), PYTHON_REFUSED)
def test_python_labels_are_refused(labels, task, message):
    assert refusal(infer_target, labels, task) == message


def test_a_place_of_a_file_is_a_line_and_of_python_an_index():
    locations = RowLocations((("f.csv", "line"),), np.array([2, 7]), np.array([0, 0]))
    cells = LabelColumns("f.csv", ("a", "b"), [["0", "1"], ["1", "x"]], locations)
    assert (cells.where(1), cells.at(1)) == ("f.csv, line 7", "line 7")
    assert cells.holds(1, 1) == "f.csv, line 7: column 'b' holds 'x'"
    assert (len(cells), cells.subject, cells.option("task", "single")) == (2, "f.csv", "--task single")
    python = as_label_columns([[0, 1], [1, 5]])
    assert (python.where(1, 1), python.holds(1, 1)) == ("labels[1, 1]", "labels[1, 1]: 5")
    assert (len(python), python.subject, python.option("task", "single")) == (2, "labels", "task='single'")
    assert (as_label_columns(["x", "y"]).where(1), python.at(1)) == ("labels[1]", "labels[1]")


def test_labels_of_numpy_become_python_s_own():
    (column,) = as_label_columns(np.array([3, 1], np.int16)).cells
    assert column == [3, 1] and {type(label) for label in column} == {int}


def test_a_table_is_taken_as_it_is():
    cells = LabelColumns(None, ("0",), [["a", "b"]], separator=";")
    assert as_label_columns(cells) is cells
