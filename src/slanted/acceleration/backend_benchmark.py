"""Benchmark the Keras backend of this process on the training of a small BERT classifier; print one JSON object.

Usage: KERAS_BACKEND=tensorflow python -m slanted.acceleration.backend_benchmark

A BERT classifier with the block sizes of minilm, but fewer blocks and a smaller vocabulary, trains for a few steps in
float32 and in mixed_bfloat16: `{"float32": steps per second, "mixed_bfloat16": steps per second}`.
"""

import json
import time
from typing import Any

import keras
import keras_hub
import numpy as np

from slanted.acceleration import fast_bert
from slanted.acceleration.fused_adam import fuse

_BATCH_SIZE, _LENGTH, _VOCABULARY = 32, 32, 2000
_ROUNDS, _STEPS_A_ROUND = 4, 2


class _RoundTimes(keras.callbacks.Callback):
    """Records the seconds of each epoch; Keras reads the logs of an epoch after the backend has finished it."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds: list[float] = []

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._begun = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.seconds.append(time.perf_counter() - self._begun)


def _classifier(precision: str) -> Any:
    backbone = keras_hub.models.BertBackbone(
        vocabulary_size=_VOCABULARY,
        num_layers=2,
        num_heads=12,
        hidden_dim=384,
        intermediate_dim=1536,
        max_sequence_length=_LENGTH,
        dtype=precision,
    )
    return keras_hub.models.BertTextClassifier(backbone, num_classes=2, dtype=precision)


def steps_a_second(precision: str) -> float:
    """Return the steps per second of the fastest round, without the first round, which compiles."""
    model, optimizer = _classifier(precision), keras.optimizers.AdamW(1e-4, global_clipnorm=1.0)
    fast_bert.apply(model)
    fuse(optimizer)
    model.compile(optimizer=optimizer, loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    rows = _BATCH_SIZE * _STEPS_A_ROUND
    ids = np.random.default_rng(0).integers(0, _VOCABULARY, (rows, _LENGTH)).astype("int32")
    inputs = {"token_ids": ids, "segment_ids": np.zeros_like(ids), "padding_mask": np.ones_like(ids)}
    times = _RoundTimes()
    labels = np.arange(rows) % 2
    # `fit` of Keras: that of KerasHub wraps arrays in a tf.data.Dataset, which needs TensorFlow on every backend.
    fit: Any = keras.Model.fit
    fit(model, inputs, labels, batch_size=_BATCH_SIZE, epochs=1 + _ROUNDS, verbose=0, callbacks=[times])
    return _STEPS_A_ROUND / min(times.seconds[1:])


def main() -> None:
    """Print the benchmark as JSON."""
    print(json.dumps({precision: steps_a_second(precision) for precision in ("float32", "mixed_bfloat16")}))


if __name__ == "__main__":
    main()
