"""JSON text that anybody may have edited -> what it holds."""

import json
import math
import re
from typing import Any

_MOST_DIGITS = 308  # of the whole numbers that a float can hold
_HALF = re.compile(r"\\u[dD][89a-fA-F]")

NUMBER = int | float


def decoded(text: str | bytes, **hooks: Any) -> Any:
    """Return what JSON text holds.

    >>> decoded('{"epochs": 3}')
    {'epochs': 3}

    Args:
        text: The text.
        hooks: As `json.loads` takes them.

    Raises:
        ValueError: It is no JSON, or nested too deeply for Python's reader.
    """
    try:
        return json.loads(text, **hooks)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def decoded_strictly(text: str) -> Any:
    """Return what JSON text of ours holds: its numbers are finite as floats too, and UTF-8 can hold its texts.

    Raises:
        ValueError: It is not what we write.
    """
    held = decoded(text, parse_int=_whole, parse_float=_real, parse_constant=_real)
    if _HALF.search(text):  # two halves are one character
        try:
            json.dumps(held, ensure_ascii=False).encode("utf-8")
        except UnicodeEncodeError:
            raise ValueError("it holds half a character") from None
    return held


def _whole(digits: str) -> int:
    if len(digits) > _MOST_DIGITS:
        raise ValueError(f"it holds a number of {len(digits):,} digits")
    return int(digits)


def _real(spelt: str) -> float:
    number = float(spelt)
    if not math.isfinite(number):
        raise ValueError(f"it holds {spelt}, which is no finite number")
    return number
