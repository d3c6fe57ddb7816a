"""Batches of examples of similar length, padded to a few static lengths (length bucketing).

The rows are sorted by length and divided into groups of whole batches; every row of a group is padded to the longest
of the group. With lengths l_1 <= ... <= l_n and boundaries 0 = c_0 < c_1 < ... < c_k = n, an epoch computes

    sum over groups g of (c_g - c_{g-1}) * l_{c_g}    tokens.

Dynamic programming chooses the boundaries that minimise this number for k groups, and k with the fewest tokens, where
each shape counts as many tokens as could be computed while it is compiled. Boundaries are ranks: each epoch has
the same number of batches of each shape, ceil(n / batch_size) in total. Rows of one length on both sides of a boundary
are assigned at random in each epoch, and within a group the rows are shuffled.

If n is not a multiple of the batch size, the last batch of each epoch has fewer rows, from the group of the shortest.
It is not filled up, so that the loss of every step is the mean over real rows; this costs one more shape, the smallest.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from slanted.errors import InputError

MAX_SHAPES = 64
TOKENS_A_COMPILATION = 6_000  # computed in the time in which JAX compiles a program for one shape
STAGES_COMPILED = 4  # of gradual unfreezing, about
LEAST_BATCHES = 2  # in a group of one, the same rows would be batched together in every epoch


@dataclass(frozen=True)
class Batch:
    """Rows that are computed together.

    Attributes:
        rows: The numbers of the rows, int64.
        length: The number of tokens that each row is padded to.
    """

    rows: NDArray[np.int64]
    length: int


class LengthPlan:
    """Plans the batches of each epoch: their rows, order and padded lengths.

    Attributes:
        num_batches: ceil(rows / batch_size), the same in every epoch.
    """

    def __init__(
        self,
        lengths: NDArray[np.integer],
        batch_size: int,
        *,
        seed: int = 0,
        max_shapes: int = MAX_SHAPES,
        least_batches: int = LEAST_BATCHES,
        shape_tokens: float = 0.0,
    ) -> None:
        """Choose the groups.

        Args:
            lengths: The number of tokens of each row.
            batch_size: Rows per batch.
            seed: The seed of the order.
            max_shapes: The largest number of different shapes, that of the short batch included.
            least_batches: The smallest number of full batches in a group.
            shape_tokens: The cost of one more shape, as a number of tokens of an epoch.
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
        shape_cost = shape_tokens / batch_size
        groups = _group_sizes(slots, max_shapes - bool(rest), least_batches, shape_cost) if len(slots) else [0]
        self._boundaries = rest + np.cumsum(groups) * batch_size  # the short batch is in the first group
        self._padded = [int(ranked[boundary - 1]) for boundary in self._boundaries]

    @property
    def padding(self) -> float:
        """The share of the computed tokens of an epoch that is padding."""
        return 1.0 - float(self._lengths.mean()) / self.padded_length

    @property
    def padded_length(self) -> float:
        """The mean number of tokens per row, padding included."""
        batches = self.batches(0)
        return sum(len(batch.rows) * batch.length for batch in batches) / len(self._lengths)

    def batches(self, epoch: int) -> list[Batch]:
        """Return the batches of an epoch, in an order that depends on (seed, epoch); every row is in one batch.

        The first two batches have different lengths if possible, because Keras derives the shapes that a TensorFlow
        dataset may yield from its first two batches.
        """
        random = np.random.default_rng([self._seed, epoch])
        order = random.permutation(len(self._lengths))
        ranked = order[np.argsort(self._lengths[order], kind="stable")]
        groups = enumerate(np.split(ranked, self._boundaries[:-1]))
        batches = [batch for number, rows in groups for batch in self._divide(random.permutation(rows), number)]
        full = [batch for batch in batches if len(batch.rows) == self.batch_size]
        short = [batch for batch in batches if len(batch.rows) < self.batch_size]
        return differing_start([full[position] for position in random.permutation(len(full))] + short)

    def sorted_batches(self) -> list[Batch]:
        """Return the batches of inference, shortest first, except for the second batch, as in `batches`."""
        ranked = np.argsort(self._lengths, kind="stable")
        groups = enumerate(np.split(ranked, self._boundaries[:-1]))
        return differing_start([batch for number, rows in groups for batch in self._divide(rows, number)])

    def _divide(self, rows: NDArray[np.int64], group: int) -> list[Batch]:
        """Divide the rows of a group into batches; the short one, if any, is the last of the first group."""
        starts = range(0, len(rows), self.batch_size)
        return [Batch(rows[start : start + self.batch_size], self._padded[group]) for start in starts]


def compilation_tokens(epochs: int, *, staged: bool) -> float:
    """Return the cost of compiling one more shape, as a number of tokens of an epoch.

    Args:
        epochs: The number of epochs.
        staged: Whether layer groups open in stages, each of which compiles every shape again.
    """
    return TOKENS_A_COMPILATION * (STAGES_COMPILED if staged else 1) / epochs


def packed(lengths: NDArray[np.integer], most_tokens: int, most_rows: int) -> list[Batch]:
    """Return batches of rows of similar length, shortest first, each padded to its longest row.

    Args:
        lengths: The number of tokens of each row.
        most_tokens: The most tokens per batch, padding included; a longer row is a batch by itself.
        most_rows: The most rows per batch.

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


def _group_sizes(
    longest: NDArray[np.int64], most_groups: int, least_batches: int, group_cost: float = 0.0
) -> list[int]:
    """Divide full batches, sorted by their longest row, into groups at the lowest cost.

    cost[g][j] = min over i of cost[g - 1][i] + (batches from i to j) * longest of them, where i and j are positions at
    which the longest row changes, and each group has at least `least_batches`.

    Args:
        longest: The length of the longest row of each batch, ascending.
        most_groups: The largest number of groups.
        least_batches: The smallest number of batches in a group.
        group_cost: The cost of each group, in the unit of `longest`.

    Returns:
        The number of batches in each group, shortest group first.
    """
    ends = np.append(np.flatnonzero(np.diff(longest)) + 1, len(longest))
    counts = np.insert(ends, 0, 0)  # counts[j]: batches before boundary j
    width = longest[ends - 1]
    cost = np.where(counts == 0, 0.0, np.inf)
    choices: list[NDArray[np.int64]] = []
    totals: list[float] = []
    for groups_so_far in range(1, max(1, min(most_groups, len(ends))) + 1):
        step = np.full((len(counts), len(counts)), np.inf)  # step[i, j]: cost with boundaries at i, then at j
        sizes = counts[None, 1:] - counts[:, None]
        allowed = sizes >= min(least_batches, len(longest))
        step[:, 1:] = np.where(allowed, cost[:, None] + sizes * width[None, :], np.inf)
        choices.append(step.argmin(axis=0))
        cost = step.min(axis=0)
        totals.append(float(cost[-1]) + groups_so_far * group_cost)
    groups, end = [], len(counts) - 1
    for choice in reversed(choices[: int(np.argmin(totals)) + 1]):
        groups.append(int(counts[end] - counts[choice[end]]))
        end = int(choice[end])
    return groups[::-1]
