"""Compute the raw outputs of a model for tokenised texts, in batches of similar length."""

import logging
from typing import Any

import keras
import numpy as np

from slanted.runtime.patches import retained_heap
from slanted.text.batching.batches import PredictionBatches, TokenInputs
from slanted.text.pretrained.encoder import Encoder
from slanted.text.tokens.token_arrays import Encoded


def outputs_of(model: Any, encoder: Encoder, tokens: Encoded) -> np.ndarray:
    """Return raw float32 outputs of shape (examples, outputs), in the order of the examples.

    The batches depend on the examples only, so that the same examples have the same outputs to the last bit.

    Args:
        model: A Keras model on `encoder`.
        encoder: The encoder, whose inputs the model takes.
        tokens: The examples.
    """
    inputs = TokenInputs(tokens, encoder.input_names, encoder.tokenizer.pad_id)
    _trace_for_all_shapes(model, encoder)
    batches = PredictionBatches(inputs)
    with retained_heap():
        outputs: list[Any] = [
            keras.ops.convert_to_numpy(model.predict_on_batch(batches[at])) for at in range(len(batches))
        ]
    return batches.in_order(np.concatenate(outputs).astype("float32"))


def _trace_for_all_shapes(model: Any, encoder: Encoder) -> None:
    """Make TensorFlow trace the prediction for all shapes at once.

    TensorFlow traces the first shape separately and all other shapes together. A text whose batch has the first shape
    in one call but not in the next would then be computed by two programs, whose results differ in the last bits.
    TensorFlow counts the traces of several models together and would warn of too many.
    """
    if keras.backend.backend() == "tensorflow" and model.predict_function is None:
        logger = logging.getLogger("tensorflow")
        level = logger.level
        logger.setLevel(logging.ERROR)
        try:
            for size in (2, 3):  # the first shape, which is traced separately, is shorter than any text
                model.predict_on_batch({name: np.ones((size, size), "int32") for name in encoder.input_names})
        finally:
            logger.setLevel(level)
