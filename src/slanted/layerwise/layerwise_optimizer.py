"""LayerwiseOptimizer: any Keras optimizer with a learning rate for every layer group."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras

from slanted.common.argument_checks import positive
from slanted.errors import InputError, SettingError
from slanted.keras_private.group_membership import Grouping, Member
from slanted.keras_private.grouped import GroupedOptimizer
from slanted.layerwise.layer_groups import LayerGroup

__all__ = ["LayerwiseOptimizer"]

NoDecay = Sequence[str] | Callable[[Any], bool]


@keras.saving.register_keras_serializable(package="slanted")
class LayerwiseOptimizer(GroupedOptimizer, keras.optimizers.Optimizer):
    """A Keras optimizer with a rate for every variable at every step.

        rate = schedule(step) * multiplier(group of the variable) * open(group, step)
        multiplier(group) = layer_decay ** (number of groups above it)

    The optimizer's update and its decoupled weight decay use this product, and each group's bias correction goes by
    the updates that group has had. Clipping by the global norm takes one norm over all open groups together.
    `learning_rate` reads and sets the schedule's value. Adafactor caps a group's rate, as it does any, at
    1 / sqrt(updates).

    The optimizer given is not copied: it becomes the LayerwiseOptimizer, and its state, if it has any, is kept. It
    cannot be Nadam, which keeps one momentum schedule for all variables, nor one that wraps others: under loss scaling,
    `keras.optimizers.LossScaleOptimizer` goes round the LayerwiseOptimizer, where `compile` puts it.

    Args:
        optimizer: A Keras optimizer.
        groups: What `slanted.layer_groups` returned for the model to train, the input side first.
        layer_decay: The multiplier from one group to the next lower, in (0, 1]; 1: one rate for all.
        multipliers: Group name -> factor > 0, in place of what `layer_decay` gives.
        no_weight_decay: Which variables weight decay leaves out: regular expressions searched for in `variable.path`,
            or a function of the variable. Keras's own `exclude_from_weight_decay` sees the last part of the path only.

    Raises:
        ValueError: An argument is out of its range, a group is unknown, or the optimizer cannot be used.

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
        """Turn the optimizer given into a LayerwiseOptimizer."""
        _refuse_unsuitable(optimizer)
        names = tuple(group.name for group in groups)
        decay = _layer_decay(layer_decay)
        factors = {name: positive(f"multipliers[{name!r}]", factor) for name, factor in (multipliers or {}).items()}
        grouping = Grouping(names, _scales(names, decay, factors), _members(groups, no_weight_decay))
        made = cls.adopt(optimizer)
        made._settings = {"layer_decay": decay, "multipliers": factors}
        made._set_grouping(grouping)
        return made

    def __init__(
        self,
        optimizer: Any,
        groups: Sequence[LayerGroup],
        layer_decay: float = 0.95,
        multipliers: Mapping[str, float] | None = None,
        no_weight_decay: NoDecay = (),
    ) -> None:
        """Do nothing: the optimizer given is complete, and Keras's `__init__` would begin it anew."""

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
        """What multiplies the schedule's rate in each group."""
        return dict(zip(self._grouping.names, self._grouping.scales, strict=True))

    @property
    def open_groups(self: Any) -> tuple[str, ...]:
        """The names of the groups that are trained, the input side first."""
        grouping = self._grouping
        return tuple(name for name, is_open in zip(grouping.names, grouping.is_open, strict=True) if is_open)

    def group_rates(self: Any) -> dict[str, float]:
        """Return the rate of each group at the next batch: 0 where it is closed."""
        current: Any = keras.ops.convert_to_numpy(self.learning_rate)
        rate = float(current)
        return {name: rate * scale * (name in self.open_groups) for name, scale in self.multipliers.items()}

    def group_updates(self: Any) -> dict[str, int]:
        """Return how many updates each group has had."""
        updates: Any = keras.ops.convert_to_numpy(self._group_state.updates)
        return {name: int(count) for name, count in zip(self._grouping.names, updates, strict=True)}

    def open_only(self: Any, names: Sequence[str]) -> None:
        """Open these groups and close all others; a training step that is compiled does not know of it.

        Use `slanted.GradualUnfreezing`, which sees to the rest, within `fit`. In a training loop of your own, call this
        between compilations.

        Raises:
            ValueError: A name is unknown, or there is none.
        """
        _refuse_unknown(names, self._grouping.names)
        if not names:
            raise InputError(f"At least one group must be open. Groups are: {', '.join(self._grouping.names)}")
        self._open_only([name in names for name in self._grouping.names])

    def get_config(self: Any) -> dict[str, Any]:
        """Return what makes this optimizer again, its variables by path and shape."""
        grouping = self._grouping
        table = {"groups": list(grouping.names), "variables": grouping.to_config()}
        return {**super().get_config(), **self._settings, **table}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Any:
        """Make the optimizer again; it finds its variables when it is built."""
        plain = super().from_config({"optimizer": config["optimizer"], "curve": config["curve"]}, custom_objects)
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
    if isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
        raise InputError(
            "Loss scaling goes round the rates. Received: LossScaleOptimizer. "
            "Pass LossScaleOptimizer(LayerwiseOptimizer(optimizer, groups)) to `compile`."
        )
    if isinstance(optimizer, (keras.optimizers.Nadam, keras.optimizers.MultiOptimizer)):
        raise InputError(
            f"Argument `optimizer` must keep its state apart for each variable. Received: {name}. Use Adam or AdamW."
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
        raise InputError("A variable must be in one layer group only. Pass what slanted.layer_groups returned.")
    return members
