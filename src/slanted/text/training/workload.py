"""What a run computes, estimated from its rows before Keras is started: batches, lengths, predicted tokens, model size.

At most `SAMPLE_ROWS` rows of each file are tokenised. The tokenizer of a model on a hub is not there yet: `CHARACTERS`
characters are a token then, and the model is taken to have the size of minilm.
"""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from slanted.preview.range_test import SearchOptions
from slanted.runtime.run_costs import Work
from slanted.text.batching.length_buckets import TOKENS_A_COMPILATION, LengthPlan, compilation_tokens
from slanted.text.labels.examples import Examples
from slanted.text.pretrained.model_files import ModelFiles
from slanted.text.pretrained.pooling import pooling_of
from slanted.text.runs.run_data import RunData
from slanted.text.runs.starting_model import locate_model
from slanted.text.scoring.calibration import SPLIT_SHARE, needs_second_model
from slanted.text.scoring.headline import FROZEN_LABELS, FROZEN_ROWS
from slanted.text.settings import AUTO, Settings
from slanted.text.tokens.documents import encode_documents
from slanted.text.tokens.tokenizer import TextTokenizer
from slanted.text.tokens.vocabulary_files import read_model_json
from slanted.text.training.run_length import wanted_epochs, with_batch_size

SAMPLE_ROWS = 500
MOST_ROWS = 50_000  # of an epoch whose batches are planned
ROWS_PREDICTED_AT_ONCE = 32  # where each length is compiled
CHARACTERS = 4.3  # per token; in English
# Linear models, seconds on one core of an Intel Xeon: TF-IDF a character, a coefficient of it in all iterations; on the
# vectors of the frozen encoder a fit of 4,000 rows, and a label of it.
TFIDF_CHARACTER, TFIDF_COEFFICIENT, FROZEN_FIT, FROZEN_LABEL = 1.2e-6, 1.0e-5, 0.6, 0.06
FEATURES_A_CHARACTER, MOST_FEATURES = 0.1, 25_000
_SIZES = (  # layers, width, inner width, rows of the embeddings: DistilBERT, other models of transformers, KerasHub
    ("n_layers", "dim", "hidden_dim", "vocab_size"),
    ("num_hidden_layers", "hidden_size", "intermediate_size", "vocab_size"),
    ("num_layers", "hidden_dim", "intermediate_dim", "vocabulary_size"),
)
_MINILM = (6, 384, 1536, 30522)


def run_work(data: RunData, settings: Settings, models: int = 1) -> Work:
    """Return the work of a run, or of a cross-validation.

    Args:
        data: The rows.
        settings: The settings.
        models: How many such runs there are.
    """
    part = data.of_fold(data.folds[0]) if data.folds else data
    work = fit_work((part.train, part.valid, part.test), settings)
    calibrate = "none" if data.folds else settings.calibrate
    second = needs_second_model(data.target.kind, len(part.train), part.valid is not None, calibrate)
    return replace(work, models=models * max(1, len(data.folds)) * (2.0 - SPLIT_SHARE if second else 1.0))


def search_work(data: RunData, settings: Settings, options: SearchOptions) -> Work:
    """Return the work of a search for the peak learning rate: the range test and three runs."""
    work = fit_work((data.train, None, None), settings)
    steps = options.steps + 3 * options.verify_steps
    return replace(work, steps=steps, tokens=work.tokens * steps / work.steps, predicted=0.0, linear=0.0)


def fit_work(parts: tuple[Examples, Examples | None, Examples | None], settings: Settings) -> Work:
    """Return the work of training one model. `--max-minutes` is not considered.

    Args:
        parts: The training rows, the validation rows, which are scored after each epoch and at the end, and the test
            rows, which are scored at the end.
        settings: The settings.
    """
    (train, valid, test), sizes = parts, _Sizes(settings)
    settings = replace(settings, pooling=sizes.pooling())
    lengths = sizes.lengths(train)
    rows = len(train) * len(lengths) / min(len(train), SAMPLE_ROWS)  # more than texts if these are split into chunks
    planned = np.resize(lengths, max(1, min(round(rows), MOST_ROWS)))
    batch_size = with_batch_size(settings, len(train)).texts_per_batch
    batches = LengthPlan(planned, batch_size, seed=settings.seed).batches(0)
    compilation = compilation_tokens(settings.recipe.least_epochs, staged=settings.recipe.unfreezing != "none")
    validation, scored, scale = sizes.tokens(valid), sizes.tokens(valid) + sizes.tokens(test), rows / len(planned)
    frozen, linear = 0.0, 0.0
    if scored or settings.recipe.head_start == "linear":
        share = min(1.0, FROZEN_ROWS / len(train))
        frozen = share * scale * float(planned.sum()) + (sizes.tokens(test) or validation)
        linear = _linear_seconds(train, share, with_tfidf=scored > 0.0)
    epochs = wanted_epochs(settings, round(len(batches) * scale))
    return Work(
        lengths=_shapes(planned, batch_size, compilation),
        predicted_lengths=sum(_shapes(sizes.lengths(part), ROWS_PREDICTED_AT_ONCE) for part in (valid, test) if part),
        steps=round(epochs * len(batches) * scale),
        tokens=epochs * scale * sum(len(batch.rows) * batch.length for batch in batches),
        predicted=frozen + epochs * validation,
        scored=scored,
        linear=linear,
        **sizes.relative(),
    )


