"""Checks of numeric arguments: each returns the number, or raises SettingError with the rule and the value received."""

import math
import numbers
import operator
from dataclasses import fields
from typing import Any

import numpy as np

from slanted.errors import SettingError


def positive(name: str, value: Any, least: float = 0.0) -> float:
    """Return `value` as a finite float > 0, and >= `least`."""
    number = _number(name, value)
    if not math.isfinite(number) or number <= 0.0 or number < least:
        rule = f">= {least:g}" if least else "> 0"
        raise SettingError(name, f"a finite number {rule}", value)
    return number


def not_negative(name: str, value: Any) -> float:
    """Return `value` as a finite float >= 0."""
    number = _number(name, value)
    if not math.isfinite(number) or number < 0.0:
        raise SettingError(name, "a finite number >= 0", value)
    return number


def within(name: str, value: Any, most: float) -> float:
    """Return `value` as a float in [0, most]."""
    number = _number(name, value)
    if not 0.0 <= number <= most:
        raise SettingError(name, f"in [0, {most:g}]", value)
    return number


def fraction(name: str, value: Any) -> float:
    """Return `value` as a float in [0, 1]."""
    return within(name, value, 1.0)


def share(name: str, value: Any, remedy: str = "") -> float:
    """Return `value` as a float in [0, 1)."""
    number = fraction(name, value)
    if number == 1.0:
        raise SettingError(name, "below 1", value, remedy)
    return number


def rate(name: str, value: Any) -> float:
    """Return `value` as a float in (0, 1]."""
    if not is_real(value) or not 0.0 < value <= 1.0:
        raise SettingError(name, "in (0, 1]", value)
    return float(value)


def whole(name: str, value: Any, least: int = 1, most: int | None = None) -> int:
    """Return `value` as an int >= `least`, and <= `most` unless that is None."""
    try:
        number = operator.index(value)
    except TypeError:
        number = None
    if number is None or isinstance(value, bool) or number < least:
        raise SettingError(name, f"a whole number >= {least}", value)
    if most is not None and number > most:
        raise SettingError(name, f"at most {most}", value)
    return number


def plain(value: Any) -> Any:
    """Return a NumPy scalar as a Python number, also within tuples, lists and dictionaries."""
    if isinstance(value, (tuple, list)):
        return type(value)(plain(one) for one in value)
    if isinstance(value, dict):
        return {name: plain(one) for name, one in value.items()}
    return value.item() if isinstance(value, np.generic) else value


def make_plain(settings: Any) -> None:
    """Convert NumPy scalars in the fields of a frozen dataclass to Python numbers, which JSON can represent."""
    for field in fields(settings):
        object.__setattr__(settings, field.name, plain(getattr(settings, field.name)))


def is_real(value: object) -> bool:
    """Return whether a value is an integer or a float; booleans are neither."""
    return isinstance(value, numbers.Real) and not isinstance(value, bool)


def _number(name: str, value: Any) -> float:
    if not is_real(value):
        raise SettingError(name, "a number", value)
    try:
        return float(value)
    except OverflowError:  # an integer beyond the range of float
        return math.inf if value > 0 else -math.inf
