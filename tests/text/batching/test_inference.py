"""Raw outputs for many examples: in order, in float32, and the same at every call."""

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np
import pytest
from id_examples import NAMES, PAD, examples, mean_model

from slanted.text.batching.inference import outputs_of

ENCODER = SimpleNamespace(input_names=NAMES, tokenizer=SimpleNamespace(pad_id=PAD))


def noted_shapes(model):
    """Have a model note the shape of every batch that it predicts, and return the notes."""
    notes, predict = [], model.predict_on_batch

    def noting(inputs):
        notes.append(inputs["token_ids"].shape)
        return predict(inputs)

    model.predict_on_batch = noting
    return notes


def test_outputs_are_in_the_order_of_the_examples():
    outputs = outputs_of(mean_model(), ENCODER, examples(600))
    assert outputs.dtype == np.float32 and outputs.shape == (600, 1)
    np.testing.assert_allclose(outputs[:, 0], np.arange(100, 700), rtol=1e-6)


def test_one_example_is_enough():
    np.testing.assert_allclose(outputs_of(mean_model(), ENCODER, examples(1)), [[100.0]], rtol=1e-6)


def test_outputs_of_half_precision_become_float32():
    model = mean_model()
    half = keras.Model(model.input, keras.ops.cast(model.output, "float16"))
    outputs = outputs_of(half, ENCODER, examples(5))
    assert outputs.dtype == np.float32
    np.testing.assert_allclose(outputs[:, 0], np.arange(100, 105), rtol=1e-3)


def test_the_same_examples_get_the_same_outputs_to_the_last_bit(fresh_keras):
    model, tokens = mean_model(), examples(40)
    first = outputs_of(model, ENCODER, tokens)
    outputs_of(model, ENCODER, examples(3, seed=1))
    np.testing.assert_array_equal(outputs_of(model, ENCODER, tokens), first)


SEVERAL_MODELS = """
from test_inference import ENCODER, examples, mean_model, outputs_of
for _ in range(8):
    outputs_of(mean_model(), ENCODER, examples(1))
"""


@pytest.mark.once
def test_tensorflow_does_not_warn_of_the_traces_of_several_models():
    """In a process of its own: TensorFlow warns twice at most in each."""
    here = Path(__file__).parent
    path = os.pathsep.join([str(here), str(here.parents[1] / "support"), *sys.path])
    environment = os.environ | {"KERAS_BACKEND": "tensorflow", "PYTHONPATH": path}
    done = subprocess.run([sys.executable, "-c", SEVERAL_MODELS], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "retracing" not in done.stderr


def test_only_tensorflow_is_shown_two_shapes_before_the_first_batch():
    model = mean_model()
    shapes = noted_shapes(model)
    outputs_of(model, ENCODER, examples(3))
    before = [(2, 2), (3, 3)] if keras.config.backend() == "tensorflow" else []
    assert shapes[: len(before)] == before
    of_texts = shapes[len(before) :]
    assert sum(rows for rows, _ in of_texts) == 3
    outputs_of(model, ENCODER, examples(3))
    assert shapes[len(before) + len(of_texts) :] == of_texts
