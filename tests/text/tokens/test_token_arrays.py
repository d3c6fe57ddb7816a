"""Token ids of many texts in flat arrays: taken, padded and joined."""

import numpy as np
import pytest
from token_rows import rows_of

from slanted.text.tokens.token_arrays import Encoded, concatenate

pytestmark = pytest.mark.once


def ragged(*rows):
    lengths = [len(row) for row in rows]
    ids = np.array([token for row in rows for token in row], np.int32)
    return Encoded(ids, (ids % 2).astype(np.int8), np.cumsum([0, *lengths]), np.array([len(row) > 2 for row in rows]))


def test_rows_are_taken_in_the_order_asked_for():
    encoded = ragged([1], [2, 3, 4], [], [5, 6])
    taken = encoded.take([3, 1, 2, 3])
    assert [ids for ids, _ in rows_of(taken)] == [[5, 6], [2, 3, 4], [], [5, 6]]
    assert taken.lengths.tolist() == [2, 3, 0, 2] and taken.truncated.tolist() == [False, True, False, False]


def test_padding_goes_behind_the_text():
    ids, types, mask = ragged([1], [2, 3, 5]).padded(np.array([1, 0]), 4, pad_id=9)
    assert ids.tolist() == [[2, 3, 5, 9], [1, 9, 9, 9]]
    assert types.tolist() == [[0, 1, 1, 0], [1, 0, 0, 0]]
    assert mask.tolist() == [[True, True, True, False], [True, False, False, False]]


def test_padding_to_less_than_a_row_is_refused():
    with pytest.raises(ValueError, match=r"^length must hold every example: received 2 for 3 tokens$"):
        ragged([1, 2, 3]).padded(np.array([0]), 2, pad_id=0)


def test_concatenation_keeps_rows():
    first, second = ragged([1, 2], [3]), ragged([4, 5, 6])
    assert rows_of(concatenate([first, second])) == rows_of(first) + rows_of(second)
    assert len(concatenate([])) == 0
