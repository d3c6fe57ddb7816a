"""Decode JSON text, and refuse text that is not valid."""

import pytest

from slanted.common.strict_json import decoded, decoded_strictly

pytestmark = pytest.mark.once


@pytest.mark.parametrize("read", [decoded, decoded_strictly])
@pytest.mark.parametrize(
    ("text", "held"),
    [
        ('{"a": [1, -2.5, true, null, "é"]}', {"a": [1, -2.5, True, None, "é"]}),
        (r'"\ud83d\udc4d"', "\U0001f44d"),
        (r'"\\ud800"', r"\ud800"),
        ("9" * 308, 10**308 - 1),
        ("1e-999", 0.0),
    ],
)
def test_what_is_read(read, text, held):
    assert read(text) == held


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 100_000])
def test_what_is_nested_too_deeply_is_a_value_error(text):
    with pytest.raises(ValueError, match="it is nested too deeply"):
        decoded(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (str(10**308), "it holds a number of 309 digits"),
        (str(10**4000), "it holds a number of 4,001 digits"),
        ("[NaN]", "it holds NaN, which is no finite number"),
        ("-Infinity", "it holds -Infinity, which is no finite number"),
        ("-1e999", "it holds -1e999, which is no finite number"),
        (r'"a\ud83d"', "it holds half a character"),
        (r'{"\uDC4D": 1}', "it holds half a character"),
    ],
)
def test_what_no_run_writes(text, said):
    decoded(text)
    with pytest.raises(ValueError) as raised:
        decoded_strictly(text)
    assert str(raised.value) == said
