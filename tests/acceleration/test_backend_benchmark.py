"""The benchmark trains a model like those of slanted, ignores the round that compiles, and prints one JSON object."""

import json

import keras
import pytest

from slanted.acceleration import backend_benchmark
from slanted.acceleration.backend_benchmark import main, steps_a_second

pytestmark = pytest.mark.once


@pytest.fixture
def fits(monkeypatch):
    """Have rounds take given seconds and nothing be trained; returns what `fit` was called with."""
    called, made, clock = [], [], iter([0.0, 9.0, 10.0, 14.0, 20.0, 22.5, 30.0, 38.0, 40.0, 45.0])

    def classifier(precision):
        made.append(precision)
        return keras.Sequential([keras.Input((1,)), keras.layers.Dense(2)])

    def fit(model, inputs, labels, *, batch_size, epochs, callbacks, verbose):
        called.append((made[-1], inputs, labels, batch_size, epochs))
        for epoch in range(epochs):
            callbacks[0].on_epoch_begin(epoch)
            callbacks[0].on_epoch_end(epoch)

    monkeypatch.setattr(backend_benchmark, "_classifier", classifier)
    monkeypatch.setattr(backend_benchmark.time, "perf_counter", lambda: next(clock))
    monkeypatch.setattr(keras.Model, "fit", fit)
    return called


def test_the_fastest_round_counts_and_the_first_does_not(fits):
    assert steps_a_second("mixed_bfloat16") == pytest.approx(2 / 2.5)
    [(precision, inputs, labels, batch_size, epochs)] = fits
    assert (precision, batch_size, epochs) == ("mixed_bfloat16", 32, 5)
    assert inputs.keys() == {"token_ids", "segment_ids", "padding_mask"}
    assert {name: values.shape for name, values in inputs.items()} == dict.fromkeys(inputs, (64, 32))
    assert inputs["padding_mask"].all() and inputs["token_ids"].max() < 2000 and set(labels) == {0, 1}


def test_the_measurement_is_one_line_of_json(monkeypatch, capsys):
    monkeypatch.setattr(backend_benchmark, "steps_a_second", {"float32": 2.5, "mixed_bfloat16": 4.0}.__getitem__)
    main()
    (line,) = capsys.readouterr().out.splitlines()
    assert json.loads(line) == {"float32": 2.5, "mixed_bfloat16": 4.0}


def test_what_is_measured_is_kerashub_s_bert_of_minilm_s_block_sizes():
    backbone = backend_benchmark._classifier("mixed_bfloat16").backbone
    assert (backbone.hidden_dim, backbone.num_heads, backbone.intermediate_dim) == (384, 12, 1536)
    assert (backbone.num_layers, backbone.vocabulary_size, backbone.compute_dtype) == (2, 2000, "bfloat16")


def test_rounds_are_timed_one_by_one():
    times = backend_benchmark._RoundTimes()
    for epoch in range(3):
        times.on_epoch_begin(epoch)
        times.on_epoch_end(epoch)
    assert len(times.seconds) == 3 and min(times.seconds) >= 0.0
