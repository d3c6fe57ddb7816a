"""The formats of an export: the backend that makes each, the packages it needs, and what a model must have for it."""

import importlib.util
from dataclasses import dataclass

from slanted.errors import InputError, missing_extra
from slanted.runtime.backend_choice import BACKENDS
from slanted.text.settings import MEAN

HF_FAMILIES = ("Bert", "Roberta", "XLMRoberta", "DistilBert", "Albert")
UNSTABLE = ("FNet",)  # without a padding mask: its outputs depend on the other texts of a batch
FLOAT32, INT8 = "float32", "int8"


@dataclass(frozen=True)
class ExportFormat:
    """A format of an export.

    Attributes:
        name: Its name.
        title: What it is, for help texts.
        script: The name of the script that predicts.
        backends: The backends of Keras that can make it, the best first.
        packages: The packages that are needed to make it and to check it.
        extra: The extra of slanted that has these packages; "": none has.
        precision: "float32" or "int8".
        inputs: The names of the model's inputs in the order `token_ids`, `segment_ids`, `padding_mask`.
    """

    name: str
    title: str
    script: str
    backends: tuple[str, ...]
    packages: tuple[str, ...]
    extra: str = ""
    precision: str = FLOAT32
    inputs: tuple[str, str, str] = ("token_ids", "segment_ids", "padding_mask")

    def check_model(self, where: str, family: str, task: str) -> None:
        """Raise unless a model of this family has the format.

        Args:
            where: The run, for the message.
            family: The prefix of the KerasHub classes.
            task: The task of the model.

        Raises:
            InputError: It has not; the message names the family and other formats.
        """
        if family in UNSTABLE:
            problem = f"{family} has no padding mask, so that its outputs depend on the other texts of a batch"
            raise InputError(f"{where}: {problem}, and no export repeats them; train another model")
        if self.name == "hf" and family not in HF_FAMILIES:
            known = "BERT, RoBERTa, XLM-RoBERTa, DistilBERT and ALBERT"
            raise InputError(f"{where}: --format hf has no form for {family}, only for {known}; give --format keras")
        if self.name.startswith("onnx") and family == "DebertaV3":
            problem = f"PyTorch cannot trace {family} for any length of text"
            raise InputError(f"{where}: --format {self.name}: {problem}; give --format keras or saved-model")

    def backend(self, trained_on: str) -> str:
        """Return the backend to make the format with.

        Args:
            trained_on: The backend of the training, which is taken if it can make the format.

        Raises:
            InputError: No backend that can make it is installed, or a package is missing.
        """
        usable = [name for name in self.backends if _is_installed(name)]
        if not usable:
            extra = "torch" if "torch" in self.backends else "text"
            raise missing_extra(extra, f"--format {self.name}")
        return trained_on if trained_on in usable else usable[0]

    def check_packages(self, pooling: str, *, is_checked: bool) -> None:
        """Raise unless the packages are installed that make the format, and those that predict if it is checked.

        Args:
            pooling: The pooling of the model, "cls" or "mean".
            is_checked: Whether the export is checked.

        Raises:
            InputError: One is missing; the message has the command that installs it.
        """
        packages = self.packages
        if self.name == "hf":
            more = ("sentence_transformers",) if pooling == MEAN else ("transformers",)
            packages = ("torch", *more) if is_checked else ()
        missing = [name for name in packages if not _is_installed(name)]
        if missing and self.extra:
            raise missing_extra(self.extra, f"--format {self.name}")
        if missing:
            names = " ".join(name.replace("_", "-") for name in missing)
            raise InputError(f"--format {self.name}: its check needs {names}: pip install {names}, or give --unchecked")


def _is_installed(module: str) -> bool:
    return importlib.util.find_spec(module) is not None


_TRANSFORMERS = ("input_ids", "token_type_ids", "attention_mask")
_ONNX = ("onnx", "onnxruntime", "onnxscript")
FORMATS = {
    one.name: one
    for one in (
        ExportFormat("hf", "a folder of transformers", "transformers", BACKENDS[::-1], (), inputs=_TRANSFORMERS),
        ExportFormat("onnx", "ONNX", "onnx", ("torch",), _ONNX, "onnx"),
        ExportFormat("onnx-int8", "ONNX with weights of 8 bits", "onnx", ("torch",), _ONNX, "onnx", INT8),
        ExportFormat("openvino", "OpenVINO", "openvino", ("tensorflow",), ("openvino",), "openvino"),
        ExportFormat("litert", "LiteRT", "litert", ("tensorflow",), ("ai_edge_litert",), "litert"),
        ExportFormat("saved-model", "TensorFlow's SavedModel", "saved_model", ("tensorflow",), ()),
        ExportFormat("keras", "model.keras of Keras", "keras", BACKENDS[::-1], ()),
    )
}


def format_named(name: str) -> ExportFormat:
    """Return the format of a name.

    Raises:
        InputError: There is none.
    """
    if name not in FORMATS:
        raise InputError(f"--format {name}: must be one of {', '.join(FORMATS)}")
    return FORMATS[name]
