"""ONNX: Einsum becomes matrix products with the same results, and 8 bits fit the processor."""

import numpy as np
import pytest

from slanted.text.exporting import onnx_model
from slanted.text.exporting.onnx_model import has_vnni, quantise, temporary_beside, with_matrix_products

pytestmark = pytest.mark.once
DRAW = np.random.default_rng(0)
TO_HEADS, FROM_HEADS = (4, 2, 3), (2, 3, 4)  # hidden size 4, two heads of 3
SCORES, MEANS = "aecd,abcd->acbe", "acbe,aecd->abcd"


def graph(equation, first, second, constant=None):
    """Return an ONNX model of one Einsum; its second input is a constant or an input."""
    from onnx import TensorProto, helper, numpy_helper

    node = helper.make_node("Einsum", ["x", "y"], ["out"], equation=equation)
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, first)]
    if constant is None:
        inputs.append(helper.make_tensor_value_info("y", TensorProto.FLOAT, second))
    output = [helper.make_tensor_value_info("out", TensorProto.FLOAT, None)]
    constants = [] if constant is None else [numpy_helper.from_array(constant, "y")]
    made = helper.make_graph([node], "one", inputs, output, constants)
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)


def computed(model, **inputs):
    import onnxruntime

    return onnxruntime.InferenceSession(model.SerializeToString()).run(None, inputs)[0]


def operations(model):
    return [node.op_type for node in model.graph.node]


@pytest.mark.parametrize(
    ("equation", "shape", "weight", "expected"),
    [
        ("abc,cde->abde", (2, 5, 4), TO_HEADS, ["MatMul", "Reshape"]),
        ("xyz , zhd -> xyhd", (2, 5, 4), TO_HEADS, ["MatMul", "Reshape"]),
        ("abcd,cde->abe", (2, 5, 2, 3), FROM_HEADS, ["Reshape", "MatMul"]),
        ("abcd,dce->abe", (2, 5, 3, 2), FROM_HEADS, ["Einsum"]),  # other orders stay
    ],
)
def test_a_projection_becomes_a_matrix_product(equation, shape, weight, expected):
    kernel, x = DRAW.normal(size=weight).astype("float32"), DRAW.normal(size=shape).astype("float32")
    model = graph(equation, [None, None, *shape[2:]], None, kernel)
    before = computed(model, x=x)
    with_matrix_products(model)
    assert operations(model) == expected
    np.testing.assert_allclose(computed(model, x=x), before, atol=1e-5)


@pytest.mark.parametrize(
    ("equation", "first", "second"),
    [(SCORES, (2, 7, 2, 3), (2, 5, 2, 3)), (MEANS, (2, 2, 5, 7), (2, 7, 2, 3)), ("ab,bc->ac", (2, 3), (3, 4))],
)
def test_attention_becomes_matrix_products(equation, first, second):
    x, y = (DRAW.normal(size=shape).astype("float32") for shape in (first, second))
    model = graph(equation, [None] * len(first), [None] * len(second))
    before = computed(model, x=x, y=y)
    with_matrix_products(model)
    assert ("Einsum" in operations(model)) == (len(first) == 2)
    np.testing.assert_allclose(computed(model, x=x, y=y), before, atol=1e-5)


@pytest.mark.parametrize("vnni", [False, True])
def test_weights_have_7_bits_where_sums_of_products_would_overflow(tmp_path, monkeypatch, vnni):
    import onnx
    from onnx import numpy_helper

    model = graph("abc,cde->abde", [None, None, 4], None, DRAW.normal(size=TO_HEADS).astype("float32"))
    with_matrix_products(model)
    onnx.save(model, tmp_path / "exact.onnx")
    monkeypatch.setattr(onnx_model, "has_vnni", lambda: vnni)
    quantise(tmp_path / "exact.onnx", tmp_path / "small.onnx")
    weights = [numpy_helper.to_array(one) for one in onnx.load(tmp_path / "small.onnx").graph.initializer]
    (weight,) = [one for one in weights if one.dtype == np.int8 and one.ndim == 2]
    assert np.abs(weight.astype(int)).max() == (127 if vnni else 64)


@pytest.mark.parametrize(
    ("machine", "flags", "expected"),
    [
        ("x86_64", "flags: sse avx2", False),
        ("x86_64", "flags: avx2 avx512_vnni", True),
        ("AMD64", "flags: avx_vnni", True),
        ("aarch64", "", True),
    ],
)
def test_the_flags_of_the_processor_say_whether_it_has_vnni(tmp_path, monkeypatch, machine, flags, expected):
    monkeypatch.setattr(onnx_model.platform, "machine", lambda: machine)
    (tmp_path / "cpuinfo").write_text(flags)
    monkeypatch.setattr(onnx_model, "CPU_FLAGS", tmp_path / "cpuinfo")
    assert has_vnni() is expected
    monkeypatch.setattr(onnx_model, "CPU_FLAGS", tmp_path / "none")
    assert has_vnni() is (machine == "aarch64")


def test_the_exact_file_is_deleted(tmp_path):
    with pytest.raises(KeyboardInterrupt), temporary_beside(tmp_path / "model.onnx") as exact:
        exact.write_text("x")
        raise KeyboardInterrupt
    assert not list(tmp_path.iterdir())
