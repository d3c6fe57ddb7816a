"""The formats: what each needs, and which models have it."""

import pytest

from slanted.errors import InputError
from slanted.text.exporting import formats
from slanted.text.exporting.formats import FORMATS, format_named

pytestmark = pytest.mark.once


@pytest.fixture
def without(monkeypatch):
    """Return a function after which packages are not installed."""
    return lambda *names: monkeypatch.setattr(formats, "_is_installed", lambda module: module not in names)


def refusal(call, *arguments, **more):
    with pytest.raises(InputError) as refused:
        call(*arguments, **more)
    return str(refused.value)


def test_an_unknown_format_names_the_known_ones():
    expected = "--format tflite: must be one of hf, onnx, onnx-int8, openvino, litert, saved-model, keras"
    assert refusal(format_named, "tflite") == expected


@pytest.mark.parametrize("name", FORMATS)
def test_fnet_has_no_format(name):
    message = refusal(FORMATS[name].check_model, "runs/a", "FNet", "single")
    assert message.startswith("runs/a: FNet has no padding mask, so that its outputs depend on the other texts of a b")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("hf", "runs/a: --format hf has no form for DebertaV3, only for BERT, RoBERTa, XLM-RoBERTa, DistilBERT and "
         "ALBERT; give --format keras"),
        ("onnx", "runs/a: --format onnx: PyTorch cannot trace DebertaV3 for any length of text; give --format keras or "
         "saved-model"),
    ],
)  # fmt: skip
def test_a_family_without_the_format_is_refused_by_its_name(name, message):
    assert refusal(FORMATS[name].check_model, "runs/a", "DebertaV3", "single") == message
    FORMATS["keras"].check_model("runs/a", "DebertaV3", "single")
    FORMATS[name].check_model("runs/a", "Roberta", "single")


def test_the_backend_of_the_training_is_taken_if_it_can_make_the_format(without):
    without("torch")
    assert FORMATS["keras"].backend("jax") == "jax"
    assert FORMATS["hf"].backend("torch") == "jax"
    assert FORMATS["litert"].backend("jax") == "tensorflow"
    expected = '--format onnx needs the extra `torch`, which is not installed: pip install "slanted[torch]"'
    assert refusal(FORMATS["onnx"].backend, "torch") == expected


@pytest.mark.parametrize(
    ("name", "package", "extra"),
    [
        ("onnx-int8", "onnxruntime", "onnx"),
        ("openvino", "openvino", "openvino"),
        ("litert", "ai_edge_litert", "litert"),
    ],
)
def test_a_missing_runtime_is_one_line_that_installs_it(without, name, package, extra):
    FORMATS[name].check_packages("cls", is_checked=True)
    without(package)
    expected = f'--format {name} needs the extra `{extra}`, which is not installed: pip install "slanted[{extra}]"'
    assert refusal(FORMATS[name].check_packages, "cls", is_checked=True) == expected


def test_transformers_are_needed_for_the_check_alone(without):
    without("transformers", "sentence_transformers")
    FORMATS["hf"].check_packages("mean", is_checked=False)
    expected = "--format hf: its check needs {0}: pip install {0}, or give --unchecked"
    assert refusal(FORMATS["hf"].check_packages, "cls", is_checked=True) == expected.format("transformers")
    assert refusal(FORMATS["hf"].check_packages, "mean", is_checked=True) == expected.format("sentence-transformers")
