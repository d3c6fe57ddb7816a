"""LayerwiseOptimizer: any Keras optimizer with a learning rate for each layer group."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras

from slanted.common.argument_checks import positive
from slanted.errors import InputError, SettingError
from slanted.keras_private.group_membership import Grouping, Member
from slanted.keras_private.grouped import GroupedOptimizer
from slanted.keras_private.loss_scaling import innermost
from slanted.layerwise.layer_groups import LayerGroup

__all__ = ["LayerwiseOptimizer"]

NoDecay = Sequence[str] | Callable[[Any], bool]


@keras.saving.register_keras_serializable(package="slanted")
class LayerwiseOptimizer(GroupedOptimizer, keras.optimizers.Optimizer):
    """A Keras optimizer with a learning rate for each layer group.

        rate = schedule(step) * multiplier(group of the variable) * open(group, step)
        multiplier(group) = layer_decay ** (number of groups above it)

    The update and the decoupled weight decay both use this product. The bias correction of a group counts the updates
    of that group. `global_clipnorm` clips by one norm over all open groups. `learning_rate` reads and sets the value of
    the schedule. Adafactor limits the rate of each group to 1 / sqrt(updates), as it limits any learning rate.

    The optimizer is not copied: the instance becomes a LayerwiseOptimizer and keeps its state. Nadam is not supported,
    because it has one momentum schedule for all variables, nor is ScheduleFreeAdamW, whose average of weights counts
    each step alike, whatever the rate. Optimizers that wrap others are not supported either: for loss scaling, pass
    LayerwiseOptimizer to `keras.optimizers.LossScaleOptimizer`, as `compile` does.

    Args:
        optimizer: A Keras optimizer.
        groups: The groups of the model to train, from `slanted.layer_groups`, the input side first.
        layer_decay: The multiplier of a group divided by that of the next higher group, in (0, 1]; 1: one learning rate
            for all groups.
        multipliers: Group name -> multiplier > 0, which overrides the one from `layer_decay`.
        no_weight_decay: The variables that are not decayed: regular expressions that are searched for in
            `variable.path`, or a function from a variable to bool. Keras's `exclude_from_weight_decay` compares the
            last part of the path only.

    Raises:
        ValueError: An argument is out of its range, a group is unknown, or the optimizer is not supported.

    >>> from slanted.layerwise.layer_groups import layer_groups
    >>> low, top = keras.layers.Dense(3, name="low"), keras.layers.Dense(2, name="top")
    >>> model = keras.Sequential([keras.Input((4,)), low, top])
    >>> optimizer = LayerwiseOptimizer(keras.optimizers.Adam(0.5), layer_groups(model), layer_decay=0.5)
    >>> optimizer.group_rates()
    {'low': 0.25, 'top': 0.5}

    Sources: Howard and Ruder 2018, section 3.2 (a decay of 1 / 2.6); Clark et al. 2020, "ELECTRA"; Zhang et al. 2020,
    arXiv 2006.05987.
    """

    def __new__(
        cls,
        optimizer: Any,
        groups: Sequence[LayerGroup],
        layer_decay: float = 0.95,
        multipliers: Mapping[str, float] | None = None,
        no_weight_decay: NoDecay = (),
    ) -> "LayerwiseOptimizer":
        """Change the class of `optimizer` to LayerwiseOptimizer, and return it."""
        _refuse_unsuitable(optimizer)
        names = tuple(group.name for group in groups)
        decay = _layer_decay(layer_decay)
        factors = {name: positive(f"multipliers[{name!r}]", factor) for name, factor in (multipliers or {}).items()}
        grouping = Grouping(names, _scales(names, decay, factors), _members(groups, no_weight_decay))
        made = cls.adopt(optimizer)
        made._settings = {"layer_decay": decay, "multipliers": factors}
        made._set_grouping(grouping)
        return made

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Do nothing: `__new__` returns a complete optimizer, which Keras's `__init__` would reset."""

    @property
    def groups(self: Any) -> list[LayerGroup]:
        """The layer groups, the input side first."""
        grouping = self._grouping
        return [
            LayerGroup(name, depth, tuple(m.variable for m in grouping.members if m.group == depth))
            for depth, name in enumerate(grouping.names)
        ]

    @property
    def group_names(self: Any) -> tuple[str, ...]:
        """The names of the groups, the input side first."""
        return self._grouping.names

    @property
    def multipliers(self: Any) -> dict[str, float]:
        """Group name -> multiplier of the schedule's rate."""
        return dict(zip(self._grouping.names, self._grouping.scales, strict=True))

    @property
    def open_groups(self: Any) -> tuple[str, ...]:
        """The names of the groups that are trained, the input side first."""
        grouping = self._grouping
        return tuple(name for name, is_open in zip(grouping.names, grouping.is_open, strict=True) if is_open)

    def group_rates(self: Any) -> dict[str, float]:
        """Return group name -> learning rate at the next batch; 0 for a closed group."""
        current: Any = keras.ops.convert_to_numpy(self.learning_rate)
        rate = float(current)
        return {name: rate * scale * (name in self.open_groups) for name, scale in self.multipliers.items()}

    def group_updates(self: Any) -> dict[str, int]:
        """Return group name -> number of updates of the group."""
        updates: Any = keras.ops.convert_to_numpy(self._group_state.updates)
        return {name: int(count) for name, count in zip(self._grouping.names, updates, strict=True)}

    def open_only(self: Any, names: Sequence[str]) -> None:
        """Open (unfreeze) these groups and close all others.

        A training step that is compiled already does not change. Within `fit`, use `slanted.GradualUnfreezing`, which
        compiles the step again. In a custom training loop, compile the step again yourself.

        Args:
            names: The names of the groups to train, at least one.

        Raises:
            ValueError: A name is unknown, or there is none.
        """
        _refuse_unknown(names, self._grouping.names)
        if not names:
            raise InputError(f"At least one group must be open. Groups are: {', '.join(self._grouping.names)}")
        self._open_only([name in names for name in self._grouping.names])

    def get_config(self: Any) -> dict[str, Any]:
        """Return the configuration; variables are described by path and shape."""
        grouping = self._grouping
        table = {"groups": list(grouping.names), "variables": grouping.to_config()}
        return {**super().get_config(), **self._settings, **table}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Any:
        """Create the optimizer from its configuration; variables are matched by path when it is built."""
        plain = super().from_config(config, custom_objects)
        members = Grouping.members_from_config(config["variables"])
        groups = [
            LayerGroup(name, depth, tuple(m for m in members if m.group == depth))
            for depth, name in enumerate(config["groups"])
        ]
        made = cls(plain, groups, config["layer_decay"], config["multipliers"], lambda member: not member.decays)
        made._grouping.members = members  # in the order in which the optimizer was built
        return made


