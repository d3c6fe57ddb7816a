"""Batches of data sets that are too large to tokenise before training: rows are tokenised one window ahead.

An epoch is a seeded permutation of all rows, divided into windows of `BATCHES_A_WINDOW` batches. The rows of a window
are tokenised when training reaches the window before it. They are sorted by length and divided into batches, each
padded to the smallest sufficient static length, and the batches are shuffled. The batches of a window depend on its
rows only, so that a resumed run can start at any step. The static lengths are the best ones for a sample of the rows,
and `max_tokens` for rows that are longer than all rows of the sample.
"""

import math
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from slanted.text.batching.batches import TokenInputs, of_rows
from slanted.text.batching.length_buckets import Batch, LengthPlan, differing_start
from slanted.text.tokens.token_arrays import Encoded

BATCHES_A_WINDOW = 64
SAMPLE_ROWS = 10_000
MAX_SHAPES = 8  # where each is compiled; so few cost little beside the steps of so many rows

Encode = Callable[[NDArray[np.int64]], Encoded]
Window = tuple[NDArray[np.int64], Encoded, list[Batch]]


class WindowPlan:
    """Plans the batches of each window: their rows, order and padded lengths.

    Attributes:
        batch_size: Rows per batch; the last batch of an epoch may have fewer.
        num_batches: ceil(rows / batch_size), the same in every epoch.
        padding: The share of the computed tokens that is padding, estimated on the sample.
        padded_length: The mean number of tokens per row, padding included, estimated on the sample.
        static_lengths: The lengths that batches are padded to, ascending.
    """

    def __init__(
        self, rows: int, sample: NDArray[np.integer], most: int, batch_size: int, *, seed: int, max_shapes: int
    ) -> None:
        """Choose the static lengths.

        Args:
            rows: The number of rows.
            sample: The number of tokens of each row of a sample.
            most: The most tokens that a row can have.
            batch_size: Rows per batch.
            seed: The seed of the order.
            max_shapes: The largest number of different shapes, that of the short batch included.
        """
        full = sample[: max(len(sample) // batch_size, 1) * batch_size]  # full batches
        plan = LengthPlan(full, batch_size, seed=seed, max_shapes=max(1, max_shapes - 1 - bool(rows % batch_size)))
        self.static_lengths = sorted({batch.length for batch in plan.batches(0)} | {most})
        self.batch_size, self.num_batches = batch_size, math.ceil(rows / batch_size)
        self._seed, self._rows = seed, rows
        self.padded_length = self._mean_padded(full)
        self.padding = 1.0 - float(full.mean()) / self.padded_length

    @property
    def num_windows(self) -> int:
        """The number of windows per epoch."""
        return math.ceil(self.num_batches / BATCHES_A_WINDOW)

    def order(self, epoch: int) -> NDArray[np.int64]:
        """Return the order of all rows in an epoch, which depends on (seed, epoch)."""
        return np.random.default_rng([self._seed, epoch]).permutation(self._rows)

    def rows_of(self, order: NDArray[np.int64], window: int) -> NDArray[np.int64]:
        """Return the rows of a window."""
        size = BATCHES_A_WINDOW * self.batch_size
        return order[window * size : (window + 1) * size]

    def divided(self, lengths: NDArray[np.integer], epoch: int, window: int) -> list[Batch]:
        """Return the batches of a window, with row numbers that count within the window.

        The short batch, if any, is the last. In the first window, the first two batches have different lengths if
        possible.

        Args:
            lengths: The number of tokens of each row of the window.
            epoch: The epoch, from 0.
            window: The window, from 0.
        """
        random = np.random.default_rng([self._seed, epoch, window])
        shuffled = random.permutation(len(lengths))
        ranked = shuffled[np.argsort(lengths[shuffled], kind="stable")]
        rest = len(lengths) % self.batch_size
        short = [self._batch(ranked[:rest], lengths)] if rest else []
        starts = range(rest, len(ranked), self.batch_size)
        full = [self._batch(ranked[start : start + self.batch_size], lengths) for start in starts]
        batches = [full[position] for position in random.permutation(len(full))] + short
        return batches if window else differing_start(batches)

    def _mean_padded(self, lengths: NDArray[np.integer]) -> float:
        """Return the mean number of tokens per row, padding included, for rows with these lengths."""
        parts = [lengths[rows] for rows in slices(len(lengths), BATCHES_A_WINDOW * self.batch_size)]
        batches = [batch for part in parts for batch in self.divided(part, 0, 0)]
        return sum(len(batch.rows) * batch.length for batch in batches) / len(lengths)

    def _batch(self, rows: NDArray[np.int64], lengths: NDArray[np.integer]) -> Batch:
        longest = int(lengths[rows].max())
        return Batch(rows, next(length for length in self.static_lengths if length >= longest))


class WindowedBatches(keras.utils.PyDataset):
    """The batches of one epoch, tokenised when they are needed; the callback `EpochOrder` sets the epoch."""

    def __init__(
        self,
        encode: Encode,
        names: tuple[str, ...],
        pad_id: int,
        targets: NDArray[Any],
        plan: WindowPlan,
        weights: NDArray[Any] | None = None,
    ) -> None:
        """Start at epoch 0.

        Args:
            encode: Tokenises rows, from their numbers.
            names: The inputs of the encoder.
            pad_id: The id of the padding token.
            targets: The targets of the rows, shape (rows, ...).
            plan: The plan for these rows.
            weights: The weights of the rows, float32 (rows,), or None.
        """
        super().__init__()
        self._encode, self._names, self._pad_id = encode, names, pad_id
        self._targets, self._weights, self.plan = targets, weights, plan
        self._ahead = ThreadPoolExecutor(max_workers=1, thread_name_prefix="slanted-tokens")
        self.start(0)

    def start(self, epoch: int, step: int = 0) -> None:
        """Set the epoch (from 0), without its first `step` batches, which a resumed run has already trained on."""
        self._epoch, self._first = epoch, step
        self._order = self.plan.order(epoch)
        self._windows: dict[int, Future[Window]] = {}

    def __len__(self) -> int:
        """Return the number of batches of this epoch, without those that `start` skips."""
        return self.plan.num_batches - self._first

    def __getitem__(self, index: int) -> tuple[Any, ...]:
        """Return inputs, targets and weights, if any, of a batch; the next window is tokenised in the background."""
        number, position = divmod(self._first + index, BATCHES_A_WINDOW)
        window = self._window(number)
        if number + 1 < self.plan.num_windows:
            self._window(number + 1)
        rows, encoded, batches = window.result()
        batch = batches[position]
        inputs = TokenInputs(encoded, self._names, self._pad_id)
        return inputs.arrays(batch), *of_rows(rows[batch.rows], self._targets, self._weights)

    def _window(self, number: int) -> "Future[Window]":
        if number not in self._windows:
            for old in [each for each in self._windows if abs(each - number) > 1]:
                del self._windows[old]
            self._windows[number] = self._ahead.submit(self._prepare, self._order, self._epoch, number)
        return self._windows[number]

    def _prepare(self, order: NDArray[np.int64], epoch: int, number: int) -> Window:
        rows = self.plan.rows_of(order, number)
        encoded = self._encode(rows)
        return rows, encoded, self.plan.divided(encoded.lengths, epoch, number)


def sampled_rows(rows: int, seed: int) -> NDArray[np.int64]:
    """Return the row numbers of a random sample, ascending, for the choice of static lengths."""
    return np.sort(np.random.default_rng(seed).choice(rows, min(rows, SAMPLE_ROWS), replace=False))


def slices(rows: int, at_once: int) -> Sequence[slice]:
    """Return slices of at most `at_once` rows that cover all rows; at least one slice.

    >>> slices(5, 2)
    [slice(0, 2, None), slice(2, 4, None), slice(4, 5, None)]
    """
    return [slice(start, min(start + at_once, rows)) for start in range(0, max(rows, 1), at_once)]
