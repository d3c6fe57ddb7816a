"""Texts with their labels as numbers: made of rows, and taken with all that belongs to them."""

import numpy as np
import pytest
from row_files import refusal, rows_of

from slanted.text.labels.examples import Examples
from slanted.text.labels.targets import Target, infer_target

pytestmark = [pytest.mark.once, pytest.mark.usefixtures("in_empty_folder")]


def test_rows_become_examples_with_encoded_labels_and_places():
    rows = rows_of("a,b,y", "c,d,x", header="text,text_b,label")
    examples = Examples.of(rows, infer_target(rows))
    assert (len(examples), examples.texts, examples.texts_b, examples.y.tolist()) == (2, ["a", "c"], ["b", "d"], [1, 0])
    assert examples.locations[1] == "f.csv, line 3"


def test_labels_that_the_target_lacks_are_refused():
    target = infer_target(rows_of("a,x", "b,y"))
    assert refusal(Examples.of, rows_of("a,z", name="g.csv"), target).startswith(
        "g.csv, line 2: column 'label' holds 'z'"
    )


def test_take_keeps_texts_labels_and_places_together():
    rows = rows_of("a,b,y", "c,d,x", "e,f,x", header="text,text_b,label")
    taken = Examples.of(rows, infer_target(rows)).take(np.array([2, 0]))
    assert (taken.texts, taken.texts_b, taken.y.tolist()) == (["e", "a"], ["f", "b"], [0, 1])
    assert [taken.locations[row] for row in range(2)] == ["f.csv, line 4", "f.csv, line 2"]


def test_single_texts_of_python_have_neither_second_texts_nor_places():
    examples = Examples(["a", "b", "c"], None, np.array([[1, 0], [0, 1], [1, 1]]))
    taken = examples.take(np.array([1]))
    assert (taken.texts, taken.texts_b, taken.y.tolist(), taken.locations) == (["b"], None, [[0, 1]], None)
    assert len(examples.take(np.array([], int))) == 0


def test_where_names_the_line_of_a_file_or_the_label_of_python():
    assert Examples.of(rows_of("a,x"), Target("single", ("x",))).where(0) == "f.csv, line 2"
    assert Examples(["a", "b"]).where(1) == "labels[1]"


def test_texts_to_predict_have_no_labels():
    taken = Examples(["a", "b"], ["c", "d"]).take(np.array([1]))
    assert (taken.texts, taken.texts_b, taken.labels) == (["b"], ["d"], None)
    with pytest.raises(AssertionError, match="these examples have no labels"):
        _ = taken.y
