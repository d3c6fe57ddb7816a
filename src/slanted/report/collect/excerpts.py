"""Excerpts of texts for the page."""

import re
import unicodedata

from slanted.common.messages import replace_lone_surrogates

LONGEST = 400
MOST_PIECES = 30


def excerpt(text: str, longest: int = LONGEST) -> str:
    r"""Return the start of a text for the page, with spaces or U+FFFD in place of control characters.

    >>> excerpt("a\x00b" + "c" * 9, longest=5)
    'a\ufffdbc…'
    """
    start = replace_lone_surrogates(text[: longest + 1])
    start = start if len(start) <= longest else start[: longest - 1] + "…"
    return "".join(_printable(character) for character in start)


def _printable(character: str) -> str:
    if character in "\t\n\r":
        return " "
    return "\ufffd" if unicodedata.category(character) == "Cc" else character


def pieces(text: str, longest: int = LONGEST, most: int = MOST_PIECES) -> list[tuple[int, int]]:
    """Return the spans (start, end) of at most `most` groups of words in the first `longest` characters of a text.

    >>> pieces("one two  three four", most=2)
    [(0, 7), (9, 19)]
    """
    words = [match.span() for match in re.finditer(r"\S+", text[:longest])]
    size = -(-len(words) // most) or 1
    runs = [words[start : start + size] for start in range(0, len(words), size)]
    return [(run[0][0], run[-1][1]) for run in runs]
