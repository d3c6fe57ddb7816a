"""Batches of examples of like length, padded to a few static lengths.

The rows are sorted by length and cut into groups of whole batches; every row of a group is padded to the
group's longest. With lengths l_1 <= ... <= l_n and cuts 0 = c_0 < c_1 < ... < c_k = n, an epoch computes

    sum over groups g of (c_g - c_{g-1}) * l_{c_g}    tokens,

which dynamic programming makes as few as k groups allow. The cuts are by rank: every epoch has the same
number of batches of each shape, ceil(n / batch_size) in all. Each epoch draws anew on which side of a cut
rows of one length fall, and within its group every row meets every other.

n need not be a multiple of the batch size. What remains is one batch of fewer rows, the last of every
epoch, drawn from the group of the shortest. It is not filled up: the loss of every step is the plain mean
over real rows, at the price of one more shape, the cheapest one.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from slanted.errors import InputError

MAX_SHAPES = 8
LEAST_BATCHES = 4  # a group of fewer would hold the same rows together in every epoch


@dataclass(frozen=True)
class Batch:
    """Rows that are computed together.

    Attributes:
        rows: Their numbers, int64.
        length: Tokens each is padded to.
    """

    rows: NDArray[np.int64]
    length: int


class LengthPlan:
    """Which rows are batched together, in which order, at which padded length.

    Attributes:
        num_batches: ceil(rows / batch_size), the same in every epoch.
        shapes: The (rows, tokens) of every batch that occurs, largest first.
    """

    def __init__(
        self,
        lengths: NDArray[np.integer],
        batch_size: int,
        *,
        seed: int = 0,
        max_shapes: int = MAX_SHAPES,
        least_batches: int = LEAST_BATCHES,
    ) -> None:
        """Choose the groups.

        Args:
            lengths: Tokens of each row.
            batch_size: Rows of a batch.
            seed: Of the order.
            max_shapes: The most shapes that may occur, the short batch's included.
            least_batches: Full batches that a group has at least.
        """
        if not len(lengths) or batch_size < 1:
            raise InputError(f"batches need rows and a batch size of 1 or more: received {len(lengths)}, {batch_size}")
        self._lengths = np.asarray(lengths, dtype=np.int64)
        self._seed = seed
        self.batch_size = batch_size
        self.num_batches = math.ceil(len(lengths) / batch_size)
        rest = len(lengths) % batch_size
        ranked = np.sort(self._lengths)
        slots = ranked[rest + batch_size - 1 :: batch_size]  # the longest row of each full batch
        groups = _cut(slots, max_shapes - bool(rest), least_batches) if len(slots) else [0]
        self._cuts = rest + np.cumsum(groups) * batch_size  # the short batch is in the first group
        self._padded = [int(ranked[cut - 1]) for cut in self._cuts]

    @property
    def shapes(self) -> list[tuple[int, int]]:
        """The (rows, tokens) that occur, largest first."""
        return sorted({(len(batch.rows), batch.length) for batch in self.batches(0)}, reverse=True)

    @property
    def padding(self) -> float:
        """Share of an epoch's computed tokens that are padding."""
        return 1.0 - float(self._lengths.mean()) / self.padded_length

    @property
    def padded_length(self) -> float:
        """Mean tokens of a row, padding included."""
        batches = self.batches(0)
        return sum(len(batch.rows) * batch.length for batch in batches) / len(self._lengths)

    def batches(self, epoch: int) -> list[Batch]:
        """Return an epoch's batches, in the order that (seed, epoch) gives; every row is in one.

        Where there are two lengths, the first two batches differ in theirs: Keras derives the
        shapes that a TensorFlow dataset may yield from its first two batches.
        """
        random = np.random.default_rng([self._seed, epoch])
        order = random.permutation(len(self._lengths))
        ranked = order[np.argsort(self._lengths[order], kind="stable")]
        groups = enumerate(np.split(ranked, self._cuts[:-1]))
        batches = [batch for number, rows in groups for batch in self._divide(random.permutation(rows), number)]
        full = [batch for batch in batches if len(batch.rows) == self.batch_size]
        short = [batch for batch in batches if len(batch.rows) < self.batch_size]
        return differing_start([full[position] for position in random.permutation(len(full))] + short)

    def sorted_batches(self) -> list[Batch]:
        """Return the batches of inference: shortest first, but for the second batch, as in `batches`."""
        ranked = np.argsort(self._lengths, kind="stable")
        groups = enumerate(np.split(ranked, self._cuts[:-1]))
        return differing_start([batch for number, rows in groups for batch in self._divide(rows, number)])

    def _divide(self, rows: NDArray[np.int64], group: int) -> list[Batch]:
        """Divide a group's rows into batches; the short one, if any, is the first group's last."""
        starts = range(0, len(rows), self.batch_size)
        return [Batch(rows[start : start + self.batch_size], self._padded[group]) for start in starts]


