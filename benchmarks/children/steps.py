"""Time training steps of minilm on this process's Keras backend; print one JSON line.

Usage: KERAS_BACKEND=torch steps.py KIND,KIND,... [--length 32] [--rounds 12] [--steps 6] [--precision float32]

Every kind trains a model of its own, as `slanted train` does, on the same 32 random texts; round for round each kind
takes a few steps in turn. Kinds:
    plain      AdamW at a constant rate, gradients clipped
    clipped    SGD, gradients clipped
    sgd        SGD, gradients not clipped
    forward    no training: the outputs and their loss, without dropout
    layerwise  AdamW under a slanted triangular curve with a rate for each of the 8 layer groups
    top        the same with only the head and the top block open
The seconds of a step are listed round by round.
"""

import argparse
import json
import time
from typing import Any

import keras
import numpy as np

import slanted
from slanted.acceleration import fast_bert
from slanted.acceleration.fused_adam import fuse
from slanted.runtime.patches import retained_heap
from slanted.text.pretrained.classifier_network import build_classifier, plain_model
from slanted.text.pretrained.encoder import load_encoder

BATCH_SIZE = 32


class Steps(keras.utils.PyDataset):
    """The same batch again and again."""

    def __init__(self, count: int, length: int) -> None:
        super().__init__()
        ids = np.random.default_rng(0).integers(1000, 30000, (BATCH_SIZE, length)).astype("int32")
        self._inputs = {"token_ids": ids, "segment_ids": np.zeros_like(ids), "padding_mask": np.ones_like(ids)}
        self._labels, self._count = np.arange(BATCH_SIZE) % 6, count

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: int) -> Any:
        return self._inputs, self._labels


class Timer(keras.callbacks.Callback):
    """Takes the wall-clock and processor seconds of an epoch."""

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Begin."""
        self._begun = time.perf_counter(), time.process_time()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """End."""
        self.wall, self.processor = time.perf_counter() - self._begun[0], time.process_time() - self._begun[1]


class Trainee:
    """A model of one kind, compiled."""

    def __init__(self, kind: str, precision: str) -> None:
        keras.utils.set_random_seed(0)
        classifier = build_classifier(load_encoder("minilm", precision), 6)
        fast_bert.apply(classifier)
        self.model = plain_model(classifier)
        optimizer: Any = keras.optimizers.AdamW(1e-6, weight_decay=0.01, global_clipnorm=1.0)
        if kind in ("sgd", "clipped"):
            optimizer = keras.optimizers.SGD(1e-6, global_clipnorm=1.0 if kind == "clipped" else None)
        self.kind = kind
        self.callbacks: list[Any] = []
        if kind in ("layerwise", "top"):
            groups = slanted.layer_groups(self.model)
            optimizer = slanted.LayerwiseOptimizer(optimizer, groups, layer_decay=0.95)
            self.callbacks = [slanted.RunScheduler(slanted.SlantedTriangular(1e-6, total_steps=10**6))]
            if kind == "top":
                optimizer.open_only([group.name for group in groups[-2:]])
        fuse(optimizer)
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        self.model.compile(optimizer=optimizer, loss=loss)

    def seconds(self, batches: Steps) -> tuple[float, float]:
        """Train for an epoch, or look on, and return the wall-clock and processor seconds of a step."""
        timer = Timer()
        if self.kind == "forward":
            timer.on_epoch_begin(0)
            self.model.evaluate(batches, verbose=0)
            timer.on_epoch_end(0)
            return timer.wall / len(batches), timer.processor / len(batches)
        with retained_heap():
            self.model.fit(batches, verbose=0, shuffle=False, callbacks=[*self.callbacks, timer])
        return timer.wall / len(batches), timer.processor / len(batches)


def main() -> None:
    """Time the kinds in turn and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("kinds")
    parser.add_argument("--length", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--steps", type=int, default=6)
    parser.add_argument("--precision", default="mixed_bfloat16")
    given = parser.parse_args()
    batches = Steps(given.steps, given.length)
    trainees = {kind: Trainee(kind, given.precision) for kind in given.kinds.split(",")}
    for trainee in trainees.values():
        trainee.seconds(batches)  # compiles
    times: dict[str, Any] = {kind: {"wall": [], "processor": []} for kind in trainees}
    for _ in range(given.rounds):
        for kind, trainee in trainees.items():
            wall, processor = trainee.seconds(batches)
            times[kind]["wall"].append(wall)
            times[kind]["processor"].append(processor)
    print(json.dumps({"backend": keras.config.backend(), "length": given.length, "seconds": times}))


if __name__ == "__main__":
    main()
