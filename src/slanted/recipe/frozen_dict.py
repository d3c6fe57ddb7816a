"""An immutable dict, so that a recipe can be shared and hashed."""

from typing import Any, NoReturn


class FrozenDict(dict[str, Any]):
    """An immutable, hashable dict.

    >>> FrozenDict(head=1.0) == {"head": 1.0}, hash(FrozenDict(a=1, b=2)) == hash(FrozenDict(b=2, a=1))
    (True, True)
    """

    def _refuse(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise TypeError("This dict cannot be changed: make a new one, for a recipe with `with_settings`.")

    __setitem__ = __delitem__ = __ior__ = clear = pop = popitem = setdefault = update = _refuse  # type: ignore[assignment]

    def __hash__(self) -> int:  # type: ignore[override]
        """Return the hash of the items, in any order."""
        return hash(frozenset(self.items()))

    def __reduce__(self) -> tuple[Any, ...]:
        """Support copying and pickling, which would otherwise set the items one by one."""
        return type(self), (dict(self),)
