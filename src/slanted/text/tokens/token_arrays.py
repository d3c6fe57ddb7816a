"""Token ids of many texts, one after the other in flat arrays."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Encoded:
    """Ragged token ids: example i is `ids[offsets[i]:offsets[i + 1]]`.

    Attributes:
        ids: int32, shape (tokens,): special tokens included, nothing padded.
        type_ids: int8, shape (tokens,): 0 for the first text of an example, 1 for the second.
        offsets: int64, shape (examples + 1,).
        truncated: bool, shape (examples,): whether the example lost tokens to the limit.
    """

    ids: NDArray[np.int32]
    type_ids: NDArray[np.int8]
    offsets: NDArray[np.int64]
    truncated: NDArray[np.bool_]

    def __len__(self) -> int:
        """Return the number of examples."""
        return len(self.truncated)

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Tokens of each example, shape (examples,)."""
        return np.diff(self.offsets)

    def row(self, index: int) -> tuple[NDArray[np.int32], NDArray[np.int8]]:
        """Return the ids and the type ids of one example."""
        span = slice(self.offsets[index], self.offsets[index + 1])
        return self.ids[span], self.type_ids[span]

    def take(self, indices: Sequence[int] | NDArray[np.integer]) -> "Encoded":
        """Return the examples at these positions, in this order."""
        rows = np.asarray(indices, dtype=np.int64)
        lengths = self.lengths[rows]
        offsets = np.concatenate([[0], np.cumsum(lengths)])
        tokens = np.repeat(self.offsets[rows] - offsets[:-1], lengths) + np.arange(offsets[-1])
        return Encoded(self.ids[tokens], self.type_ids[tokens], offsets, self.truncated[rows])

    def padded(
        self, indices: NDArray[np.integer], length: int, pad_id: int
    ) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.bool_]]:
        """Return ids, type ids and the mask of real tokens of some examples, each (examples, length).

        Args:
            indices: The examples, none longer than `length`.
            length: Tokens of every row of the result.
            pad_id: The id in the places behind an example's end; their type is 0.
        """
        starts, lengths = self.offsets[indices], self.lengths[indices]
        if lengths.max(initial=0) > length:
            raise ValueError(f"length must hold every example: received {length} for {lengths.max()} tokens")
        places = np.arange(length)
        mask = places < lengths[:, None]
        tokens = np.where(mask, starts[:, None] + places, 0)
        return np.where(mask, self.ids[tokens], pad_id), np.where(mask, self.type_ids[tokens], 0), mask


def concatenate(parts: Sequence[Encoded]) -> Encoded:
    """Concatenate examples."""
    lengths = np.concatenate([part.lengths for part in parts]) if parts else np.zeros(0, np.int64)
    offsets = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(lengths, out=offsets[1:])
    return Encoded(
        np.concatenate([part.ids for part in parts] or [np.zeros(0, np.int32)]),
        np.concatenate([part.type_ids for part in parts] or [np.zeros(0, np.int8)]),
        offsets,
        np.concatenate([part.truncated for part in parts] or [np.zeros(0, bool)]),
    )
