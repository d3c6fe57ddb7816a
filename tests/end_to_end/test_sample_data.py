"""Checks that the bundled sample data is well formed, free of near-duplicates and not trivial."""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections import Counter
from itertools import combinations
from pathlib import Path

import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

pytestmark = pytest.mark.once

DATA = Path(__file__).resolve().parents[2] / "examples" / "data"
SPLITS = {"train": 78, "test": 24}
LABELS = frozenset(
    {"account_access", "change_address", "damaged_item", "late_delivery", "payment_problem", "return_refund"}
)
WORD_LIMIT = 0.5
GRAM_LIMIT = 0.4
TFIDF_FLOOR = 0.5
TFIDF_CEILING = 0.85

Features = tuple[frozenset[str], frozenset[str]]


def raw(split: str) -> str:
    """Return the text of one file exactly as stored."""
    return (DATA / f"messages_{split}.csv").read_bytes().decode("utf-8")


def rows(split: str) -> list[list[str]]:
    """Return all rows of one file, the header included."""
    return list(csv.reader(io.StringIO(raw(split), newline=""), strict=True))


def read(split: str) -> tuple[list[str], list[str]]:
    """Return the texts and the labels of one file."""
    body = rows(split)[1:]
    return [row[0] for row in body], [row[1] for row in body]


def all_texts() -> list[str]:
    """Return the texts of both files together."""
    return [text for split in SPLITS for text in read(split)[0]]


def normalise(text: str) -> str:
    """Case-fold a text and turn every run of punctuation and white space into one space."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return " ".join(re.findall(r"\w+", folded))


def features(text: str) -> Features:
    """Return the set of words and the set of character 4-grams of a text."""
    clean = normalise(text)
    grams = frozenset(clean[i : i + 4] for i in range(max(1, len(clean) - 3)))
    return frozenset(clean.split()), grams


def jaccard(first: frozenset[str], second: frozenset[str]) -> float:
    """Return the Jaccard similarity of two sets."""
    union = len(first | second)
    return len(first & second) / union if union else 1.0


def near(first: Features, second: Features) -> bool:
    """Tell whether two texts count as near-duplicates."""
    return jaccard(first[0], second[0]) >= WORD_LIMIT or jaccard(first[1], second[1]) >= GRAM_LIMIT


@pytest.mark.parametrize("split", SPLITS)
def test_columns(split: str) -> None:
    """Each file has the header text,label, two fields in each row and LF line ends."""
    table = rows(split)
    assert table[0] == ["text", "label"]
    assert all(len(row) == 2 for row in table)
    assert "\r" not in raw(split) and raw(split).endswith("\n")


@pytest.mark.parametrize(("split", "count"), SPLITS.items())
def test_balance(split: str, count: int) -> None:
    """Each file holds the same number of messages for every label."""
    assert Counter(read(split)[1]) == dict.fromkeys(LABELS, count)


def test_counts() -> None:
    """Each label has between 90 and 120 messages over both files."""
    counts = Counter(label for split in SPLITS for label in read(split)[1])
    assert set(counts) == LABELS
    assert all(90 <= count <= 120 for count in counts.values())


def test_texts_are_clean() -> None:
    """No text is empty, padded with white space or spread over several lines."""
    assert all(normalise(text) and text == text.strip() and "\n" not in text for text in all_texts())


def test_no_duplicates() -> None:
    """No two texts are equal after normalisation."""
    counts = Counter(normalise(text) for text in all_texts())
    assert [text for text, count in counts.items() if count > 1] == []


def test_no_near_duplicates() -> None:
    """No pair of messages, in one file or across both, is a pair of near-duplicates."""
    items = [(text, features(text)) for text in all_texts()]
    assert [(a[0], b[0]) for a, b in combinations(items, 2) if near(a[1], b[1])] == []


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("Where is my blue parcel, please?", "where is my RED parcel please"),
        ("Please cancel the order I placed yesterday.", "Pleas cancell the ordr I placd yesterdy."),
        ("arrived broken", "broken... arrived!"),
    ],
)
def test_detector_fires(first: str, second: str) -> None:
    """The near-duplicate detector finds swapped words, typing errors and changed order."""
    assert near(features(first), features(second))


def test_detector_spares_paraphrase() -> None:
    """The near-duplicate detector leaves two wordings of one matter alone."""
    assert not near(features("The vase did not survive the journey."), features("my mug came in seven pieces"))


@pytest.mark.parametrize("strength", [1.0, 10.0])
def test_sample_is_not_trivial(strength: float) -> None:
    """TF-IDF with logistic regression learns something from the words, but stays below the ceiling."""
    vectorizer = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True)
    model = make_pipeline(vectorizer, LogisticRegression(C=strength, max_iter=2000))
    accuracy = model.fit(*read("train")).score(*read("test"))
    assert TFIDF_FLOOR < accuracy <= TFIDF_CEILING
