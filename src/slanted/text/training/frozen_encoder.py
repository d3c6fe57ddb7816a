"""The pretrained encoder before it is trained, with linear models on its vectors of the training rows.

A text has two vectors: what the last layer of the classifier receives, and the mean of the vectors of all tokens, with
which sentence encoders are trained; they are one where the head reads the mean. With `--head-start linear` the linear
model of the former is the last layer that training starts with (Kumar et al. 2022, arXiv 2202.10054; for language
models Tomihari and Sato 2024, arXiv 2405.16747): with many classes or few steps a random head never gets far. The
better one out of fold is a baseline: what the same encoder reaches without fine-tuning.
"""

import time
from functools import cached_property
from typing import Any

import numpy as np

from slanted.acceleration import fast_bert
from slanted.common.messages import plural
from slanted.text.batching.model_inputs import outputs_of_examples
from slanted.text.labels.examples import Examples
from slanted.text.labels.splits import stratified_rows
from slanted.text.labels.targets import Target
from slanted.text.pretrained.classifier_network import build_classifier, vector_model
from slanted.text.pretrained.encoder import Encoder
from slanted.text.pretrained.pooling import with_pooling
from slanted.text.runs.starting_model import load_starting_model
from slanted.text.scoring.headline import FROZEN_ENCODER, FROZEN_LABELS, FROZEN_ROWS
from slanted.text.scoring.linear_model import LinearModel, Weighing, fit_linear
from slanted.text.scoring.metrics import Scores, score_predictions
from slanted.text.scoring.outputs_and_losses import Scaling, probabilities_of
from slanted.text.scoring.thresholds import DEFAULT, best_thresholds
from slanted.text.settings import Settings

SMALLEST_SCALE = 0.05
FEW_ROWS, SMALLEST_SCALE_OF_FEW = 100, 0.3  # the out-of-fold loss of so few rows is too uncertain for a smaller scale