def _refuse_unsuitable(optimizer: Any) -> None:
    name = type(optimizer).__name__
    if not isinstance(optimizer, keras.optimizers.Optimizer):
        raise SettingError("optimizer", "a keras.optimizers.Optimizer", optimizer)
    if isinstance(optimizer, LayerwiseOptimizer):
        raise InputError(f"A {name} that is a LayerwiseOptimizer already has its groups. Pass a new optimizer.")
    if innermost(optimizer) is not optimizer:
        raise InputError(
            f"Loss scaling must wrap the LayerwiseOptimizer. Received: {name}. "
            "Pass LossScaleOptimizer(LayerwiseOptimizer(optimizer, groups)) to `compile`."
        )
    if isinstance(optimizer, (keras.optimizers.Nadam, keras.optimizers.MultiOptimizer)):
        raise InputError(
            f"Argument `optimizer` must have a separate state for each variable. Received: {name}. Use Adam or AdamW."
        )


def _refuse_unknown(names: Sequence[str], known: Sequence[str]) -> None:
    unknown = [name for name in names if name not in known]
    if unknown:
        raise InputError(f"There is no layer group {', '.join(map(repr, unknown))}. Groups are: {', '.join(known)}")


def _layer_decay(value: Any) -> float:
    decay = positive("layer_decay", value)
    if decay > 1.0:
        raise SettingError("layer_decay", "in (0, 1]", value)
    return decay


def _scales(names: Sequence[str], layer_decay: float, factors: Mapping[str, float]) -> tuple[float, ...]:
    if not names or len(set(names)) < len(names):
        raise SettingError("groups", "groups of different names, at least one", list(names))
    _refuse_unknown(list(factors), names)
    return tuple(factors.get(name, layer_decay ** (len(names) - 1 - depth)) for depth, name in enumerate(names))


def _members(groups: Sequence[LayerGroup], no_weight_decay: NoDecay) -> list[Member]:
    if isinstance(no_weight_decay, str):
        raise SettingError("no_weight_decay", "a list of regular expressions or a function", no_weight_decay)

    def left_out(variable: Any) -> bool:
        if callable(no_weight_decay):
            return bool(no_weight_decay(variable))
        return any(re.search(pattern, variable.path) for pattern in no_weight_decay)

    members = [
        Member(v.path, tuple(v.shape), depth, not left_out(v), None if isinstance(v, Member) else v)
        for depth, group in enumerate(groups)
        for v in group.variables
    ]
    live = [id(member.variable) for member in members if member.variable is not None]
    if len(set(live)) < len(live):
        raise InputError("A variable must be in one layer group only. Pass the groups from slanted.layer_groups.")
    return members
