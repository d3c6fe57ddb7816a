"""Write a Keras model in the formats that Keras itself exports: model.keras, SavedModel, OpenVINO and LiteRT."""

from pathlib import Path
from typing import Any


def write_keras(model: Any, path: Path) -> None:
    """Write a model as a file for `keras.saving.load_model`, of layers of Keras and KerasHub alone."""
    from slanted.runtime.patches import float32_policy

    with float32_policy():
        model.save(path)


def write_saved_model(model: Any, folder: Path) -> None:
    """Write a model, on TensorFlow, as a SavedModel whose endpoint `serve` takes a dict of int32 (texts, tokens)."""
    model.export(folder, format="tf_saved_model", verbose=False)


def write_openvino(model: Any, path: Path) -> None:
    """Write a model, on TensorFlow, as model.xml and model.bin of OpenVINO, in float32."""
    model.export(str(path), format="openvino", verbose=False)


def write_litert(model: Any, path: Path) -> None:
    """Write a model, on TensorFlow, as a file of LiteRT.

    Raises:
        Exception: It needs operations that LiteRT does not have built in.
    """
    import tensorflow as tf

    builtin: dict[str, Any] = {"supported_ops": [tf.lite.OpsSet.TFLITE_BUILTINS]}
    model.export(str(path), format="litert", verbose=False, target_spec=builtin)
