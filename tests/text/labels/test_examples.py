"""Texts with their labels as numbers: made of rows, and taken with all that belongs to them."""

import numpy as np
import pytest
from row_files import refusal, rows_of

from slanted.text.labels.examples import Part
from slanted.text.labels.targets import infer_target

pytestmark = [pytest.mark.once, pytest.mark.usefixtures("in_empty_folder")]


def test_rows_become_examples_with_encoded_labels_and_places():
    rows = rows_of("a,b,y", "c,d,x", header="text,text_b,label")
    part = Part.of(rows, infer_target(rows))
    assert (len(part), part.texts, part.texts_b, part.y.tolist()) == (2, ["a", "c"], ["b", "d"], [1, 0])
    assert part.places[1] == "f.csv, line 3"


def test_labels_that_the_target_lacks_are_refused():
    target = infer_target(rows_of("a,x", "b,y"))
    assert refusal(Part.of, rows_of("a,z", name="g.csv"), target).startswith("g.csv, line 2: column 'label' holds 'z'")


def test_take_keeps_texts_labels_and_places_together():
    rows = rows_of("a,b,y", "c,d,x", "e,f,x", header="text,text_b,label")
    taken = Part.of(rows, infer_target(rows)).take(np.array([2, 0]))
    assert (taken.texts, taken.texts_b, taken.y.tolist()) == (["e", "a"], ["f", "b"], [0, 1])
    assert [taken.places[row] for row in range(2)] == ["f.csv, line 4", "f.csv, line 2"]


def test_single_texts_of_python_have_neither_second_texts_nor_places():
    part = Part(["a", "b", "c"], None, np.array([[1, 0], [0, 1], [1, 1]]))
    taken = part.take(np.array([1]))
    assert (taken.texts, taken.texts_b, taken.y.tolist(), taken.places) == (["b"], None, [[0, 1]], None)
    assert len(part.take(np.array([], int))) == 0
