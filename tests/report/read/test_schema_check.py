"""Where a value of JSON's types departs from a shape, by every kind of shape."""

import math

import pytest

from slanted.report.read.schema_check import AnyOf, Number, fault

pytestmark = pytest.mark.once


@pytest.mark.parametrize(
    ("number", "fits", "does_not"),
    [
        (Number(), [0, -1.5, 1e300], [None, "1", True, math.inf, -math.inf, math.nan]),
        (Number(0), [0, 0.0, 7], [-1e-9, -1]),
        (Number(0, 1), [0, 0.5, 1], [1.001, -0.001]),
        (Number(1, whole=True), [1, 10**20], [0, 1.0, True]),
    ],
)
def test_a_number_is_finite_in_its_range_and_no_truth_value(number, fits, does_not):
    assert all(number.holds(value) for value in fits)
    assert not any(number.holds(value) for value in does_not)


@pytest.mark.parametrize(
    ("shape", "fits", "does_not"),
    [
        (str, ["", "x"], [None, 1, []]),
        (object, [None, 1, {"a": []}], []),
        ({"a", "b"}, ["a", "b"], ["c", None, 1, ["a"]]),
        ({"a", None}, ["a", None], ["b", 0]),
        ([str, 1], [["x"], ["x", "y"]], [[], "xy", {"0": "x"}, [1]]),
        ([str, 0], [[], ["x"]], [None]),
        ((str, Number()), [["x", 1]], [["x"], ["x", 1, 2], [1, "x"], "x1"]),
        (AnyOf(str, type(None)), ["x", None], [1, []]),
        ({"a": str}, [{"a": "x"}, {"a": "x", "more": 1}], [{}, {"a": 1}, [], None]),
        ({"a?": str}, [{}, {"a": "x"}], [{"a": 1}, {"a": None}]),
        ({str: Number()}, [{}, {"x": 1, "y": 2}], [{"x": 1, "y": "2"}, []]),
    ],
)
def test_every_kind_of_shape(shape, fits, does_not):
    assert all(fault(value, shape) is None for value in fits)
    assert not any(fault(value, shape) is None for value in does_not)


@pytest.mark.parametrize(
    ("value", "place"),
    [
        ([], ""),
        ({}, "rows"),
        ({"rows": [{"n": 1}, {"n": "2"}]}, "rows[1].n"),
        ({"rows": [{"n": 1}, {}]}, "rows[1].n"),
        ({"rows": [{"n": 1}, 2]}, "rows[1]"),
        ({"rows": [], "pair": ["x"]}, "pair"),
        ({"rows": [], "pair": ["x", "y"]}, "pair[1]"),
        ({"rows": [], "scores": {"f1": 1, "mae": None}}, "scores.mae"),
    ],
)
def test_the_first_fault_is_named_by_its_way(value, place):
    shape = {"rows": [{"n": Number()}, 0], "pair?": (str, Number()), "scores?": {str: Number()}}
    assert fault(value, shape) == place


def test_of_two_shapes_the_second_names_the_place():
    shape = {"files": AnyOf(type(None), {"train": str})}
    assert fault({"files": {"train": 1}}, shape) == "files.train"
    assert fault({"files": []}, shape) == "files"
