"""Decode JSON text that a user may have edited."""

import json
import math
import re
from typing import Any

from slanted.common.messages import is_encodable

_MOST_DIGITS = 308  # of the whole numbers that a float can hold
_HALF = re.compile(r"\\u[dD][89a-fA-F]")

NUMBER = int | float


def decoded(text: str | bytes, **hooks: Any) -> Any:
    """Return the value of JSON text.

    >>> decoded('{"epochs": 3}')
    {'epochs': 3}

    Args:
        text: The text.
        hooks: The hooks of `json.loads`, such as `parse_float`.

    Raises:
        ValueError: The text is not JSON, or is nested too deeply for Python's reader.
    """
    try:
        return json.loads(text, **hooks)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def decoded_strictly(text: str) -> Any:
    """Return the value of JSON text that slanted wrote: its numbers are finite, and UTF-8 can encode its strings.

    Raises:
        ValueError: The text is not JSON, a number is not finite, or a string has a lone surrogate.
    """
    value = decoded(text, parse_int=_whole, parse_float=_real, parse_constant=_real)
    if _HALF.search(text) and not is_encodable(json.dumps(value, ensure_ascii=False)):  # two halves are one character
        raise ValueError("it holds half a character")
    return value


def _whole(digits: str) -> int:
    if len(digits) > _MOST_DIGITS:
        raise ValueError(f"it holds a number of {len(digits):,} digits")
    return int(digits)


def _real(spelt: str) -> float:
    number = float(spelt)
    if not math.isfinite(number):
        raise ValueError(f"it holds {spelt}, which is no finite number")
    return number
