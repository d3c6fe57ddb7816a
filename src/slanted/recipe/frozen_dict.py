"""A dict that cannot be changed, so that what holds it can be shared and hashed."""

from typing import Any, NoReturn


class FrozenDict(dict[str, Any]):
    """A dict without ways to change it.

    >>> FrozenDict(head=1.0) == {"head": 1.0}, hash(FrozenDict(a=1, b=2)) == hash(FrozenDict(b=2, a=1))
    (True, True)
    """

    def _refuse(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise TypeError("This dict cannot be changed: make a new one, for a recipe with `with_settings`.")

    __setitem__ = __delitem__ = __ior__ = clear = pop = popitem = setdefault = update = _refuse  # type: ignore[assignment]

    def __hash__(self) -> int:  # type: ignore[override]
        """Return the same for equal dicts."""
        return hash(frozenset(self.items()))

    def __reduce__(self) -> tuple[Any, ...]:
        """Be copied and pickled as a whole: entry by entry it would be changed."""
        return type(self), (dict(self),)
