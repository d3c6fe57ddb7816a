"""Two baselines to compare every score with: the majority class, and TF-IDF with a linear model.

`majority` predicts the training rows' class shares (several labels: each label's share; regression: the means) for
every text.

`tfidf` weighs words and pairs of neighbouring words, lower-cased, by (1 + log(count)) * idf, each text scaled to
length 1. Where no training text has a word character (emoji alone, say), runs of 1 to 3 characters take the place of
words. A pair gives the features a, b, |a - b| and the cosine of a and b: a linear model on a and b alone cannot compare
them (0.32 against 0.64 Spearman on STS-B). On these features stands a logistic regression with C = 10, one a label
where there are several, or a ridge regression with penalty 1. On five public sets C = 10 gained up to 3.0 points of
accuracy over C = 1 and was within 0.8 points of C = 30.

Weights of rows count in the shares and as scikit-learn's sample weights; rows of weight 0 are left out.

Large data is bounded: the fit sees at most 50,000 rows and 50 million characters, a seeded sample with a row of every
class; at most 50,000 features a segment and 4 million coefficients. Every call gives the same result.

For several labels both get thresholds by the same rule as the model (`thresholds`): the best on validation rows, after
a fit on the training rows alone; 0.5 without validation rows.
"""

import re
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from slanted.text.labels.examples import Examples
from slanted.text.labels.targets import Target
from slanted.text.scoring.metrics import Scores, many_classes, one_blas_thread, scikit_learn, score_predictions
from slanted.text.scoring.thresholds import DEFAULT, best_thresholds

Predict = Callable[[Any], np.ndarray]  # examples, or their features, to probabilities or numbers (n, outputs)

MAX_ROWS = 50_000
MAX_CHARACTERS = 50_000_000
MAX_FEATURES = 50_000
MAX_COEFFICIENTS = 4_000_000
MAX_ITERATIONS = 1000
ROWS_AT_ONCE = 10_000


def baseline_scores(
    train: Examples,
    scored: Examples,
    target: Target,
    positive: str | None = None,
    choosing: Sequence[tuple[Examples, Examples]] = (),
) -> dict[str, Scores]:
    """Fit both baselines on the training examples and score them on others.

    Args:
        train: The training examples.
        scored: The examples to score on.
        target: What is predicted: its `kind`, and the names in `labels`.
        positive: The class that `f1` looks at, of two.
        choosing: Training examples and the validation examples that choose the thresholds of several labels. With more
            than one such pair, the folds of a cross-validation, the thresholds are the means. Without any: 0.5.

    Returns:
        `{"majority": scores, "tfidf": scores}` with the keys of `slanted.text.scoring.metrics`. `loss` is the
        cross-entropy, or for regression the mean squared error in the units of the targets.
    """
    fitted = _fitted(train, target)
    thresholds = {}
    if target.kind == "multilabel" and choosing:
        each = [_thresholds(fitted if one is train else _fitted(one, target), valid) for one, valid in choosing]
        thresholds = {name: np.mean([one[name] for one in each], axis=0) for name in fitted}
    return {
        name: score_predictions(target, scored.y, predict(scored), positive, thresholds.get(name, DEFAULT))
        for name, predict in fitted.items()
    }


def _fitted(train: Examples, target: Target) -> dict[str, Predict]:
    """Return both baselines, each a function of examples."""
    train = train.that_count()
    mean = _mean_prediction(train, target)
    return {"majority": lambda examples: np.tile(mean, (len(examples), 1)), "tfidf": _fit_tfidf(train, target)}


def _thresholds(fitted: dict[str, Predict], valid: Examples) -> dict[str, np.ndarray]:
    """Return the thresholds of each baseline that are best on validation examples."""
    return {name: best_thresholds(valid.y, predict(valid)) for name, predict in fitted.items()}


def _mean_prediction(train: Examples, target: Target) -> np.ndarray:
    y, weights = train.y, train.weights
    if target.kind == "single":
        return np.bincount(y, weights, minlength=len(target.labels)) / (len(y) if weights is None else weights.sum())
    return np.average(y.reshape(len(y), -1).astype(np.float64), axis=0, weights=weights)


