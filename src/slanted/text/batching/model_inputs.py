"""Convert rows to model inputs: few rows are tokenised at once, many rows when they are needed."""

from typing import Any

import keras
import numpy as np

from slanted.text.batching import length_buckets, streaming_batches
from slanted.text.batching.batches import TokenInputs, TrainingBatches
from slanted.text.batching.inference import outputs_of
from slanted.text.batching.length_buckets import LengthPlan, compilation_tokens
from slanted.text.batching.streaming_batches import WindowedBatches, WindowPlan, sampled_rows, slices
from slanted.text.labels.examples import Examples
from slanted.text.pretrained.encoder import Encoder
from slanted.text.settings import Settings
from slanted.text.tokens.documents import Documents, encode_documents

MANY_ROWS = 100_000
ROWS_AT_ONCE = 2**16


def training_batches(
    encoder: Encoder, examples: Examples, targets: np.ndarray, settings: Settings
) -> tuple[Documents, TrainingBatches | WindowedBatches]:
    """Return the tokenised training rows, or a sample of them if they are many, and the batches of all rows.

    Args:
        encoder: The encoder, whose tokenizer is used.
        examples: The training rows, with their weights if there are any.
        targets: The targets of the model's outputs, (rows, ...).
        settings: The settings of the run.
    """
    cost, inputs = shape_tokens(settings), (encoder.input_names, encoder.tokenizer.pad_id)
    if len(examples) <= MANY_ROWS or settings.long == "chunk":
        documents = _encoded(encoder, examples, settings)
        tokens = documents.encoded
        plan = LengthPlan(tokens.lengths, settings.texts_per_batch, seed=settings.seed, shape_tokens=cost)
        weights = None if examples.weights is None else documents.repeated(examples.weights)
        return documents, TrainingBatches(TokenInputs(tokens, *inputs), documents.repeated(targets), plan, weights)

    def encode(rows: np.ndarray) -> Any:
        return _encoded(encoder, examples.take(rows), settings).encoded

    sample = encode(sampled_rows(len(examples), settings.seed))
    most, size = settings.max_tokens, settings.texts_per_batch
    shapes = streaming_batches.MAX_SHAPES if cost else length_buckets.MAX_SHAPES
    plan = WindowPlan(len(examples), sample.lengths, most, size, seed=settings.seed, max_shapes=shapes)
    return Documents(sample, of_sample=True), WindowedBatches(encode, *inputs, targets, plan, examples.weights)


def shape_tokens(settings: Settings) -> float:
    """Return the cost of one more shape of batches, as a number of tokens of an epoch.

    JAX compiles each shape, and again for each stage of unfreezing. TensorFlow traces one program for all shapes, and
    PyTorch compiles nothing.
    """
    if keras.config.backend() != "jax":
        return 0.0
    return compilation_tokens(settings.recipe.least_epochs, staged=settings.recipe.unfreezing != "none")


def outputs_of_examples(model: Any, encoder: Encoder, examples: Examples, settings: Settings) -> np.ndarray:
    """Return the raw float32 outputs of each row, (rows, outputs); `ROWS_AT_ONCE` rows are tokenised at a time."""
    outputs = []
    for rows in slices(len(examples), ROWS_AT_ONCE):
        chunk = examples if len(examples) <= ROWS_AT_ONCE else examples.take(np.arange(rows.start, rows.stop))
        documents = _encoded(encoder, chunk, settings)
        outputs.append(documents.pooled(outputs_of(model, encoder, documents.encoded)))
    return np.concatenate(outputs)


class ValidationRows:
    """The rows of the validation split, which are scored after each epoch; few rows are tokenised once only.

    Attributes:
        y: The encoded labels of the rows.
    """

    def __init__(self, encoder: Encoder, examples: Examples, settings: Settings) -> None:
        self._encoder, self._examples, self._settings = encoder, examples, settings
        self._documents = _encoded(encoder, examples, settings) if len(examples) <= ROWS_AT_ONCE else None
        self.y = examples.y

    def outputs(self, model: Any) -> np.ndarray:
        """Return the model's raw outputs, (rows, outputs)."""
        if self._documents is None:
            return outputs_of_examples(model, self._encoder, self._examples, self._settings)
        return self._documents.pooled(outputs_of(model, self._encoder, self._documents.encoded))


def _encoded(encoder: Encoder, examples: Examples, settings: Settings) -> Documents:
    return encode_documents(encoder.tokenizer, examples.texts, examples.texts_b, settings)
