"""The cost of a training step: floating-point operations per layer group, counted from shapes without computing."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras

from slanted.layerwise.layer_groups import LayerGroup
from slanted.runtime.patches import recorded_calls

_CONVOLUTIONS = (keras.layers.Conv1D, keras.layers.Conv2D, keras.layers.Conv3D)
_TRANSPOSED = (keras.layers.Conv1DTranspose, keras.layers.Conv2DTranspose, keras.layers.Conv3DTranspose)
_DEPTHWISE = (keras.layers.DepthwiseConv1D, keras.layers.DepthwiseConv2D)
_SEPARABLE = (keras.layers.SeparableConv1D, keras.layers.SeparableConv2D)
_ATTENTION = (keras.layers.MultiHeadAttention, keras.layers.GroupQueryAttention)


@dataclass(frozen=True)
class GroupFlops:
    """Floating-point operations (FLOPs) of a forward pass over one batch, per layer group, the input side first.

    A multiplication with its addition counts as two. Element-wise operations, normalisation and embedding look-ups are
    not counted: in a transformer they are about 1 % of the operations, but a larger share of the time.

    Attributes:
        products: Inputs times weights, in dense layers, convolutions and recurrent layers.
        scores: Inputs times inputs, in attention.
    """

    products: tuple[float, ...]
    scores: tuple[float, ...]

    def of_step(self, is_open: Sequence[bool]) -> float:
        """Return the operations of the forward and backward pass of a training step.

        The backward pass starts at the head and ends at the lowest open group. It computes each product once more for
        the gradient of the input, and once more for the gradient of the weights if the group is open; it computes each
        score twice more, once for each of its two inputs.

        Args:
            is_open: Whether each group is trained, the input side first; at least one is.
        """
        lowest = list(is_open).index(True)
        forward = sum(self.products) + sum(self.scores)
        operands = sum(self.products[lowest:]) + 2.0 * sum(self.scores[lowest:])
        weights = sum(flops for flops, opened in zip(self.products, is_open, strict=True) if opened)
        return forward + operands + weights

    @property
    def full_step(self) -> float:
        """The operations of a step with all groups open."""
        return self.of_step([True] * len(self.products))


def group_flops(model: Any, groups: Sequence[LayerGroup], batch: Any = None) -> GroupFlops | None:
    """Count the operations of a forward pass.

    Args:
        model: A built Keras model.
        groups: Its layer groups. Layers that are not trained count with the group before them.
        batch: Inputs as passed to `fit`, of which only the shapes are used; None: one example of `model.input`.

    Returns:
        The operations, or None if `batch` is None and the inputs have no fixed shape.
    """
    inputs, rows = _one_row(model, batch)
    if inputs is None:
        return None
    group_of = {id(variable): group.depth for group in groups for variable in group.variables}
    products, scores, depth = [0.0] * len(groups), [0.0] * len(groups), 0
    for layer, operands, output in _calls(model, inputs):
        depth = next((group_of[id(v)] for v in layer.variables if id(v) in group_of), depth)
        products[depth] += rows * _products(layer, operands, output)
        scores[depth] += rows * _scores(layer, operands)
    return GroupFlops(tuple(products), tuple(scores))


def _one_row(model: Any, batch: Any) -> tuple[Any, int]:
    """Return symbolic inputs of one row, and the number of rows of the batch."""
    inputs = _inputs(model) if batch is None else batch
    tensors = keras.tree.flatten(inputs)
    if inputs is None or any(size is None for tensor in tensors for size in tensor.shape[1:]):
        return None, 0
    rows = tensors[0].shape[0] or 1

    def symbolic(tensor: Any) -> Any:
        return keras.KerasTensor((1, *tensor.shape[1:]), keras.backend.standardize_dtype(tensor.dtype))

    return keras.tree.map_structure(symbolic, inputs), rows


def _inputs(model: Any) -> Any:
    """Return the symbolic inputs of the model: a Sequential model has them in a list, a subclassed model has none."""
    inputs = getattr(model, "input", None)
    listed = getattr(model, "inputs", None)
    return listed[0] if inputs is None and listed else inputs


def _calls(model: Any, inputs: Any) -> list[tuple[Any, list[Any], Any]]:
    """Return the layers that `model` calls, in order, each with the shapes of its inputs and of its output."""
    calls: list[tuple[Any, list[Any], Any]] = []

    class Traced(keras.layers.Layer):
        def call(self, operands: Any) -> Any:
            calls.clear()  # Keras may call more than once
            return model(operands)

    def record(layer: Any, operands: tuple[Any, ...], output: Any) -> None:
        shapes = [tuple(operand.shape) for operand in operands if hasattr(operand, "shape")]
        calls.append((layer, shapes, tuple(getattr(output, "shape", ()))))

    with recorded_calls(record):
        Traced(dtype=model.dtype_policy, autocast=False)(inputs)
    return [call for call in calls if not isinstance(call[0], (keras.Model, Traced))]


def _products(layer: Any, operands: list[Any], output: Any) -> float:
    """Return the operations of a layer's inputs times its weights, from the shapes of its inputs and its output."""
    results = math.prod(output)
    if isinstance(layer, keras.layers.Dense):
        return 2.0 * results * _shape(layer.kernel)[0]
    if isinstance(layer, keras.layers.EinsumDense):
        return 2.0 * results * _contracted(layer)
    if isinstance(layer, _CONVOLUTIONS):
        return 2.0 * results * math.prod(_shape(layer.kernel)) / layer.filters
    if isinstance(layer, _DEPTHWISE):
        return 2.0 * results * math.prod(layer.kernel_size)
    if isinstance(layer, _SEPARABLE):
        between = layer.pointwise_kernel.shape[-2]
        return 2.0 * results * between * (1.0 + math.prod(layer.kernel_size) / layer.filters)
    if isinstance(layer, _TRANSPOSED):
        return 2.0 * math.prod(operands[0]) * math.prod(layer.kernel_size) * layer.filters
    if isinstance(layer, keras.layers.RNN):
        matrices = sum(math.prod(weight.shape) for weight in layer.weights if len(weight.shape) > 1)
        return 2.0 * math.prod(operands[0][:-1]) * matrices
    return 0.0


def _shape(variable: Any) -> tuple[int, ...]:
    return tuple(variable.shape)


def _contracted(layer: Any) -> int:
    """Return the number of products in the sum for each output element of an EinsumDense."""
    operands, result = layer.equation.split("->")
    indices = operands.split(",")[1]
    return math.prod(size for index, size in zip(indices, layer.kernel.shape, strict=True) if index not in result)


def _scores(layer: Any, operands: list[Any]) -> float:
    """Return the operations of attention: queries times keys, and attention weights times values."""
    if not isinstance(layer, _ATTENTION):
        return 0.0
    query = operands[0]
    value = operands[1] if len(operands) > 1 and len(operands[1]) == len(query) else query
    config = layer.get_config()
    heads = config.get("num_heads") or config["num_query_heads"]
    depth = config.get("key_dim") or config["head_dim"]
    pairs = math.prod(query[:-1]) * math.prod(value[1:-1])
    return 2.0 * pairs * heads * (depth + (config.get("value_dim") or depth))
