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


def is_real(value: object) -> bool:
    """Return whether a value is a number, whole or not; True and False are none."""
    return isinstance(value, numbers.Real) and not isinstance(value, bool)


def _number(name: str, value: Any) -> float:
    if not is_real(value):
        raise SettingError(name, "a number", value)
    try:
        return float(value)
    except OverflowError:  # a whole number: as too large as infinity is
        return math.inf if value > 0 else -math.inf
