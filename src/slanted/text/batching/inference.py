"""Texts' tokens -> a model's raw outputs, computed in batches of like length."""

from typing import Any

import keras
import numpy as np

from slanted.runtime.patches import kept_heap
from slanted.text.batching.batches import PredictionBatches, TokenInputs
from slanted.text.pretrained.encoder import Encoder
from slanted.text.tokens.token_arrays import Encoded


def outputs_of(model: Any, encoder: Encoder, tokens: Encoded) -> np.ndarray:
    """Return raw float32 outputs of shape (examples, outputs), in the examples' order.

    The batches follow from the examples alone, and the same examples get the same outputs to the last bit.

    Args:
        model: A Keras model on `encoder`.
        encoder: Says which inputs it takes.
        tokens: The examples.
    """
    inputs = TokenInputs(tokens, encoder.input_names, encoder.tokenizer.pad_id)
    _trace_for_all_shapes(model, encoder)
    batches = PredictionBatches(inputs)
    with kept_heap():
        found = [
            np.asarray(keras.ops.convert_to_numpy(model.predict_on_batch(batches[at]))) for at in range(len(batches))
        ]
    return batches.in_order(np.concatenate(found).astype("float32"))


def _trace_for_all_shapes(model: Any, encoder: Encoder) -> None:
    """Have TensorFlow trace prediction once for every shape.

    It would trace the first shape on its own and all others together, and so compute a text that comes with the first
    shape of one call and not of the next in two ways, which differ in the last bits.
    """
    if keras.backend.backend() == "tensorflow" and model.predict_function is None:
        for size in (2, 3):  # no text is as short as the first, which gets a trace of its own
            model.predict_on_batch({name: np.ones((size, size), "int32") for name in encoder.input_names})
