"""Names and values in messages are short, quoted and on one line, and UTF-8 can hold them."""

import pytest

from slanted.common.messages import (
    aligned,
    file_name,
    is_encodable,
    listed,
    option_of,
    plural,
    replace_lone_surrogates,
    shown,
)

pytestmark = pytest.mark.once

HALF, OTHER_HALF, BOTH = "\ud83d", "\udc4d", "\U0001f44d"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a", "'a'"),
        ("it's", '"it\'s"'),
        ("a\nb\t\x00", r"'a\nb\t\x00'"),
        (HALF, r"'\ud83d'"),
        ("x" * 60, "'" + "x" * 60 + "'"),
        ("x" * 61, "'" + "x" * 59 + "…'"),
        (0.5, "0.5"),
        (None, "None"),
        (10**59, str(10**59)),
        (10**60, "1" + "0" * 58 + "…"),
    ],
)
def test_a_value_is_quoted_cut_and_on_one_line(value, text):
    assert shown(value) == text


def test_twenty_values_are_listed_and_the_others_counted():
    names = [f"n{number}" for number in range(2020)]
    twenty = ", ".join(f"'n{number}'" for number in range(20))
    assert listed([]) == ""
    assert listed(names[:20]) == twenty
    assert listed(names[:21]) == f"{twenty} and 1 more"
    assert listed(names) == f"{twenty} and 2,000 more"


@pytest.mark.parametrize(
    ("path", "text"), [("a b/ü.csv", "a b/ü.csv"), ("a\nb.csv", r"'a\nb.csv'"), ("a\udcff.csv", r"'a\udcff.csv'")]
)
def test_a_path_is_quoted_only_where_it_would_break_the_line(path, text):
    assert file_name(path) == text


@pytest.mark.parametrize(("name", "option"), [("lr_max", "--lr"), ("seed", "--seed"), ("max_tokens", "--max-tokens")])
def test_a_setting_is_named_by_its_option(name, option):
    assert option_of(name) == option


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 rows"), (1, "1 row"), (2, "2 rows"), (1000, "1,000 rows"), (-1, "-1 rows")]
)
def test_a_count_stands_with_its_noun(count, text):
    assert plural(count, "row") == text


@pytest.mark.parametrize(
    ("text", "encodable", "mended"),
    [
        ("שלום " + BOTH, True, "שלום " + BOTH),
        ("a" + HALF, False, "a\ufffd"),
        (OTHER_HALF + "a", False, "\ufffda"),
        ("a" + HALF + OTHER_HALF, False, "a" + BOTH),
        (OTHER_HALF + HALF, False, "\ufffd\ufffd"),
        ("", True, ""),
    ],
)
def test_lone_halves_of_characters_are_found_and_replaced(text, encodable, mended):
    assert is_encodable(text) == encodable
    assert replace_lone_surrogates(text) == mended
    assert is_encodable(mended)


def test_columns_of_a_table_are_aligned_left_or_right():
    rows = [["a", "bb", "ccc"], ["aaa", "b", "c"]]
    assert aligned(rows) == "a    bb  ccc\naaa   b    c"
    assert aligned(rows, left=(0, -1)) == "a    bb  ccc\naaa   b  c"
    assert aligned(rows, left=(-1,)) == "  a  bb  ccc\naaa   b  c"
