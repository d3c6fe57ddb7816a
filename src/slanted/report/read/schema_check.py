"""What damage JSON files have: where a value departs from the shape it must have.

A shape is a type, which `object` makes any value; a `Number`; a set of strings or None, one of which it must be;
[shape, at least]: a list of so many or more; (shape, ...): a list of exactly these; {"key": shape, "other?": shape}: an
object with these keys, of which those with a question mark may be missing; {str: shape}: an object of any keys;
`AnyOf` two shapes.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Shape = Any


@dataclass(frozen=True)
class Number:
    """A finite number in [low, high], whole or not."""

    low: float = -math.inf
    high: float = math.inf
    whole: bool = False

    def holds(self, value: Any) -> bool:
        """Return whether a value is such a number."""
        fits = isinstance(value, int if self.whole else int | float) and not isinstance(value, bool)
        return fits and math.isfinite(value) and self.low <= value <= self.high


@dataclass(frozen=True)
class AnyOf:
    """What has one of two shapes."""

    first: Shape
    second: Shape


def fault(value: Any, shape: Shape, where: str = "") -> str | None:
    """Return where a value of JSON's types departs from a shape, None where it does not.

    >>> fault({"a": [1, "2"]}, {"a": [Number(), 0], "b?": str})
    'a[1]'
    """
    if isinstance(shape, AnyOf):
        return None if fault(value, shape.first, where) is None else fault(value, shape.second, where)
    if isinstance(shape, dict):
        return _fault_in_object(value, shape, where) if isinstance(value, dict) else where
    if isinstance(shape, list | tuple):
        return _fault_in_list(value, shape, where) if isinstance(value, list) else where
    if isinstance(shape, Number):
        return None if shape.holds(value) else where
    if isinstance(shape, set):
        return None if isinstance(value, str | None) and value in shape else where
    return None if isinstance(value, shape) else where


def _fault_in_list(values: Sequence[Any], shape: Sequence[Shape], where: str) -> str | None:
    if isinstance(shape, list):
        each, least = shape
        fits, shape = len(values) >= least, (each,) * len(values)
    else:
        fits = len(values) == len(shape)
    if not fits:
        return where
    found = (fault(value, one, f"{where}[{at}]") for at, (value, one) in enumerate(zip(values, shape, strict=True)))
    return next((one for one in found if one is not None), None)


def _fault_in_object(value: Mapping[str, Any], shape: Mapping[Any, Shape], where: str) -> str | None:
    for key, inner in shape.items():
        needed, optional = str(key).removesuffix("?"), key is str or str(key).endswith("?")
        for name in list(value) if key is str else [needed]:
            if name not in value and optional:
                continue
            place = f"{where}.{name}" if where else name
            found = fault(value[name], inner, place) if name in value else place
            if found is not None:
                return found
    return None
