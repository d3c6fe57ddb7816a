"""Encoded examples that can be told apart by their ids, and a model that gives back which example a row was."""

import keras
import numpy as np

from slanted.text.tokens.token_arrays import Encoded

NAMES = ("token_ids", "padding_mask")
PAD = 7


def examples(count=75, seed=0):
    """Example i is the id 100 + i, again and again: whatever is computed tells where it came from."""
    lengths = np.random.default_rng(seed).integers(1, 25, count)
    ids = np.repeat(np.arange(100, 100 + count), lengths).astype(np.int32)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    return Encoded(ids, np.zeros(len(ids), np.int8), offsets, np.zeros(count, bool))


def mean_model():
    """Gives the mean id of the real tokens."""
    ids, mask = (keras.Input((None,), dtype="int32", name=name) for name in NAMES)
    real = keras.ops.cast(mask, "float32")
    total = keras.ops.sum(real * keras.ops.cast(ids, "float32"), axis=1, keepdims=True)
    mean = total / keras.ops.sum(real, axis=1, keepdims=True)
    outputs = keras.layers.Dense(1, use_bias=False, kernel_initializer="ones")(mean)
    return keras.Model(dict(zip(NAMES, (ids, mask), strict=True)), outputs)
