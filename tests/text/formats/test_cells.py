"""What a cell is: a number, a fraction, 0 or 1, blank, or a value that no file of cells can hold."""

import math

import pytest

from slanted.text.formats.cells import Unusable, as_number, is_blank, is_fractional, is_zero_or_one

pytestmark = pytest.mark.once

NUMBERS = {"7": 7.0, "007": 7.0, "+.5": 0.5, "5.": 5.0, "-1.5e-3": -0.0015, " 2 ": 2.0, "1e999": math.inf}
NO_NUMBERS = ["", ".", "1,5", "1_000", "0x1f", "nan", "inf", "1e", "1 2", "٣", "½", "--1"]


@pytest.mark.parametrize("cell", NUMBERS)
def test_a_cell_that_spells_a_decimal_number_is_one(cell):
    assert as_number(cell) == NUMBERS[cell]


@pytest.mark.parametrize("cell", [*NO_NUMBERS, None, b"1", [1]])
def test_all_else_is_no_number(cell):
    assert as_number(cell) is None
    assert not is_fractional(cell) and not is_zero_or_one(cell)


def test_numbers_of_python_are_numbers_however_large():
    assert [as_number(value) for value in (True, 3, 2.5)] == [1.0, 3.0, 2.5]
    assert as_number(10**400) == math.inf


@pytest.mark.parametrize(
    ("cell", "fractional", "bit"),
    [
        ("0", False, True),
        ("1.0", False, True),
        ("1e0", False, True),
        (True, False, True),
        ("-1", False, False),
        ("0.5", True, False),
        (-1.25, True, False),
        ("1e999", False, False),
        (math.nan, False, False),
    ],
)
def test_fractions_and_bits(cell, fractional, bit):
    assert (is_fractional(cell), is_zero_or_one(cell)) == (fractional, bit)


@pytest.mark.parametrize(
    ("cell", "blank"), [("", True), (" \t\u3000\r\n", True), ("\u200b", False), (" a ", False), ("\x00", False)]
)
def test_only_white_space_is_blank(cell, blank):
    assert is_blank(cell) == blank


def test_an_unusable_value_is_no_text_no_number_and_no_bit():
    for cell in (Unusable("an object"), Unusable("a list", ("1",))):
        assert not isinstance(cell, str)
        assert (as_number(cell), is_zero_or_one(cell), is_fractional(cell)) == (None, False, False)
