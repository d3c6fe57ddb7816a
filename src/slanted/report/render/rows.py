"""Data of single rows: the most confident mistakes, and label issues."""

import re
from collections.abc import Mapping
from typing import Any

DRIVERS = 3
FAINTEST = 0.15  # words with less than this share of the largest weight are not marked
JUDGES_FROM = 0.7


def texts_of(one: Mapping[str, Any]) -> list[Any]:
    """Return the text of a row, or both texts of a pair."""
    return [one[name] for name in ("text", "text_b") if name in one]


def file_and_line(place: str) -> str:
    """Return the location of a row with the file name instead of its path."""
    return re.split(r"[/\\]", place)[-1]


def word_shares(one: Mapping[str, Any]) -> list[list[tuple[str, float]]]:
    """Return the words of each text with their weights, divided by the largest weight."""
    parts = texts_of(one)
    largest = max((abs(weight) for part in parts for _, weight in part["pieces"]), default=0.0)
    return [[(word, weight / largest if largest else 0.0) for word, weight in part["pieces"]] for part in parts]


def drivers(one: Mapping[str, Any]) -> list[tuple[str, float]]:
    """Return the three words with the largest positive weights, with these weights."""
    pieces = sorted((piece for part in texts_of(one) for piece in part["pieces"]), key=lambda piece: -piece[1])
    return [(word, weight) for word, weight in pieces[:DRIVERS] if weight > 0.0]


def doubtful_accuracy(report: Mapping[str, Any]) -> float | None:
    """Return the accuracy if it is too low for label issues to be reliable, else None."""
    accuracy = report["metrics"].get(report["data"]["scored"] or "", {}).get("accuracy", 1.0)
    return accuracy if report["metrics"]["task"] == "single" and accuracy < JUDGES_FROM else None
