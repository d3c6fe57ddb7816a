"""The benchmark trains a model of the size of minilm, leaves compiling out of a step, and prints lines of JSON."""

import json
import time

import keras
import numpy as np
import pytest

from slanted.runtime import keras_startup
from slanted.text.training import backend_benchmark
from slanted.text.training.backend_benchmark import costs, main

pytestmark = pytest.mark.once


@pytest.fixture
def ends(monkeypatch):
    """Have steps of 32 texts take 1 second at 16 tokens and 2 at 48, those that compile 6 more."""
    taken = {16: [100.0, 107.0, 108.5, 109.5, 111.0], 48: [200.0, 208.0, 210.0, 213.0, 215.5]}
    monkeypatch.setattr(backend_benchmark, "_compiled_classifier", lambda precision: None)
    monkeypatch.setattr(backend_benchmark, "_step_ends", lambda model, length: taken[length])
    monkeypatch.setattr(backend_benchmark, "_predict", lambda model: 0.001)


def test_a_step_has_a_part_of_its_own_and_one_for_each_token(ends):
    token = 1.0 / (32 * 32)
    measured = {"compile": 0.0, "step": 0.5, "token": token, "predict": 0.001}
    assert costs("torch", "float32", begun=90.0) == {"startup": 16.0, **measured}
    assert costs("jax", "float32", begun=90.0) == {**measured, "startup": 10.0, "compile": 6.0}


def test_each_precision_is_a_line_and_the_first_has_the_start(monkeypatch, capsys):
    started = []
    monkeypatch.setattr(keras_startup, "command_alone", False)
    monkeypatch.setattr(keras_startup, "start_keras", started.append)
    measured = {"float32": {"startup": 3.0, "step": 0.5}, "mixed_bfloat16": {"startup": 70.0, "step": 0.25}}
    monkeypatch.setattr(backend_benchmark, "costs", lambda backend, precision, begun: measured[precision])
    main(["torch", "12.5", "float32", "mixed_bfloat16"])
    assert started == ["torch"]
    assert [json.loads(line) for line in capsys.readouterr().out.splitlines()] == [
        {"precision": "float32", "startup": 3.0, "step": 0.5},
        {"precision": "mixed_bfloat16", "startup": 3.0, "step": 0.25},
    ]


def test_the_model_has_the_size_of_minilm(fresh_keras):
    classifier = backend_benchmark._compiled_classifier("mixed_bfloat16")
    backbone = classifier.backbone
    assert (backbone.hidden_dim, backbone.num_heads, backbone.intermediate_dim) == (384, 12, 1536)
    assert (backbone.num_layers, backbone.vocabulary_size, backbone.compute_dtype) == (6, 30522, "bfloat16")


def test_steps_are_timed_one_by_one_on_batches_of_one_length(fresh_keras):
    model = keras.Sequential([keras.Input((16,)), keras.layers.Dense(2)])
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    lengths, begun = [], time.time()
    inputs = backend_benchmark._inputs

    def ids(rows, length):
        lengths.append((rows, length))
        return inputs(rows, length)["token_ids"].astype("float32")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(backend_benchmark, "_inputs", ids)
        ends = backend_benchmark._step_ends(model, 16)
    assert lengths == [(4 * 32, 16)] and len(ends) == 5
    assert begun <= ends[0] and min(np.diff(ends)) > 0.0
