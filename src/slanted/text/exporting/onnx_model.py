"""Write a Keras model as ONNX, for any number of texts of any length, and quantise its weights to 8 bits."""

import platform
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from slanted.runtime.keras_startup import captured_standard_error

OPSET = 20
EXAMPLE = (3, 7)  # texts and tokens while tracing: neither is 1, which would become a constant
VNNI = ("avx512_vnni", "avx_vnni")  # instructions for sums of products of 8 bits, on x86
CPU_FLAGS = Path("/proc/cpuinfo")


def write_onnx(model: Any, input_names: Sequence[str], path: Path) -> None:
    """Write a Keras model, on PyTorch, as an ONNX file with a dynamic number of texts and of tokens.

    `Model.export` of Keras 3.15 would trace a None as 1, or take PyTorch's older exporter for it, which fails on layer
    normalisation; so that the new one is called here.

    Args:
        model: The model, whose inputs are a dict of int32 (texts, tokens).
        input_names: The names of its inputs, in order.
        path: The file to write. Its output, `outputs`, is float32 (texts, labels).
    """
    import torch

    class Positional(torch.nn.Module):
        """Takes the inputs by position."""

        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, *inputs: Any) -> Any:
            return self.model(dict(zip(input_names, inputs, strict=True)), training=False)

    inputs = tuple(torch.ones(EXAMPLE, dtype=torch.int32) for _ in input_names)
    dynamic = {0: torch.export.Dim.DYNAMIC, 1: torch.export.Dim.DYNAMIC}
    with warnings.catch_warnings(), captured_standard_error():
        warnings.simplefilter("ignore")  # of PyTorch's exporter, about its own code
        program = torch.onnx.export(
            Positional().eval(),
            inputs,
            dynamo=True,
            opset_version=OPSET,
            input_names=list(input_names),
            output_names=["outputs"],
            dynamic_shapes=(tuple(dynamic for _ in input_names),),
            verbose=False,
        )
    assert program is not None
    graph = program.model_proto
    with_matrix_products(graph)
    _name_sizes(graph)
    _save(graph, path)


def quantise(path: Path, out: Path) -> None:
    """Write an ONNX file with the weights of matrix products and embeddings in 8 bits, quantised dynamically.

    Without instructions for sums of products of 8 bits, x86 processors add them in 16 bits, which overflow: there the
    weights have 7 bits (`reduce_range`).
    """
    from onnxruntime.quantization import QuantType, quantize_dynamic

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        options = {"MatMulConstBOnly": True}
        quantize_dynamic(
            path,
            out,
            weight_type=QuantType.QInt8,
            per_channel=True,
            reduce_range=not has_vnni(),
            extra_options=options,
        )


def has_vnni() -> bool:
    """Return whether the processor has instructions for sums of products of 8 bits; True where x86 is not used."""
    if platform.machine().lower() not in ("x86_64", "amd64", "i386", "i686"):
        return True
    try:
        flags = CPU_FLAGS.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return any(name in flags for name in VNNI)


def with_matrix_products(graph: Any) -> None:
    """Replace each Einsum of the attention by a matrix product, in place: Einsum is not quantised, and slower.

    A projection to heads, `abc,cde->abde`, becomes a product with the weight (c, d * e) and a reshaping; that from the
    heads, `abcd,cde->abe`, the reverse.
    """
    constants = {one.name: one for one in graph.graph.initializer}
    nodes: list[Any] = []
    for node in graph.graph.node:
        nodes += list(_replacement(node, constants, graph)) if node.op_type == "Einsum" else [node]
    used = {name for node in nodes for name in node.input}
    kept = [one for one in graph.graph.initializer if one.name in used]
    del graph.graph.node[:], graph.graph.initializer[:]
    graph.graph.node.extend(nodes)
    graph.graph.initializer.extend(kept)
    del graph.graph.value_info[:]  # inferred again where it is needed


def _replacement(node: Any, constants: dict[str, Any], graph: Any) -> Iterator[Any]:
    """Yield the nodes in place of an Einsum of an attention, or the Einsum itself if it is another."""
    from onnx import helper, numpy_helper

    equation = next(one.s.decode() for one in node.attribute if one.name == "equation").replace(" ", "")
    left, _, result = equation.partition("->")
    first, _, second = left.partition(",")
    name = node.output[0]

    def constant(suffix: str, values: np.ndarray) -> str:
        graph.graph.initializer.append(numpy_helper.from_array(values, f"{name}_{suffix}"))
        return f"{name}_{suffix}"

    def shaped(source: str, shape: list[int], out: str) -> Any:
        return helper.make_node("Reshape", [source, constant(f"{out}_shape", np.array(shape, np.int64))], [out])

    if node.input[1] in constants and len(first) == 3 and second[0] == first[2] and result == first[:2] + second[1:]:
        weight = numpy_helper.to_array(constants[node.input[1]])
        flat = constant("weight", np.ascontiguousarray(weight.reshape(len(weight), -1)))
        yield helper.make_node("MatMul", [node.input[0], flat], [f"{name}_flat"])
        yield shaped(f"{name}_flat", [0, 0, *weight.shape[1:]], name)
    elif node.input[1] in constants and len(first) == 4 and first[2:] == second[:2] and result == first[:2] + second[2]:
        weight = numpy_helper.to_array(constants[node.input[1]])
        flat = constant("weight", np.ascontiguousarray(weight.reshape(-1, weight.shape[-1])))
        yield shaped(node.input[0], [0, 0, len(weight) * weight.shape[1]], f"{name}_flat")
        yield helper.make_node("MatMul", [f"{name}_flat", flat], [name])
    elif equation == "aecd,abcd->acbe":  # keys and queries: scores of (batch, heads, query, key)
        yield helper.make_node("Transpose", [node.input[1]], [f"{name}_queries"], perm=[0, 2, 1, 3])
        yield helper.make_node("Transpose", [node.input[0]], [f"{name}_keys"], perm=[0, 2, 3, 1])
        yield helper.make_node("MatMul", [f"{name}_queries", f"{name}_keys"], [name])
    elif equation == "acbe,aecd->abcd":  # shares of attention and values
        yield helper.make_node("Transpose", [node.input[1]], [f"{name}_values"], perm=[0, 2, 1, 3])
        yield helper.make_node("MatMul", [node.input[0], f"{name}_values"], [f"{name}_heads"])
        yield helper.make_node("Transpose", [f"{name}_heads"], [name], perm=[0, 2, 1, 3])
    else:
        yield node


def _name_sizes(graph: Any) -> None:
    """Name the dynamic sizes of the inputs, for whoever looks at the file."""
    for one in graph.graph.input:
        for size, name in zip(one.type.tensor_type.shape.dim, ("texts", "tokens"), strict=True):
            size.dim_param = name
    graph.graph.output[0].type.tensor_type.shape.dim[0].dim_param = "texts"


def _save(graph: Any, path: Path) -> None:
    """Check a model and save it as one file."""
    import onnx

    onnx.checker.check_model(graph)
    onnx.save(graph, path)


@contextmanager
def temporary_beside(path: Path) -> Iterator[Path]:
    """Yield the name of a file beside a path, which is deleted at the end of the block."""
    place = path.with_name(f"float32_{path.name}")
    try:
        yield place
    finally:
        place.unlink(missing_ok=True)
