"""Layer groups: a model's trainable variables by depth, from the input side to the head."""

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import keras

from slanted.common.messages import plural
from slanted.errors import InputError
from slanted.keras_private.layers_and_trainers import (
    keeps_statistics,
    own_attributes,
    own_variables,
    producer,
    sublayers,
)

__all__ = ["LayerGroup", "layer_groups"]


@dataclass(frozen=True)
class LayerGroup:
    """Trainable variables that share a learning rate and are unfrozen together.

    Args:
        name: The name of the group in `multipliers`, plans and messages.
        depth: The position from the input side, starting with 0.
        variables: The trainable variables, in the order of the model.
    """

    name: str
    depth: int
    variables: tuple[Any, ...]

    @property
    def parameters(self) -> int:
        """The number of trainable parameters."""
        return sum(math.prod(variable.shape) for variable in self.variables)

    def __repr__(self) -> str:
        count = plural(len(self.variables), "variable")
        return f"<LayerGroup {self.depth} {self.name}: {count}, {self.parameters:,} parameters>"


class LayerGroups(list[LayerGroup]):
    """A list of groups that prints one group per line."""

    def __repr__(self) -> str:
        return "\n".join(repr(group) for group in self)


@dataclass(frozen=True)
class _Unit:
    """A layer that is not divided further, and its role in a backbone: "block", "stage" or "" (unknown)."""

    layer: Any
    name: str
    kind: str = ""
    own_only: bool = False

    def variables(self) -> list[Any]:
        return own_variables(self.layer) if self.own_only else self.layer.variables


def layer_groups(model: Any, patterns: Sequence[str] | None = None) -> list[LayerGroup]:
    """Divide a model's trainable variables into groups, the input side first.

    - Transformers of KerasHub, their tasks, models that contain them, and any model with a list of its blocks in
      `transformer_layers`: `embeddings`, then `block_0` and up, then `head`, which is everything after the last block.
      ALBERT shares one block between all depths: its weights exist once and can have one learning rate only, so that
      the block is one group (one for each parameter group, if there are several).
    - Image backbones with `pyramid_outputs`: `stem`, then `stage_1` and up, then `head`.
    - Any other model: one group for each layer with weights, layers of nested models included, in the order of the
      graph; in a subclassed model, in the order in which the layers were assigned.

    Args:
        model: A built Keras model.
        patterns: Regular expressions, one for each group, that are searched for in `variable.path`; None: the groups
            above.

    Returns:
        A list of `slanted.LayerGroup`, the input side first. Every trainable variable is in exactly one group.

    Raises:
        ValueError: The model has no trainable variables; or a pattern matches no variable, or a variable is matched by
            no pattern or by several.

    Example:
        >>> body, head = keras.layers.Dense(3, name="body"), keras.layers.Dense(2, name="head")
        >>> model = keras.Sequential([keras.Input((4,)), body, head])
        >>> layer_groups(model)
        <LayerGroup 0 body: 2 variables, 15 parameters>
        <LayerGroup 1 head: 2 variables, 8 parameters>
        >>> [group.name for group in layer_groups(model, patterns=["kernel", "bias"])]
        ['kernel', 'bias']
    """
    trainable = list(model.trainable_variables)
    if not trainable:
        raise InputError(f"Model {model.name!r} has no trainable variable. Build it, or make a layer trainable, first.")
    parts = _by_units(model) if patterns is None else _by_patterns(trainable, patterns)
    return _without_repetition(parts, trainable)


def _without_repetition(parts: Sequence[tuple[str, Sequence[Any]]], trainable: Sequence[Any]) -> LayerGroups:
    """Group the trainable variables: each belongs to the first part that has it; parts of one name are merged."""
    part_of: dict[int, str] = {}
    for name, variables in parts:
        for variable in variables:
            part_of.setdefault(id(variable), name)
    groups = LayerGroups()
    for name in dict.fromkeys(name for name, _ in parts):
        members = tuple(variable for variable in trainable if part_of[id(variable)] == name)
        if members:
            groups.append(LayerGroup(name, len(groups), members))
    return groups


def _by_patterns(trainable: Sequence[Any], patterns: Sequence[str]) -> list[tuple[str, list[Any]]]:
    matches = {pattern: [v for v in trainable if re.search(pattern, v.path)] for pattern in patterns}
    matched = [id(v) for variables in matches.values() for v in variables]
    faults = {
        "Patterns that match nothing": [pattern for pattern, variables in matches.items() if not variables],
        "Variables that no pattern matches": [v.path for v in trainable if id(v) not in matched],
        "Variables that several match": [v.path for v in trainable if matched.count(id(v)) > 1],
    }
    if any(faults.values()):
        listed = ". ".join(f"{fault}: {', '.join(items) or 'none'}" for fault, items in faults.items())
        raise InputError(f"Each pattern must match a variable, and each variable exactly one pattern. {listed}")
    return list(matches.items())


