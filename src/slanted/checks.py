"""Checks of the numbers a caller passes: each returns the number or raises with the rule and what was received."""

import math
import numbers
import operator
from typing import Any

from slanted.errors import SettingError


def positive(name: str, value: Any, least: float = 0.0) -> float:
    """Return `value` as a finite float above 0, or at least `least` where that is given."""
    number = _number(name, value)
    if not math.isfinite(number) or number <= 0.0 or number < least:
        rule = f">= {least:g}" if least else "> 0"
        raise SettingError(name, f"a finite number {rule}", value)
    return number


def not_negative(name: str, value: Any) -> float:
    """Return `value` as a finite float of at least 0."""
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


def whole(name: str, value: Any, least: int = 1) -> int:
    """Return `value` as a whole number of at least `least`."""
    try:
        number = operator.index(value)
    except TypeError:
        number = None
    if number is None or isinstance(value, bool) or number < least:
        raise SettingError(name, f"a whole number >= {least}", value)
    return number


def _number(name: str, value: Any) -> float:
    if not isinstance(value, numbers.Real) or isinstance(value, bool):
        raise SettingError(name, "a number", value)
    return float(value)