class FrozenEncoder:
    """The encoder of a classifier that is not trained yet.

    Args:
        encoder: The encoder.
        classifier: The KerasHub task on it. Its vectors must be computed before it is trained.
        target: The target to learn.
        train: The training rows; those of weight 0 are left out.
        settings: The settings of the run.

    Attributes:
        seconds: The time that the vectors of the training rows and the fits took.
        has_started: Whether `start_head` gave the last layer the weights of a linear model.
    """

    def __init__(self, encoder: Encoder, classifier: Any, target: Target, train: Examples, settings: Settings) -> None:
        self._encoder, self._classifier, self._target = encoder, classifier, target
        self._train, self._settings, self.seconds, self.has_started = train.that_count(), settings, 0.0, False
        self._scaling = Scaling.of(target.kind, train.y, train.weights)
        self._features = int(classifier.output_dense.kernel.shape[0])

    @cached_property
    def _model(self) -> Any:
        with fast_bert.unapplied(self._classifier):
            return vector_model(self._classifier)

    def _vectors(self, examples: Examples) -> np.ndarray:
        """Return both vectors, float32 (rows, features + hidden size); of a text in chunks the means of its chunks."""
        model = self._model
        with fast_bert.all_tokens(self._classifier):
            return outputs_of_examples(model, self._encoder, examples, self._settings)

    @cached_property
    def _rows(self) -> Examples:
        """The rows to fit on: the training rows, or a stratified sample of `FROZEN_ROWS` of them."""
        return self._train.take(_sample(self._target, self._train.y))

    @cached_property
    def _linear(self) -> tuple[LinearModel, LinearModel]:
        """The linear models of what the last layer receives, and of the mean of the tokens."""
        begun = time.monotonic()
        vectors = self._vectors(self._rows)
        received, mean = vectors[:, : self._features], vectors[:, self._features :]
        head = self._fitted(received)
        other = self._fitted(mean) if mean.shape[1] else head
        self.seconds = time.monotonic() - begun
        return head, other

    def _fitted(self, vectors: np.ndarray) -> LinearModel:
        y, weighing = self._scaling.to_model(self._rows.y), self._weighing()
        dropout = self._classifier.dropout
        return fit_linear(self._target.kind, vectors, y, len(self._target.labels), weighing=weighing, dropout=dropout)

    def _weighing(self) -> Weighing:
        return Weighing(self._settings.class_weight == "balanced", self._rows.weights)

    @property
    def _has_too_many_labels(self) -> bool:
        return len(self._target.labels) > FROZEN_LABELS

    def scores(self, scored: Examples) -> dict[str, Scores]:
        """Return the scores of the better linear model, and `seconds`, with those of the fits, under their name.

        With more than `FROZEN_LABELS` labels, whose fits would take long, there are none.
        In multi-label classification the thresholds are the best for the out-of-fold predictions.
        """
        if self._has_too_many_labels:
            return {}
        (head, mean), begun = self._linear, time.monotonic()
        vectors = self._vectors(scored)
        linear, seen = (head, vectors[:, : self._features])
        if mean.quality > head.quality:
            linear, seen = mean, vectors[:, self._features :]
        predicted = probabilities_of(self._target.kind, self._scaling.to_units(linear.outputs(seen)))
        thresholds: Any = DEFAULT
        if self._target.kind == "multilabel":
            shares = probabilities_of("multilabel", linear.out_of_fold)
            thresholds = best_thresholds(self._rows.y[linear.rows], shares)
        scores = score_predictions(self._target, scored.y, predicted, self._settings.positive, thresholds)
        return {FROZEN_ENCODER: {**scores, "seconds": self.seconds + time.monotonic() - begun}}

    def start_head(self) -> str:
        """Give the last layer of the classifier the scaled weights of its linear model; return a line about it.

        Where the frozen vectors tell nothing about the labels, the scale is near 0, and the random weights stay. Fewer
        than `FEW_ROWS` rows with classes or labels cannot show it: their scale is at least `SMALLEST_SCALE_OF_FEW`.
        """
        if self._has_too_many_labels:
            return f"head start: random, because the fits for {len(self._target.labels):,} labels would take long"
        linear = self._linear[0]
        quality = "R²" if self._target.kind == "regression" else "accuracy"
        scale = linear.scale
        if self._target.kind != "regression" and len(self._rows) < FEW_ROWS:
            scale = max(scale, SMALLEST_SCALE_OF_FEW)
        found = f"C={linear.strength:g}, out-of-fold {quality} {linear.quality:.4f}, scale {scale:.3g}"
        if scale < SMALLEST_SCALE:
            self.has_started = False
            return f"head start: random, because a linear model tells nothing of the labels ({found})"
        kernel, bias = linear.kernel * scale, linear.bias * scale
        self._classifier.output_dense.set_weights([kernel.astype("float32"), bias.astype("float32")])
        self.has_started = True
        return f"head start: a linear model of {plural(len(self._rows), 'training row')} ({found})"


def frozen_encoder(target: Target, train: Examples, settings: Settings) -> FrozenEncoder:
    """Load the encoder that the settings name, with linear models of these training rows."""
    encoder = load_starting_model(settings.model, settings.precision, settings.recipe.dropout)
    settings, dropout = with_pooling(settings, encoder), settings.recipe.dropout
    classifier = build_classifier(encoder, len(target.labels), pooling=settings.pooling, dropout=dropout)
    return FrozenEncoder(encoder, classifier, target, train, settings)


def _sample(target: Target, y: np.ndarray) -> np.ndarray:
    """Return all rows, or of many a seeded sample of about `FROZEN_ROWS`, with a row of every class."""
    if len(y) <= FROZEN_ROWS:
        return np.arange(len(y))
    random = np.random.default_rng(0)
    if target.kind == "single":
        alone = np.flatnonzero(np.bincount(y)[y] == 1)  # which a stratified sample leaves out
        return np.union1d(alone, stratified_rows(y, FROZEN_ROWS / len(y), random))
    return np.sort(random.permutation(len(y))[:FROZEN_ROWS])
