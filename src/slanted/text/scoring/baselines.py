"""The two rows every score is read against: the majority class, and TF-IDF with a linear model.

`majority` predicts the training rows' class shares (several labels: each label's share; regression: the means) for
every text.

`tfidf` weighs words and pairs of neighbouring words, lower-cased, by (1 + log(count)) * idf, each text scaled to
length 1. Where no training text has a word character (emoji alone, say), runs of 1 to 3 characters take the place of
words. A pair gives the features a, b, |a - b| and the cosine of a and b: a linear model on a and b alone cannot compare
them (0.32 against 0.64 Spearman on STS-B). On these features stands a logistic regression with C = 10, one a label
where there are several, or a ridge regression with penalty 1. On five public sets C = 10 gained up to 3.0 points of
accuracy over C = 1 and was within 0.8 points of C = 30.

Large data is bounded: the fit sees at most 50,000 rows and 50 million characters, a seeded sample with a row of every
class; at most 50,000 features a segment and 4 million coefficients. Every call gives the same result.

Of several labels both are given thresholds by the model's own rule (`thresholds`): the best on validation rows, after a
fit on the training rows alone; 0.5 without validation rows.
"""

import re
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from slanted.text.labels.examples import Part
from slanted.text.labels.targets import Target
from slanted.text.scoring.metrics import Scores, many_classes, scikit_learn, score_predictions
from slanted.text.scoring.thresholds import DEFAULT, best_thresholds

Segments = Sequence[Sequence[str]]  # the texts, and for pairs the second texts: one or two lists of equal length
Predictor = Callable[[Any], np.ndarray]

MAX_ROWS = 50_000
MAX_CHARACTERS = 50_000_000
MAX_FEATURES = 50_000
MAX_COEFFICIENTS = 4_000_000
MAX_ITERATIONS = 1000
ROWS_AT_ONCE = 10_000


def baseline_scores(
    train_texts: Sequence[str],
    train_texts_b: Sequence[str] | None,
    train_y: np.ndarray,
    eval_texts: Sequence[str],
    eval_texts_b: Sequence[str] | None,
    eval_y: np.ndarray,
    target: Target,
    positive: str | None = None,
    choosing: Sequence[tuple[Part, Part]] = (),
) -> dict[str, Scores]:
    """Fit both baselines on the training rows and score them on the evaluation rows.

    Args:
        train_texts: The training texts.
        train_texts_b: Their second segments, or None.
        train_y: Encoded labels, as `target` encodes them: whole numbers (n,), 0/1 (n, labels) or numbers (n, targets).
        eval_texts: The texts to score on.
        eval_texts_b: Their second segments, or None.
        eval_y: Their encoded labels.
        target: What is predicted: its `kind`, and the names in `labels`.
        positive: The class that `f1` looks at, of two.
        choosing: Training rows and the validation rows that choose the thresholds of several labels; of more than one
            such pair, the folds of a cross-validation, the thresholds are the means. Without any: 0.5.

    Returns:
        `{"majority": scores, "tfidf": scores}` with the keys of `slanted.text.scoring.metrics`. `loss` is the
        cross-entropy, or for regression the mean squared error in the targets' own units.
    """
    train, evaluation = _segments(train_texts, train_texts_b), _segments(eval_texts, eval_texts_b)
    fitted = _fitted(train, train_y, target)
    cuts = {}
    if target.kind == "multilabel" and choosing:
        each = [
            _thresholds(fitted if rows.texts is train_texts else _fitted_on(rows, target), valid)
            for rows, valid in choosing
        ]
        cuts = {name: np.mean([thresholds[name] for thresholds in each], axis=0) for name in fitted}
    return {
        name: score_predictions(target, eval_y, predict(evaluation), positive, cuts.get(name, DEFAULT))
        for name, predict in fitted.items()
    }


def _fitted(train: Segments, train_y: np.ndarray, target: Target) -> dict[str, Predictor]:
    """Return both baselines, each a function of texts."""
    mean = _mean_prediction(train_y, target)
    return {"majority": lambda texts: np.tile(mean, (len(texts[0]), 1)), "tfidf": _fit_tfidf(train, train_y, target)}


def _fitted_on(rows: Part, target: Target) -> dict[str, Predictor]:
    return _fitted(_segments(rows.texts, rows.texts_b), rows.y, target)