def _by_units(model: Any) -> list[tuple[str, list[Any]]]:
    units = _renamed(list(_units(model)))
    known = [index for index, unit in enumerate(units) if unit.kind]
    parts = []
    for index, unit in enumerate(units):
        name = unit.name
        if known and index < known[0]:
            name = "embeddings" if units[known[0]].kind == "block" else "stem"
        elif known and index > known[-1]:
            name = "head"
        elif known and not unit.kind:
            name = parts[-1][0]
        parts.append((name, unit.variables()))
    return parts


def _renamed(units: list[_Unit]) -> list[_Unit]:
    """Number the blocks and stages from the input side, and make the names of other layers unique."""
    order: dict[tuple[str, str], int] = {}
    seen: dict[str, int] = {}
    renamed = []
    for unit in units:
        name = unit.name
        if unit.kind:
            number = order.setdefault((unit.kind, name), len(order))
            name = f"block_{number}" if unit.kind == "block" else f"stage_{number + 1}"
        else:
            seen[name] = seen.get(name, 0) + 1
            name = name if seen[name] == 1 else f"{name}_{seen[name]}"
        renamed.append(_Unit(unit.layer, name, unit.kind, unit.own_only))
    return renamed


def _units(layer: Any) -> Iterator[_Unit]:
    """Yield the parts of a model, the input side first."""
    yield _Unit(layer, layer.name, own_only=True)
    blocks = {id(block) for block in _flat(getattr(layer, "transformer_layers", None))}
    stages = _stages(layer)
    for child in sublayers(layer):
        if id(child) in blocks or _is_hub_block(child):
            yield _Unit(child, f"{layer.name}/{child.name}", "block")
        elif id(child) in stages:
            yield _Unit(child, f"{layer.name}/{stages[id(child)]}", "stage")
        elif isinstance(child, keras.Model) or _lists_blocks(child):
            yield from _units(child)
        elif child.variables:
            yield _Unit(child, child.name)


def _is_hub_block(layer: Any) -> bool:
    """Return whether a layer is a numbered block of KerasHub, used in a model without its backbone."""
    kind = type(layer)
    named = re.search("Encoder|Decoder|Transformer", kind.__name__) and re.search(r"_\d+$", layer.name)
    return bool(kind.__module__.startswith("keras_hub.") and named and sublayers(layer))


def _flat(blocks: Any) -> Iterator[Any]:
    """Yield the layers of a list, or of nested lists."""
    for block in blocks if isinstance(blocks, (list, tuple)) else ():
        if isinstance(block, keras.layers.Layer):
            yield block
        else:
            yield from _flat(block)


def _lists_blocks(layer: Any) -> bool:
    """Return whether a layer is a stack of blocks: an attribute is a list of layers of one class with sublayers."""
    for value in own_attributes(layer):
        blocks = [block for block in _flat(value) if sublayers(block)]
        if len(blocks) > 1 and len({type(block) for block in blocks}) == 1:
            return True
    return False


def _stages(layer: Any) -> dict[int, str]:
    """Return id of layer -> stage for an image backbone: a stage ends with the layer of a pyramid output."""
    levels = getattr(layer, "pyramid_outputs", None) or {}
    layers = sublayers(layer)
    ends = {id(producer(tensor)): name for name, tensor in levels.items()}
    if not any(id(child) in ends for child in layers):
        return {}
    stage_of: dict[int, str] = {}
    waiting: list[int] = []
    for child in layers:
        waiting.append(id(child))
        if id(child) in ends:
            stage_of |= {waited: ends[id(child)] for waited in waiting}
            waiting = []
    last = list(stage_of.values())[-1]
    return stage_of | {waited: last for waited in waiting}


def statistics_layers(model: Any, group_of: dict[int, int]) -> list[tuple[Any, int]]:
    """Return the layers with running statistics, such as BatchNormalization, each with the depth of its group.

    Args:
        model: A built Keras model.
        group_of: The id of each trainable variable -> the depth of its group. A layer without trainable variables
            belongs to the group of the layer before it.
    """
    layers, group = [], 0
    for layer in _every_layer(model):
        group = next((group_of[id(variable)] for variable in own_variables(layer) if id(variable) in group_of), group)
        if keeps_statistics(layer):
            layers.append((layer, group))
    return layers


def _every_layer(layer: Any) -> Iterator[Any]:
    for child in sublayers(layer):
        yield child
        yield from _every_layer(child)