def _linear_seconds(train: Examples, share: float, *, with_tfidf: bool) -> float:
    """Return the time of fitting linear models of the training rows, of which a share has vectors."""
    labels = len(np.unique(train.y)) if train.y.dtype.kind in "iu" else train.y[:1].size
    seconds = 0.0 if labels > FROZEN_LABELS else (FROZEN_FIT + FROZEN_LABEL * labels) * share * len(train) / FROZEN_ROWS
    if with_tfidf:
        sample = _sample(train)
        characters = sum(len(text) for texts in (sample.texts, sample.texts_b or ()) for text in texts)
        characters *= len(train) / len(sample)
        features = min(MOST_FEATURES, FEATURES_A_CHARACTER * characters)
        seconds += TFIDF_CHARACTER * characters + TFIDF_COEFFICIENT * features * (1 if labels == 2 else labels)
    return seconds


def _shapes(lengths: NDArray[np.int64], batch_size: int, cost: float = TOKENS_A_COMPILATION) -> int:
    """Return how many shapes the batches of rows of these lengths have where each is compiled."""
    batches = LengthPlan(lengths, batch_size, shape_tokens=cost).batches(0)
    return len({(len(batch.rows), batch.length) for batch in batches})


def _sample(examples: Examples) -> Examples:
    if len(examples) <= SAMPLE_ROWS:
        return examples
    return examples.take(np.linspace(0, len(examples) - 1, SAMPLE_ROWS).astype(np.int64))


class _Sizes:
    """The lengths of examples in tokens, and the size of the model, without Keras."""

    def __init__(self, settings: Settings) -> None:
        self._settings, self._files = settings, locate_model(settings.model)
        folder = self._files.tokenizer_folder
        self._tokenizer = None if folder is None else TextTokenizer.load(folder)

    def lengths(self, examples: Examples) -> NDArray[np.int64]:
        """Return the number of tokens of each example, for a sample of the rows."""
        examples = _sample(examples)
        if self._tokenizer is not None:
            documents = encode_documents(self._tokenizer, examples.texts, examples.texts_b, self._settings)
            return documents.encoded.lengths
        characters = np.array([len(text) for text in examples.texts])
        if examples.texts_b is not None:
            characters = characters + [len(text) for text in examples.texts_b]
        return np.minimum(2 + np.ceil(characters / CHARACTERS), self._settings.max_tokens).astype(np.int64)

    def tokens(self, examples: Examples | None) -> float:
        """Return the number of tokens of all examples, from those of a sample."""
        if not examples:
            return 0.0
        return float(self.lengths(examples).sum()) * len(examples) / min(len(examples), SAMPLE_ROWS)

    def pooling(self) -> str:
        """Return the pooling of the run; "auto" if it is not known yet."""
        pooling, folder = self._settings.pooling, self._files.folder
        return pooling_of(folder) if pooling == AUTO and folder is not None else pooling

    def relative(self) -> dict[str, Any]:
        """Return the sizes of the model relative to minilm, and the share of a step's computation that is left."""
        sizes = _sizes(self._files)
        return {
            "weights": _weights(*sizes) / _weights(*_MINILM),
            "block_weights": _block_weights(*sizes[:3]) / _block_weights(*_MINILM[:3]),
            "trained": _trained_share(sizes[0], self._settings.recipe.freeze),
        }


def _sizes(files: ModelFiles) -> tuple[int, int, int, int]:
    """Return layers, width, inner width and rows of the embeddings; those of minilm if they are unknown."""
    if files.folder is None:
        return _MINILM
    config = read_model_json(files.folder / "config.json")
    config |= config.get("config", {})
    for names in _SIZES:
        if all(isinstance(config.get(name), int) for name in names):
            layers, width, inner, rows = (config[name] for name in names)
            return layers, width, inner, rows
    return _MINILM


def _block_weights(layers: int, width: int, inner: int) -> int:
    """Return the number of weights of the matrices in the blocks."""
    return layers * (4 * width**2 + 2 * width * inner)


def _weights(layers: int, width: int, inner: int, rows: int) -> int:
    return _block_weights(layers, width, inner) + rows * width


def _trained_share(layers: int, frozen: tuple[str, ...]) -> float:
    """Return the share of a step that is left where the lowest groups are frozen: forward pass 1, backward pass 2.

    Unfreezing in stages is not considered, so that such a run is expected to take longer than it does.
    """
    lowest = 0
    while f"block_{lowest}" in frozen and lowest < layers:
        lowest += 1
    return 1.0 if "embeddings" not in frozen else (1.0 + 2.0 * (1.0 - lowest / layers)) / 3.0
