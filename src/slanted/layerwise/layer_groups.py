"""Layer groups: a model's trainable variables by depth, from the input side to the head."""

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import keras

from slanted.errors import InputError
from slanted.keras_private.layers_and_trainers import (
    keeps_statistics,
    own_attributes,
    own_variables,
    producer,
    sublayers,
)

__all__ = ["LayerGroup", "layer_groups", "no_decay_variables"]

_NO_DECAY = re.compile("bias|norm|gamma|beta", re.IGNORECASE)


@dataclass(frozen=True)
class LayerGroup:
    """Variables that share a learning rate and open together.

    Args:
        name: What the group is called in `multipliers`, plans and messages.
        depth: 0 for the group nearest the input.
        variables: Trainable variables, in the model's order.
    """

    name: str
    depth: int
    variables: tuple[Any, ...]

    @property
    def parameters(self) -> int:
        """How many numbers the variables hold."""
        return sum(math.prod(variable.shape) for variable in self.variables)

    def __repr__(self) -> str:
        count = f"{len(self.variables)} variable" + ("" if len(self.variables) == 1 else "s")
        return f"<LayerGroup {self.depth} {self.name}: {count}, {self.parameters:,} parameters>"


class LayerGroups(list[LayerGroup]):
    """A list of groups that prints one a line."""

    def __repr__(self) -> str:
        return "\n".join(repr(group) for group in self)


@dataclass(frozen=True)
class _Unit:
    """A layer that is not divided further, and what it is in a backbone: "block", "stage" or nothing known."""

    layer: Any
    name: str
    kind: str = ""
    own_only: bool = False

    def variables(self) -> list[Any]:
        return own_variables(self.layer) if self.own_only else self.layer.variables


def layer_groups(model: Any, patterns: Sequence[str] | None = None) -> list[LayerGroup]:
    """Divide a model's trainable variables into groups, the input side first.

    Transformers of KerasHub, their tasks, models round them, and any model that lists its blocks as
    `transformer_layers`: `embeddings`, `block_0` and up, and `head`, all that follows the last block. ALBERT calls one
    block at every depth: its weights exist once, so they can have one rate only, and the block is one group between
    embeddings and head (one for each parameter group, where there are several). Image backbones with
    `pyramid_outputs`: `stage_1` and up, and `head`. Any other model: each layer with weights, in the order of the
    graph, nested models opened up; of a subclassed model, in the order in which its layers were assigned.

    Args:
        model: A built Keras model.
        patterns: Regular expressions, searched for in `variable.path`: one group each, in this order.

    Returns:
        The groups; every trainable variable is in exactly one.

    Raises:
        ValueError: The model has no trainable variable yet; or a pattern matches nothing, or a variable is matched by
            no pattern or by two.
    """
    trainable = list(model.trainable_variables)
    if not trainable:
        raise InputError(f"Model {model.name!r} has no trainable variable. Build it, or make a layer trainable, first.")
    parts = _by_units(model) if patterns is None else _by_patterns(trainable, patterns)
    return _without_repetition(parts, trainable)


def _without_repetition(parts: Sequence[tuple[str, Sequence[Any]]], trainable: Sequence[Any]) -> LayerGroups:
    """Make groups of the trainable variables, each in the first part that has it, parts of one name together."""
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
        found = ". ".join(f"{fault}: {', '.join(items) or 'none'}" for fault, items in faults.items())
        raise InputError(f"Each pattern must match a variable, and each variable exactly one pattern. {found}")
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
    """Number the blocks and stages from the input side, and tell layers of one name apart."""
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
    """Give the parts of a model, from the input side."""
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
    """Return whether a layer is a numbered block of KerasHub, as where a model is made of a backbone's tensors."""
    kind = type(layer)
    named = re.search("Encoder|Decoder|Transformer", kind.__name__) and re.search(r"_\d+$", layer.name)
    return bool(kind.__module__.startswith("keras_hub.") and named and sublayers(layer))


def _flat(blocks: Any) -> Iterator[Any]:
    """Give the layers of a list, or of a list of lists."""
    for block in blocks if isinstance(blocks, (list, tuple)) else ():
        if isinstance(block, keras.layers.Layer):
            yield block
        else:
            yield from _flat(block)


def _lists_blocks(layer: Any) -> bool:
    """Return whether a layer is a stack of blocks: it keeps a list of layers of one class that hold layers in turn."""
    for value in own_attributes(layer):
        blocks = [block for block in _flat(value) if sublayers(block)]
        if len(blocks) > 1 and len({type(block) for block in blocks}) == 1:
            return True
    return False


def _stages(layer: Any) -> dict[int, str]:
    """Return the stage of each layer of an image backbone: all up to the layer that gives a level of its pyramid."""
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
    """Return the layers that keep running statistics, such as BatchNormalization, each with its group.

    Args:
        model: A built Keras model.
        group_of: The id of each trainable variable -> its group. A layer without such a variable belongs with the
            layer before it.
    """
    found, group = [], 0
    for layer in _every_layer(model):
        groups = [group_of[id(variable)] for variable in own_variables(layer) if id(variable) in group_of]
        group = groups[0] if groups else group
        if keeps_statistics(layer):
            found.append((layer, group))
    return found


def _every_layer(layer: Any) -> Iterator[Any]:
    for child in sublayers(layer):
        yield child
        yield from _every_layer(child)


def no_decay_variables(model_or_variables: Any) -> list[Any]:
    """Return the variables that weight decay customarily leaves out: biases and the parameters of normalisation.

    These are the variables of at most one dimension, and those whose path has `bias`, `norm`, `gamma` or `beta` in it.
    """
    variables = getattr(model_or_variables, "trainable_variables", model_or_variables)
    return [v for v in variables if len(v.shape) <= 1 or _NO_DECAY.search(v.path)]
