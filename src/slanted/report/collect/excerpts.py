"""Texts cut to what a page can show."""

import re
import unicodedata

from slanted.common.messages import replace_lone_surrogates

LONGEST = 400
MOST_PIECES = 30


def excerpt(text: str, longest: int = LONGEST) -> str:
    r"""Return the start of a text, fit for a page: control characters become spaces or U+FFFD.

    >>> excerpt("a\x00b" + "c" * 9, longest=5)
    'a\ufffdbc…'
    """
    whole = replace_lone_surrogates(text[: longest + 1])
    cut = whole if len(whole) <= longest else whole[: longest - 1] + "…"
    return "".join(_printable(character) for character in cut)


def _printable(character: str) -> str:
    if character in "\t\n\r":
        return " "
    return "\ufffd" if unicodedata.category(character) == "Cc" else character


def pieces(text: str, longest: int = LONGEST, most: int = MOST_PIECES) -> list[tuple[int, int]]:
    """Return where the words of a text's first `longest` characters begin and end, as at most `most` runs of words.

    >>> pieces("one two  three four", most=2)
    [(0, 7), (9, 19)]
    """
    words = [match.span() for match in re.finditer(r"\S+", text[:longest])]
    size = -(-len(words) // most) or 1
    runs = [words[start : start + size] for start in range(0, len(words), size)]
    return [(run[0][0], run[-1][1]) for run in runs]
