"""Formats of Keras itself; tests/text/exporting/test_export.py makes each of them on its backend."""

import sys

import exported
import keras
import numpy as np

from slanted.acceleration import fast_bert
from slanted.text.exporting.keras_formats import write_keras, write_litert
from slanted.text.pretrained.classifier_network import plain_model


def test_model_keras_has_layers_of_keras_and_kerashub_alone(tmp_path):
    made = exported.model(tmp_path / "checkpoint", pooling="mean")
    with fast_bert.unapplied(made.classifier):
        write_keras(plain_model(made.classifier), tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    inputs = {name: np.ones((2, 5), "int32") for name in made.encoder.input_names}
    expected = keras.ops.convert_to_numpy(plain_model(made.classifier).predict_on_batch(inputs))
    np.testing.assert_allclose(keras.ops.convert_to_numpy(loaded.predict_on_batch(inputs)), expected, atol=1e-5)


def test_litert_is_asked_for_builtin_operations_alone(tmp_path, monkeypatch):
    class OpsSet:
        TFLITE_BUILTINS = "built in"

    class Lite:
        pass

    Lite.OpsSet = OpsSet
    made = {}

    class Model:
        def export(self, path, **options):
            made.update(options, path=path)

    tensorflow = type(sys)("tensorflow")
    tensorflow.lite = Lite
    monkeypatch.setitem(sys.modules, "tensorflow", tensorflow)
    write_litert(Model(), tmp_path / "model.tflite")
    assert made["target_spec"] == {"supported_ops": ["built in"]} and made["format"] == "litert"