def packed(lengths: NDArray[np.integer], most_tokens: int, most_rows: int) -> list[Batch]:
    """Return batches of rows of like length, shortest first, each padded to its own longest row.

    Args:
        lengths: Tokens of each row.
        most_tokens: Of a batch, padding included; a longer row is a batch of its own.
        most_rows: Of a batch.

    >>> [(batch.rows.tolist(), batch.length) for batch in packed(np.array([5, 1, 2, 9]), 6, 256)]
    [([1, 2], 2), ([0], 5), ([3], 9)]
    """
    ranked = np.argsort(lengths, kind="stable")
    starts = [0]
    for position, length in enumerate(np.asarray(lengths)[ranked].tolist()):
        rows = position + 1 - starts[-1]
        if rows > 1 and (rows * length > most_tokens or rows > most_rows):
            starts.append(position)
    return [Batch(rows, int(lengths[rows[-1]])) for rows in np.split(ranked, starts[1:]) if len(rows)]


def differing_start(batches: list[Batch]) -> list[Batch]:
    """Swap the second batch with the first one whose length differs from the first's, if there is one."""
    for position in range(1, len(batches)):
        if batches[position].length != batches[0].length:
            batches[1], batches[position] = batches[position], batches[1]
            break
    return batches


def _cut(longest: NDArray[np.int64], most_groups: int, least_batches: int) -> list[int]:
    """Divide full batches, sorted by their longest row, into groups of least padded tokens.

    cost[g][j] = min over i of cost[g - 1][i] + (batches from i to j) * longest of them, over the
    places where the longest changes, each group having at least `least_batches`.

    Args:
        longest: Longest row of each batch, ascending.
        most_groups: The most groups there may be.
        least_batches: The fewest batches of a group.

    Returns:
        The number of batches in each group, shortest group first.
    """
    ends = np.append(np.flatnonzero(np.diff(longest)) + 1, len(longest))
    counts = np.insert(ends, 0, 0)  # counts[j]: batches before cut j
    width = longest[ends - 1]
    cost = np.where(counts == 0, 0.0, np.inf)
    choices: list[NDArray[np.int64]] = []
    totals: list[float] = []
    for _ in range(max(1, most_groups)):
        step = np.full((len(counts), len(counts)), np.inf)  # step[i, j]: cost of cutting at i, then at j
        sizes = counts[None, 1:] - counts[:, None]
        allowed = sizes >= min(least_batches, len(longest))
        step[:, 1:] = np.where(allowed, cost[:, None] + sizes * width[None, :], np.inf)
        choices.append(step.argmin(axis=0))
        cost = step.min(axis=0)
        totals.append(float(cost[-1]))
    groups, cut = [], len(counts) - 1
    for choice in reversed(choices[: int(np.argmin(totals)) + 1]):
        groups.append(int(counts[cut] - counts[choice[cut]]))
        cut = int(choice[cut])
    return groups[::-1]
