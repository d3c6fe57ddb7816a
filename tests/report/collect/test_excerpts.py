"""Excerpts of texts: short, fit to be written, and cut into runs of words."""

import pytest

from slanted.report.collect.excerpts import excerpt, pieces

pytestmark = pytest.mark.once


def test_pieces_cover_the_beginning_of_a_text():
    text = " ".join(f"word{number}" for number in range(500))
    spans = pieces(text)
    assert len(spans) <= 30 and spans[0][0] == 0 and spans[-1][1] == 400
    assert "".join(text[start:end] for start, end in spans).replace(" ", "") == text[:400].replace(" ", "")


@pytest.mark.parametrize("text", ["a\ud800b", "\x00\x1b[31m", "\u202eevil", "x" * 10_000, "\U0001f600" * 500])
def test_an_excerpt_can_be_written_and_is_short(text):
    made = excerpt(text)
    made.encode("utf-8")
    assert len(made) <= 400 and not set(made) & set("\x00\x1b")
