"""JSON text that anybody may have edited -> what it holds."""

import json
from typing import Any


def decoded(text: str | bytes) -> Any:
    """Return what JSON text holds.

    >>> decoded('{"epochs": 3}')
    {'epochs': 3}

    Raises:
        ValueError: It is no JSON, or nested too deeply for Python's reader.
    """
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
