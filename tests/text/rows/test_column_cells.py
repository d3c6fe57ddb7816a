"""Cells of one column: what is collected, and what is a problem."""

import math

import pytest

from slanted.text.formats.cells import MISSING, UNLABELLED, Unusable
from slanted.text.rows.column_cells import Kept, Labels, Names, Problem, Texts, Weights, missing, nul
from slanted.text.rows.columns import Columns

pytestmark = pytest.mark.once


def reason(value):
    assert isinstance(value, Problem)
    return value.reason


def test_texts_may_be_empty_where_they_are_predicted():
    assert Texts("t", may_be_empty=True).read(" ") == " "
    assert reason(Texts("t", may_be_empty=False).read(" ")) == "column 't' is empty; fill it in or remove the row"
    assert not Texts("t", may_be_empty=True).read("a\0b").skippable


def test_equal_labels_are_one_object():
    labels = Labels("y", Columns("t", labels=("y",)))
    for cell in ("a" * 9, "".join(["a"] * 9), "b"):
        labels.add(labels.read(cell))
    assert labels.cells == ["a" * 9, "a" * 9, "b"] and labels.cells[0] is labels.cells[1]
    assert reason(Names("g").read("")) == "column 'g' is empty; fill it in or remove the row"


def test_weights_are_finite_numbers_and_may_be_empty_where_rows_have_parts():
    column = Weights("w", may_be_empty=True)
    for cell in ("0", "2.5", "", MISSING):
        column.add(column.read(cell))
    assert column.cells[:2].tolist() == [0.0, 2.5] and all(map(math.isnan, column.cells[2:]))
    for bad in ("-1", "nan", "inf", "much"):
        problem = Weights("w", may_be_empty=False).read(bad)
        assert f"column 'w' holds '{bad}', but a weight is a finite number >= 0" in reason(problem)
        assert not problem.skippable
    assert "is empty" in reason(Weights("w", may_be_empty=False).read(""))


def test_lists_are_copied_as_json_and_objects_are_refused():
    column = Kept("k")
    assert column.read(Unusable("a list", ("a", "b"))) == '["a", "b"]' and column.read(MISSING) == ""
    assert "column 'k' holds an object, which is not copied" in reason(column.read(Unusable("an object")))


def test_a_missing_cell_says_what_is_missing():
    assert reason(missing("k", MISSING)) == "key 'k' is missing; give every line the keys that are read"
    assert "no word begins with __label__" in reason(missing("k", UNLABELLED))
    assert "a NUL character stands here, in column 'k'" in reason(nul("k"))
