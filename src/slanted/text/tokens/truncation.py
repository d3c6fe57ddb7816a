"""Truncation of texts that are too long, and windows over the tokens of long documents.

Longest first: of a pair the longer text gives way, until both are as long; then both do alike.

    shorter kept   = n1                              if n1 + n2 <= budget, n1 <= n2
                   = n1                              if n1 <= budget // 2, and the longer keeps budget - n1
                   = budget // 2                     otherwise, and the longer keeps the rest

This is `truncation=True` of transformers, and `LongestFirst` of tokenizers.

Windows of `budget` tokens, evenly spread from the first token of a document of L to the last, follow closely enough
that neighbours share at least an eighth of a window:

    windows = ceil((L - overlap) / (budget - overlap)),  overlap = budget // 8       at most 16
    start of window i = floor(i * (L - budget) / (windows - 1))

A document of more than 16 windows keeps 16, evenly spread, and loses the tokens between them.
"""

from collections.abc import Sequence

from slanted.errors import InputError
from slanted.recipe.choices import TRUNCATIONS

HEAD_SHARE = 128 / 510
MAX_CHUNKS, OVERLAP_DIVISOR = 16, 8


def check_truncation(truncate: str) -> None:
    """Raise InputError unless `truncate` is one of `TRUNCATIONS`."""
    if truncate not in TRUNCATIONS:
        raise InputError(f"truncate must be one of {', '.join(TRUNCATIONS)}: received `{truncate}`")


def longest_first(lengths: Sequence[int], budget: int) -> tuple[int, ...]:
    """Return the number of tokens that each text of an example may have.

    Args:
        lengths: Tokens of each text, special tokens not counted; one text or two.
        budget: Tokens that all of them may have together.

    >>> longest_first([300], 126), longest_first([30, 300], 125), longest_first([300, 90], 125)
    ((126,), (30, 95), (63, 62))
    """
    if sum(lengths) <= budget:
        return tuple(lengths)
    if len(lengths) == 1:
        return (budget,)
    first, second = lengths
    shorter = min(first, second, budget // 2)
    return (shorter, budget - shorter) if first <= second else (budget - shorter, shorter)


def keep(tokens: list[int], budget: int, truncate: str) -> list[int]:
    """Return the at most `budget` tokens that the manner `truncate` keeps, in their order.

    `head` keeps the first, `tail` the last. `head+tail` keeps `round(budget * 128 / 510)` of the
    first and the rest of the last: the 128 and 382 of 510 that Sun et al. (2019, section 5.3.1)
    found best on long texts, carried over to other budgets in proportion.

    >>> keep([0, 1, 2, 3, 4, 5, 6, 7, 8, 9], 8, "head+tail")
    [0, 1, 4, 5, 6, 7, 8, 9]
    """
    if len(tokens) <= budget:
        return tokens
    head = {"head": budget, "tail": 0, "head+tail": round(budget * HEAD_SHARE)}[truncate]
    return tokens[:head] + tokens[len(tokens) - (budget - head) :]


def windows(length: int, budget: int) -> list[slice]:
    """Return the windows of a document of `length` tokens, each of `budget` tokens; one of all if it is no longer.

    >>> windows(20, 8)
    [slice(0, 8, None), slice(6, 14, None), slice(12, 20, None)]
    """
    if length <= budget:
        return [slice(0, length)]
    overlap = budget // OVERLAP_DIVISOR
    count = min(MAX_CHUNKS, -(-(length - overlap) // (budget - overlap)))
    starts = [number * (length - budget) // (count - 1) for number in range(count)]
    return [slice(start, start + budget) for start in starts]


def loses_tokens(length: int, budget: int) -> bool:
    """Return whether a document has more tokens than its windows cover."""
    return length > MAX_CHUNKS * budget
