"""Which tokens of a long text are kept, and into which windows a document is cut."""

import numpy as np
import pytest

from slanted.errors import InputError
from slanted.text.tokens.truncation import (
    MAX_CHUNKS,
    TRUNCATIONS,
    check_truncation,
    keep,
    longest_first,
    loses_tokens,
    windows,
)

pytestmark = pytest.mark.once


def test_head_and_tail_are_the_papers_numbers_at_512_tokens():
    assert keep(list(range(1000)), 510, "head+tail") == [*range(128), *range(1000 - 382, 1000)]


@pytest.mark.parametrize(
    ("lengths", "budget", "expected"),
    [
        ((3, 4), 7, (3, 4)),
        ((300,), 126, (126,)),
        ((10, 10), 5, (2, 3)),
        ((11, 10), 5, (3, 2)),
        ((1, 50), 5, (1, 4)),
        ((50, 1), 5, (4, 1)),
        ((0, 9), 4, (0, 4)),
    ],
)
def test_longest_first(lengths, budget, expected):
    assert longest_first(lengths, budget) == expected


@pytest.mark.parametrize("budget", [1, 2, 7, 8, 14, 126])
@pytest.mark.parametrize("length", [0, 1, 5, 8, 9, 20, 111, 112, 113, 127, 240, 2016, 2017, 10**6])
def test_windows_cover_the_document(budget, length):
    spans = windows(length, budget)
    assert spans[0].start == 0 and spans[-1].stop == length
    if length <= budget:
        assert spans == [slice(0, length)]
        return
    assert all(span.stop - span.start == budget for span in spans) and 2 <= len(spans) <= MAX_CHUNKS
    starts = np.array([span.start for span in spans])
    steps = np.diff(starts)
    assert np.ptp(steps) <= 1 and (steps > 0).all()
    assert loses_tokens(length, budget) == (steps.max() > budget)
    if len(spans) < MAX_CHUNKS:
        assert steps.max() <= budget - budget // 8
        assert len(spans) - 1 < (length - budget // 8) / (budget - budget // 8)  # one fewer would not do


@pytest.mark.parametrize("truncate", ["head", "tail", "head+tail"])
@pytest.mark.parametrize("budget", [0, 1, 2, 3, 7, 9])
def test_as_many_tokens_are_kept_as_there_is_room_for(budget, truncate):
    tokens = list(range(9))
    kept = keep(tokens, budget, truncate)
    assert len(kept) == min(budget, 9) and kept == sorted(set(kept))
    assert keep(tokens, 9, truncate) is tokens


@pytest.mark.parametrize("truncate", ["middle", "Head", ""])
def test_an_unknown_way_to_truncate_is_refused(truncate):
    for known in TRUNCATIONS:
        check_truncation(known)
    with pytest.raises(InputError) as refused:
        check_truncation(truncate)
    assert str(refused.value) == f"truncate must be one of head, tail, head+tail: received `{truncate}`"
