"""Parse the settings that are not a single number or word, and refuse invalid ones."""

import pytest

from slanted.cli.options import settings_of
from slanted.cli.parsers import parser
from slanted.errors import InputError, SettingError
from slanted.recipe.parsing import (
    check_patterns,
    comma_separated,
    epoch_or_batches,
    factors,
    is_list,
    is_text,
    whole_numbers,
)

once = pytest.mark.once


def recipe_of(*options):
    return settings_of(parser().parse_args(["plan", "train.csv", *options])).recipe


@once
@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--multipliers", "head"], "--multipliers: must be GROUP=FACTOR between commas"),
        (["--unfreeze-at", "0,x"], "--unfreeze-at: must be whole numbers between commas"),
        (["--unfreeze-every", "hour"], "--unfreeze-every: must be epoch or a number of batches, not 'hour'"),
    ],
)
def test_a_spelling_that_cannot_be_read_is_refused(options, message):
    with pytest.raises(InputError) as raised:
        recipe_of(*options)
    assert message in str(raised.value)


@once
@pytest.mark.parametrize(
    ("parse", "text", "value"),
    [
        (comma_separated, " bias , norm,, ", ("bias", "norm")),
        (comma_separated, ",", ()),
        (whole_numbers, " 0, 1,3 ", (0, 1, 3)),
        (whole_numbers, "", ()),
        (factors, "head = 2 , block_0=0.5", {"head": 2.0, "block_0": 0.5}),
        (factors, "", {}),
        (epoch_or_batches, "epoch", "epoch"),
        (epoch_or_batches, "20", 20),
    ],
)
def test_spaces_and_empty_words_do_not_matter(parse, text, value):
    assert parse(text) == value


@once
@pytest.mark.parametrize(
    ("parse", "text", "message"),
    [
        (whole_numbers, "0,1.5", "must be whole numbers between commas, such as 0,1,3, not '0,1.5'"),
        (factors, "head=x", "must be GROUP=FACTOR between commas, such as head=1,block_0=0.5, not 'head=x'"),
        (factors, "head=1=2", "must be GROUP=FACTOR between commas, such as head=1,block_0=0.5, not 'head=1=2'"),
        (epoch_or_batches, "1.5", "must be epoch or a number of batches, not '1.5'"),
        (epoch_or_batches, "", "must be epoch or a number of batches, not ''"),
    ],
)
def test_the_message_says_the_rule_and_what_was_received(parse, text, message):
    with pytest.raises(InputError) as raised:
        parse(text)
    assert str(raised.value) == message


@once
def test_texts_and_lists_are_told_from_what_is_neither():
    assert [is_text(value) for value in ("", "שלום", "\U0001f44d", "a\ud83d", 1, None)] == [True] * 3 + [False] * 3
    lists = ([], (1,), {1}, ["a"])
    assert all(is_list(value) for value in lists)
    assert not any(is_list(value) for value in ("ab", b"ab", {"a": 1}, 1, None, iter([1])))


@once
@pytest.mark.parametrize("patterns", [[], ["bias"], ("^a.*b$", "norm"), {"gamma"}])
def test_regular_expressions_pass(patterns):
    check_patterns(patterns)


@once
@pytest.mark.parametrize("patterns", ["bias", None, ["("], [1], ["\ud83d"], {"bias": 1}])
def test_what_is_no_list_of_regular_expressions_is_refused(patterns):
    with pytest.raises(SettingError) as raised:
        check_patterns(patterns)
    assert str(raised.value) == (
        f"Argument `no_weight_decay` must be a list of regular expressions. Received: no_weight_decay={patterns!r}"
    )