def _fit_tfidf(train: Examples, target: Target) -> Predict:
    outputs = len(target.labels)
    train = train.take(_sample(train))
    features = _Features(train, outputs)
    fit = {"single": _fit_classes, "multilabel": _fit_labels, "regression": _fit_numbers}[target.kind]
    predict_features = fit(features(train), train.y, outputs, train.weights)

    def predict(examples: Examples) -> np.ndarray:
        rows = np.arange(len(examples))
        blocks = [rows[start : start + ROWS_AT_ONCE] for start in range(0, len(rows), ROWS_AT_ONCE)]
        return np.concatenate([predict_features(features(examples.take(block))) for block in blocks])

    return predict


def _sample(train: Examples) -> np.ndarray:
    """Return the indices, in order, of the rows that fit the bounds: one of every class first, then a seeded choice."""
    y, lengths = train.y, np.sum([[len(text) for text in texts] for texts in _segments(train)], axis=0)
    if len(y) <= MAX_ROWS and lengths.sum() <= MAX_CHARACTERS:
        return np.arange(len(y))
    order = np.random.default_rng(0).permutation(len(y))
    needed = 1
    if y.ndim == 1:
        _, first = np.unique(y[order], return_index=True)
        order, needed = np.concatenate([order[first], np.delete(order, first)]), len(first)
    fitting = int(np.searchsorted(np.cumsum(lengths[order]), MAX_CHARACTERS, side="right"))
    return np.sort(order[: max(needed, min(MAX_ROWS, fitting))])


def _segments(examples: Examples) -> list[Sequence[str]]:
    """Return the texts, and of pairs the second texts: one or two sequences of equal length."""
    return [examples.texts] if examples.texts_b is None else [examples.texts, examples.texts_b]


class _Features:
    """TF-IDF features of texts or pairs, on the vocabulary of the training texts."""

    def __init__(self, examples: Examples, outputs: int) -> None:
        segments = _segments(examples)
        corpus = [text for texts in segments for text in texts]
        words = any(re.search(r"\w", text) for text in corpus)
        blocks = 1 if len(segments) == 1 else 3
        self._vectorizer = scikit_learn("feature_extraction.text").TfidfVectorizer(
            analyzer="word" if words else "char",
            token_pattern=r"(?u)\b\w+\b" if words else None,
            ngram_range=(1, 2) if words else (1, 3),
            max_features=min(MAX_FEATURES, max(1, MAX_COEFFICIENTS // (outputs * blocks))),
            sublinear_tf=True,
        )
        self._vectorizer.fit(corpus)

    def __call__(self, examples: Examples) -> Any:
        vectors = [self._vectorizer.transform(texts) for texts in _segments(examples)]
        if len(vectors) == 1:
            return vectors[0]
        from scipy import sparse

        a, b = vectors
        cosine = sparse.csr_matrix(a.multiply(b).sum(axis=1))
        return sparse.hstack([a, b, abs(a - b), cosine], format="csr")


def _fit_classes(features: Any, y: np.ndarray, classes: int, weights: np.ndarray | None) -> Predict:
    seen = np.unique(y)
    if len(seen) == 1:
        return lambda features: np.tile(np.eye(classes)[seen[0]], (features.shape[0], 1))
    model = scikit_learn("linear_model").LogisticRegression(C=10.0, max_iter=MAX_ITERATIONS)
    with one_blas_thread(), many_classes(), warnings.catch_warnings():
        # A fit that has not converged by then is still a fair baseline, and no reason to stop a training run.
        warnings.simplefilter("ignore", scikit_learn("exceptions").ConvergenceWarning)
        model.fit(features, y, sample_weight=weights)

    def predict(features: Any) -> np.ndarray:
        probabilities = np.zeros((features.shape[0], classes))
        probabilities[:, model.classes_] = model.predict_proba(features)
        return probabilities

    return predict


def _fit_labels(features: Any, y: np.ndarray, labels: int, weights: np.ndarray | None) -> Predict:
    each = [_fit_classes(features, y[:, label].astype(np.int32), 2, weights) for label in range(labels)]
    return lambda features: np.stack([predict(features)[:, 1] for predict in each], axis=1)


def _fit_numbers(features: Any, y: np.ndarray, targets: int, weights: np.ndarray | None) -> Predict:
    model = scikit_learn("linear_model").Ridge(alpha=1.0)
    model.fit(features, y.reshape(len(y), targets).astype(np.float64), sample_weight=weights)
    return lambda features: model.predict(features).reshape(-1, targets)
