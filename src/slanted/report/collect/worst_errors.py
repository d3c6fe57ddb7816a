"""The most confident mistakes of a model, with the weights of words by occlusion.

Each word of the beginning of a text is left out in turn. Its weight is the change of the prediction:

    weight(word) = f(text) - f(text without the word)

where f is the probability of the predicted class, the probability of the decision on a label, or the predicted number.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from slanted.report.collect.excerpts import excerpt, pieces
from slanted.report.collect.predicted_rows import Predicted
from slanted.text.labels.numeric_labels import deviations
from slanted.text.labels.targets import Target

MOST_MISTAKES = 10


@dataclass(frozen=True)
class Mistake:
    """A wrong prediction.

    Attributes:
        row: The index of the row.
        output: The index of the output: of the predicted class, the label, or the target.
        worst: The confidence or the relative error, by which mistakes are sorted.
    """

    row: int
    output: int
    worst: float


def worst_mistakes(predicted: Predicted, target: Target, most: int = MOST_MISTAKES) -> list[Mistake]:
    """Return the most confident mistakes, at most one per row; in regression the largest errors."""
    if target.kind == "single":
        rows = np.flatnonzero(predicted.decided != predicted.examples.y)
        outputs = predicted.decided[rows]
        wrong = predicted.values[rows, outputs]
    else:
        wrongness = _wrongness(predicted, target)
        outputs, wrong = wrongness.argmax(axis=1), wrongness.max(axis=1)
        rows = np.flatnonzero(wrong > 0.0)
        outputs, wrong = outputs[rows], wrong[rows]
    order = np.argsort(-wrong, kind="stable")[:most]
    return [Mistake(int(rows[at]), int(outputs[at]), float(wrong[at])) for at in order]


def _wrongness(predicted: Predicted, target: Target) -> np.ndarray:
    """Return the confidence or the relative error of each output of each row, (n, outputs); 0 if it is correct."""
    if target.kind == "multilabel":
        return np.where(predicted.decided != predicted.truth, _sureness(predicted), 0.0)
    errors = np.abs(predicted.values - predicted.examples.y)
    deviation = deviations(predicted.examples.y)
    return errors / np.where(deviation > 0.0, deviation, 1.0)


def _sureness(predicted: Predicted) -> np.ndarray:
    """Return the probability of each decision."""
    return np.where(predicted.decided > 0.5, predicted.values, 1.0 - predicted.values)


def describe(
    mistakes: Sequence[Mistake], predicted: Predicted, target: Target, model: Any, most_texts: float = np.inf
) -> list[dict[str, Any]]:
    """Return each mistake with its text and the weights of its words, from one call of `model.predict`.

    Args:
        mistakes: The mistakes.
        predicted: The rows with their predictions.
        target: The target that the model predicts.
        model: A `TextModel`.
        most_texts: The number of texts that there is time to predict: mistakes whose variants do not fit are left out
            from the end, but never the first.
    """
    examples = predicted.examples
    variants = [
        _variants(examples.texts[one.row], None if examples.texts_b is None else examples.texts_b[one.row])
        for one in mistakes
    ]
    if not variants:
        return []
    weighted = max(1, int(np.searchsorted(np.cumsum([len(pairs) for pairs in variants]), most_texts, side="right")))
    mistakes, variants = mistakes[:weighted], variants[:weighted]
    texts = [first for pairs in variants for first, _ in pairs]
    texts_b = None if examples.texts_b is None else [second or "" for pairs in variants for _, second in pairs]
    values = model.predict(texts, texts_b)
    starts = np.cumsum([0, *map(len, variants)])
    return [
        _described(one, predicted, target, values[start:end, one.output])
        for one, start, end in zip(mistakes, starts, starts[1:], strict=False)
    ]


def _variants(text: str, text_b: str | None) -> list[tuple[str, str | None]]:
    """Return the pair of texts, then with each piece of the first text left out, then with each piece of the second."""
    variants: list[tuple[str, str | None]] = [(text, text_b)]
    variants += [(text[:start] + text[end:], text_b) for start, end in pieces(text)]
    if text_b is not None:
        variants += [(text, text_b[:start] + text_b[end:]) for start, end in pieces(text_b)]
    return variants


def _described(one: Mistake, predicted: Predicted, target: Target, values: np.ndarray) -> dict[str, Any]:
    examples = predicted.examples
    sign = -1.0 if target.kind == "multilabel" and predicted.decided[one.row, one.output] < 0.5 else 1.0
    weights = sign * (values[0] - values[1:])
    first = _marked(examples.texts[one.row], weights)
    entry = {"place": predicted.place(one.row), **_said(one, predicted, target), "text": first}
    if examples.texts_b is not None:
        entry["text_b"] = _marked(examples.texts_b[one.row], weights[len(first["pieces"]) :])
    return entry


def _marked(text: str, weights: np.ndarray) -> dict[str, Any]:
    """Return the pieces of a text with their weights, and whether more text follows."""
    spans = pieces(text)
    found = [
        [excerpt(text[start:end]), round(float(weight), 6)]
        for (start, end), weight in zip(spans, weights, strict=False)
    ]
    return {"pieces": found, "goes_on": len(text) > (spans[-1][1] if spans else 0)}


def _said(one: Mistake, predicted: Predicted, target: Target) -> dict[str, Any]:
    """Return the prediction, the true value and the confidence, by task."""
    names, value = target.names, float(predicted.values[one.row, one.output])
    if target.kind == "single":
        true = names[int(predicted.examples.y[one.row])]
        return {"predicted": names[one.output], "true": true, "confidence": value}
    if target.kind == "regression":
        return {
            "target": names[one.output],
            "predicted": value,
            "true": float(predicted.examples.y[one.row, one.output]),
        }
    given = bool(predicted.decided[one.row, one.output] > 0.5)
    confidence = value if given else 1.0 - value
    return {"label": names[one.output], "predicted": given, "true": not given, "confidence": confidence}
