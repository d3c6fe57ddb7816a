"""Parse and check the settings of a recipe that are not a single number or word, such as lists and patterns."""

import re
from collections.abc import Callable, Collection, Mapping
from typing import Any

from slanted.common.messages import is_encodable
from slanted.errors import InputError, SettingError
from slanted.recipe.choices import AUTO


def comma_separated(text: str) -> tuple[str, ...]:
    """Return the words of a comma-separated text.

    >>> comma_separated("bias, norm"), comma_separated("")
    (('bias', 'norm'), ())
    """
    return tuple(word.strip() for word in text.split(",") if word.strip())


def whole_numbers(text: str) -> tuple[int, ...]:
    """Return the integers of a comma-separated text.

    >>> whole_numbers("0,1,3")
    (0, 1, 3)
    """
    try:
        return tuple(int(word) for word in comma_separated(text))
    except ValueError:
        raise InputError(f"must be whole numbers between commas, such as 0,1,3, not {text!r}") from None


def factors(text: str) -> dict[str, float]:
    """Return name -> factor, from comma-separated pairs NAME=FACTOR.

    >>> factors("embeddings=1,head=0.5")
    {'embeddings': 1.0, 'head': 0.5}
    """
    pairs = [word.partition("=") for word in comma_separated(text)]
    try:
        return {name.strip(): float(number) for name, _, number in pairs}
    except ValueError:
        raise InputError(f"must be GROUP=FACTOR between commas, such as head=1,block_0=0.5, not {text!r}") from None


def epoch_or_batches(text: str) -> str | int:
    """Return "epoch", or a number of batches.

    >>> epoch_or_batches("epoch"), epoch_or_batches("200")
    ('epoch', 200)
    """
    try:
        return text if text == "epoch" else int(text)
    except ValueError:
        raise InputError(f"must be epoch or a number of batches, not {text!r}") from None


def whole_or_auto(text: str) -> int | str:
    """Return "auto", or a whole number.

    >>> whole_or_auto("auto"), whole_or_auto("3")
    ('auto', 3)
    """
    return text if text == AUTO else int(text)


def share_or_auto(text: str) -> float | str:
    """Return "auto", or a number.

    >>> share_or_auto("auto"), share_or_auto("0.1")
    ('auto', 0.1)
    """
    return text if text == AUTO else float(text)


def or_auto(check: Callable[[str, Any], Any]) -> Callable[[str, Any], Any]:
    """Return a check that also accepts "auto"."""
    return lambda name, value: None if isinstance(value, str) and value == AUTO else check(name, value)


def is_text(value: Any) -> bool:
    """Return whether a value is a text that recipe.json can hold."""
    return isinstance(value, str) and is_encodable(value)


def is_list(value: Any) -> bool:
    """Return whether a value is a collection, but not a string and not a mapping."""
    return isinstance(value, Collection) and not isinstance(value, str | bytes | Mapping)


def check_patterns(patterns: Any) -> None:
    """Raise SettingError unless `patterns`, the setting `no_weight_decay`, is a list of regular expressions."""
    try:
        is_valid = is_list(patterns) and all(is_text(pattern) and re.compile(pattern) for pattern in patterns)
    except re.error:
        is_valid = False
    if not is_valid:
        raise SettingError("no_weight_decay", "a list of regular expressions", patterns)
