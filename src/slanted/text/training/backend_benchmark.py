"""Benchmark a Keras backend on the training of a BERT classifier of the size of minilm, with weights of NaN.

Usage: python -m slanted.text.training.backend_benchmark BACKEND TIME PRECISION ...

TIME is the time at which the process was started, as returned by `time.time`. For each precision one line of JSON is
printed as soon as it is measured: `{"precision": "float32", "startup": ..., ...}`, with the fields of `Costs`. Keras is
imported in functions, after `start_keras` has set the backend.
"""

import json
import sys
import time
from typing import Any

import numpy as np

from slanted.runtime import keras_startup
from slanted.runtime.patches import retained_heap, uninitialized_weights
from slanted.runtime.run_costs import COMPILING

LENGTHS, BATCH_SIZE, STEPS = (16, 48), 32, 4  # STEPS of each length
PREDICTED = (64, 64)  # rows and tokens of a row: the 4,096 tokens of a batch of prediction
_VOCABULARY = 30522


def costs(backend: str, precision: str, begun: float) -> dict[str, float]:
    """Return the costs of the running backend in one precision: the fields of `Costs`, in seconds.

    Args:
        backend: The backend.
        precision: The dtype policy.
        begun: When the start-up began.
    """
    model = _compiled_classifier(precision)
    first, second = (_step_ends(model, length) for length in LENGTHS)
    short, long = (float(min(np.diff(ends[1:]))) for ends in (first, second))
    token = max(long - short, 0.0) / (BATCH_SIZE * (LENGTHS[1] - LENGTHS[0]))
    compiling = max(second[1] - second[0] - long, 0.0) if backend in COMPILING else 0.0
    return {
        "startup": max(first[1] - begun - short - compiling, 0.0),
        "compile": compiling,
        "step": max(short - token * BATCH_SIZE * LENGTHS[0], 0.0),
        "token": token,
        "predict": _predict(model),
    }


def _compiled_classifier(precision: str) -> Any:
    import keras
    import keras_hub

    from slanted.acceleration import fast_bert
    from slanted.acceleration.fused_adam import fuse

    with uninitialized_weights():
        backbone = keras_hub.models.BertBackbone(
            vocabulary_size=_VOCABULARY,
            num_layers=6,
            num_heads=12,
            hidden_dim=384,
            intermediate_dim=1536,
            max_sequence_length=512,
            dtype=precision,
        )
        model = keras_hub.models.BertTextClassifier(backbone, num_classes=2, dtype=precision)
    loss: Any = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    optimizer: Any = keras.optimizers.AdamW(1e-4, global_clipnorm=1.0)
    fast_bert.apply(model)
    fuse(optimizer)
    model.compile(optimizer=optimizer, loss=loss)
    return model


def _step_ends(model: Any, length: int) -> list[float]:
    """Return when the first step, which compiles, began, and when each step on batches of one length ended."""
    import keras

    ends: list[float] = []

    def began(batch: int, logs: Any) -> None:
        ends.extend([] if ends else [time.time()])

    def ended(batch: int, logs: Any) -> None:
        float(logs["loss"])  # waits for the backend
        ends.append(time.time())

    inputs, labels = _inputs(BATCH_SIZE * STEPS, length), np.arange(BATCH_SIZE * STEPS) % 2
    times = keras.callbacks.LambdaCallback(on_train_batch_begin=began, on_train_batch_end=ended)
    # `fit` of Keras: that of KerasHub wraps arrays in a tf.data.Dataset, which needs TensorFlow on every backend.
    fit: Any = keras.Model.fit
    with retained_heap():
        fit(model, inputs, labels, batch_size=BATCH_SIZE, epochs=1, verbose=0, callbacks=[times])
    return ends


def _predict(model: Any) -> float:
    """Return the seconds of a prediction for each token."""
    import keras

    inputs, seconds = _inputs(*PREDICTED), []
    with retained_heap():
        for _ in range(3):  # the first compiles
            begun = time.time()
            keras.ops.convert_to_numpy(model.predict_on_batch(inputs))
            seconds.append(time.time() - begun)
    return min(seconds) / inputs["token_ids"].size


def _inputs(rows: int, length: int) -> dict[str, np.ndarray]:
    ids = np.random.default_rng(0).integers(0, _VOCABULARY, (rows, length)).astype("int32")
    return {"token_ids": ids, "segment_ids": np.zeros_like(ids), "padding_mask": np.ones_like(ids)}


def main(arguments: list[str]) -> None:
    """Print the costs in each precision as JSON."""
    backend, begun, startup = arguments[0], float(arguments[1]), None
    keras_startup.command_alone = True
    keras_startup.start_keras(backend)
    for precision in arguments[2:]:
        measured = costs(backend, precision, begun)
        startup = measured["startup"] if startup is None else startup  # the second model has a running backend
        print(json.dumps({"precision": precision, **measured, "startup": startup}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