def _thresholds(fitted: dict[str, Predictor], valid: Part) -> dict[str, np.ndarray]:
    """Return the thresholds of each baseline that are best on validation rows."""
    texts = _segments(valid.texts, valid.texts_b)
    return {name: best_thresholds(valid.y, predict(texts)) for name, predict in fitted.items()}


def _segments(texts: Sequence[str], texts_b: Sequence[str] | None) -> Segments:
    return [texts] if texts_b is None else [texts, texts_b]


def _mean_prediction(y: np.ndarray, target: Target) -> np.ndarray:
    if target.kind == "single":
        return np.bincount(y, minlength=len(target.labels)) / len(y)
    return y.reshape(len(y), -1).mean(axis=0, dtype=np.float64)


def _fit_tfidf(train: Segments, train_y: np.ndarray, target: Target) -> Predictor:
    outputs = len(target.labels)
    kept = _sample(train, train_y)
    train, train_y = _take(train, kept), train_y[kept]
    features = _Features(train, outputs)
    fit = {"single": _fit_classes, "multilabel": _fit_labels, "regression": _fit_numbers}[target.kind]
    predict_features = fit(features(train), train_y, outputs)

    def predict(texts: Segments) -> np.ndarray:
        rows = np.arange(len(texts[0]))
        parts = [rows[start : start + ROWS_AT_ONCE] for start in range(0, len(rows), ROWS_AT_ONCE)]
        return np.concatenate([predict_features(features(_take(texts, part))) for part in parts])

    return predict


def _sample(segments: Segments, y: np.ndarray) -> np.ndarray:
    """Indices, in order, of the rows that fit the bounds: a row of every class first, then a seeded choice."""
    lengths = np.sum([[len(text) for text in texts] for texts in segments], axis=0)
    if len(y) <= MAX_ROWS and lengths.sum() <= MAX_CHARACTERS:
        return np.arange(len(y))
    order = np.random.default_rng(0).permutation(len(y))
    needed = 1
    if y.ndim == 1:
        _, first = np.unique(y[order], return_index=True)
        order, needed = np.concatenate([order[first], np.delete(order, first)]), len(first)
    fitting = int(np.searchsorted(np.cumsum(lengths[order]), MAX_CHARACTERS, side="right"))
    return np.sort(order[: max(needed, min(MAX_ROWS, fitting))])


def _take(segments: Segments, indices: np.ndarray) -> Segments:
    return [[texts[int(index)] for index in indices] for texts in segments]


class _Features:
    """TF-IDF features of texts or pairs, on the vocabulary of the training texts."""

    def __init__(self, segments: Segments, outputs: int) -> None:
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

    def __call__(self, segments: Segments) -> Any:
        vectors = [self._vectorizer.transform(texts) for texts in segments]
        if len(vectors) == 1:
            return vectors[0]
        from scipy import sparse

        a, b = vectors
        cosine = sparse.csr_matrix(a.multiply(b).sum(axis=1))
        return sparse.hstack([a, b, abs(a - b), cosine], format="csr")


def _fit_classes(features: Any, y: np.ndarray, classes: int) -> Predictor:
    seen = np.unique(y)
    if len(seen) == 1:
        return lambda features: np.tile(np.eye(classes)[seen[0]], (features.shape[0], 1))
    model = scikit_learn("linear_model").LogisticRegression(C=10.0, max_iter=MAX_ITERATIONS)
    with many_classes(), warnings.catch_warnings():
        # A fit that has not settled by then is still a fair baseline, and no reason to stop a training run.
        warnings.simplefilter("ignore", scikit_learn("exceptions").ConvergenceWarning)
        model.fit(features, y)

    def predict(features: Any) -> np.ndarray:
        probabilities = np.zeros((features.shape[0], classes))
        probabilities[:, model.classes_] = model.predict_proba(features)
        return probabilities

    return predict


def _fit_labels(features: Any, y: np.ndarray, labels: int) -> Predictor:
    each = [_fit_classes(features, y[:, label].astype(np.int32), 2) for label in range(labels)]
    return lambda features: np.stack([predict(features)[:, 1] for predict in each], axis=1)


def _fit_numbers(features: Any, y: np.ndarray, targets: int) -> Predictor:
    model = scikit_learn("linear_model").Ridge(alpha=1.0)
    model.fit(features, y.reshape(len(y), targets).astype(np.float64))
    return lambda features: model.predict(features).reshape(-1, targets)
