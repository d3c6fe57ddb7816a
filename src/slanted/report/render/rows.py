"""Single rows: the mistakes the model is surest of, and rows whose label is likely wrong."""

import re
from collections.abc import Mapping
from typing import Any

DRIVERS = 3
FAINTEST = 0.15  # of the largest weight: below it a word is not marked
JUDGES_FROM = 0.7


def texts_of(one: Mapping[str, Any]) -> list[Any]:
    """Return the text of a row, and the second one of a pair."""
    return [one[name] for name in ("text", "text_b") if name in one]


def file_and_line(place: str) -> str:
    """Return where a row is, the file without its folders."""
    return re.split(r"[/\\]", place)[-1]


def word_shares(one: Mapping[str, Any]) -> list[list[tuple[str, float]]]:
    """Return the words of each text with their weights as shares of the largest."""
    parts = texts_of(one)
    largest = max((abs(weight) for part in parts for _, weight in part["pieces"]), default=0.0)
    return [[(word, weight / largest if largest else 0.0) for word, weight in part["pieces"]] for part in parts]


def drivers(one: Mapping[str, Any]) -> list[tuple[str, float]]:
    """Return the three words that spoke most for the prediction, with their weights."""
    pieces = sorted((piece for part in texts_of(one) for piece in part["pieces"]), key=lambda piece: -piece[1])
    return [(word, weight) for word, weight in pieces[:DRIVERS] if weight > 0.0]


def doubtful_accuracy(report: Mapping[str, Any]) -> float | None:
    """Return the accuracy of a model that is too often wrong to judge labels, None for any other."""
    accuracy = report["metrics"].get(report["data"]["scored"] or "", {}).get("accuracy", 1.0)
    return accuracy if report["metrics"]["task"] == "single" and accuracy < JUDGES_FROM else None
