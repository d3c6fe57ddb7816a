"""The layer group of each trainable variable of a model, matched again when the model is loaded or rebuilt."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Member:
    """The group of a variable, and whether weight decay applies to it."""

    path: str
    shape: tuple[int, ...]
    group: int
    decays: bool
    variable: Any = field(default=None, repr=False, compare=False)


@dataclass
class Grouping:
    """The groups of an optimizer, the input side first: their names, rate multipliers and whether they are open."""

    names: tuple[str, ...]
    scales: tuple[float, ...]
    members: list[Member]
    is_open: list[bool] = field(init=False)

    def __post_init__(self) -> None:
        self.is_open = [True] * len(self.names)

    def align(self, variables: Sequence[Any]) -> None:
        """Sort the members in the order of `variables`, which the optimizer is built on.

        Raises:
            ValueError: A variable is in no group.
        """
        self.members = [
            Member(variable.path, tuple(variable.shape), member.group, member.decays, variable)
            for variable, member in zip(variables, self._members_of(variables), strict=True)
        ]

    def _members_of(self, variables: Sequence[Any]) -> list[Member]:
        by_identity = {id(member.variable): member for member in self.members if member.variable is not None}
        if all(id(variable) in by_identity for variable in variables):
            return [by_identity[id(variable)] for variable in variables]
        paths = [variable.path for variable in variables]
        if paths == [member.path for member in self.members]:
            return self.members
        by_path = {member.path: member for member in self.members}
        if len(by_path) == len(self.members) and len(set(paths)) == len(paths) and by_path.keys() >= set(paths):
            return [by_path[path] for path in paths]
        if not by_identity and [m.shape for m in self.members] == [tuple(v.shape) for v in variables]:
            return self.members  # loaded from a file, and the rebuilt model has other layer names
        missing = [path for path in paths if path not in by_path]
        raise ValueError(
            "Every variable the optimizer trains must be in a layer group. "
            f"In none: {', '.join(missing or paths)}. Pass slanted.layer_groups(model) of the model that is trained."
        )

    def to_config(self) -> list[list[Any]]:
        """Return the members as JSON types."""
        return [[m.path, list(m.shape), m.group, m.decays] for m in self.members]

    @staticmethod
    def members_from_config(table: Sequence[Sequence[Any]]) -> list[Member]:
        """Return the members that `to_config` wrote, without their variables."""
        return [Member(path, tuple(shape), group, decays) for path, shape, group, decays in table]
