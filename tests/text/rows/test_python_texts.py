"""Texts that Python gives: of which shapes and types they may be, and which text is refused."""

import numpy as np
import pytest
from row_files import refusal

from slanted.text.rows.python_texts import as_texts

pytestmark = pytest.mark.once

PAIRS = [("a", "b"), ("c", "d")]
SHAPE = "texts must have the shape (n,), or (n, 2) for pairs, with n >= 1, not "


@pytest.mark.parametrize("texts", [["a", "c"], ("a", "c"), np.array(["a", "c"]), np.array([["a"], ["c"]])])
def test_single_texts_come_as_a_list_of_strings(texts):
    first, second = as_texts(texts)
    assert (first, second) == (["a", "c"], None)
    assert {type(text) for text in first} == {str}


@pytest.mark.parametrize("texts", [PAIRS, np.array(PAIRS), np.array(PAIRS, object), [list(pair) for pair in PAIRS]])
def test_pairs_come_as_two_lists(texts):
    assert as_texts(texts) == (["a", "c"], ["b", "d"])


def test_two_texts_are_no_pair():
    assert as_texts(["a", "b"]) == (["a", "b"], None)


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ("abc", "texts must be a sequence of strings, not one string; put it in a list"),
        ([], f"{SHAPE}(0,)"),
        (7, f"{SHAPE}()"),
        (iter(["a"]), f"{SHAPE}()"),
        ([["a", "b", "c"]], f"{SHAPE}(1, 3)"),
        (np.zeros((2, 2, 2)), f"{SHAPE}(2, 2, 2)"),
        (["a", None], "texts[1] must be a string, not NoneType"),
        (["a", b"b"], "texts[1] must be a string, not bytes"),
        ([("a", 1.5)], "texts[0, 1] must be a string, not float"),
        (["a", "\u00a0\n"], "texts[1] is empty; give a text or leave the row out"),
        ([("a", "b"), ("", "c")], "texts[1, 0] is empty; give a text or leave the row out"),
    ],
)
def test_what_is_no_texts_is_refused(texts, message):
    assert refusal(as_texts, texts) == message


def test_a_text_of_zero_width_characters_is_a_text():
    assert as_texts(["\u200b"]) == (["\u200b"], None)
