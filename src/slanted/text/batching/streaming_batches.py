"""Batches of rows that are too many to tokenise before training: tokenised a window ahead of the step that takes them.

An epoch is a seeded order of all rows, cut into windows of `BATCHES_A_WINDOW` batches. A window's rows are tokenised
when training reaches the window before it, sorted by length, cut into batches, each padded to the least of a few
static lengths that holds it, and the batches shuffled. Which rows meet in a batch depends on their window alone, so
every row meets every other over the epochs, and any step can be reached without those before it. The static lengths
are those that suit a sample of the rows best, and, for a row longer than all of the sample, the most a row may have.
"""

import math
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from slanted.text.batching.batches import TokenInputs
from slanted.text.batching.length_buckets import Batch, LengthPlan, differing_start
from slanted.text.tokens.token_arrays import Encoded

BATCHES_A_WINDOW = 64
SAMPLE_ROWS = 10_000

Encode = Callable[[NDArray[np.int64]], Encoded]
Window = tuple[NDArray[np.int64], Encoded, list[Batch]]


class WindowPlan:
    """Which rows are batched together, in which order, at which padded length.

    Attributes:
        batch_size: Rows of a batch; the last of an epoch may have fewer.
        num_batches: ceil(rows / batch_size), the same in every epoch.
        padding: Share of the computed tokens that are padding, estimated on the sample.
        padded_length: Mean tokens of a row, padding included, estimated on the sample.
        static_lengths: To which batches are padded, ascending.
    """

    def __init__(
        self, rows: int, sample: NDArray[np.integer], most: int, batch_size: int, *, seed: int, max_shapes: int
    ) -> None:
        """Choose the static lengths.

        Args:
            rows: How many there are.
            sample: Tokens of some of them.
            most: The most tokens that any has.
            batch_size: Rows of a batch.
            seed: Of the order.
            max_shapes: The most shapes that may occur, the short batch's included.
        """
        whole = sample[: max(len(sample) // batch_size, 1) * batch_size]
        plan = LengthPlan(whole, batch_size, seed=seed, max_shapes=max(1, max_shapes - 1 - bool(rows % batch_size)))
        self.static_lengths = sorted({batch.length for batch in plan.batches(0)} | {most})
        self.batch_size, self.num_batches = batch_size, math.ceil(rows / batch_size)
        self._seed, self._rows = seed, rows
        self.padded_length = self._mean_padded(whole)
        self.padding = 1.0 - float(whole.mean()) / self.padded_length

    @property
    def num_windows(self) -> int:
        """How many windows an epoch has."""
        return math.ceil(self.num_batches / BATCHES_A_WINDOW)

    def order(self, epoch: int) -> NDArray[np.int64]:
        """Return all rows in the order that (seed, epoch) gives."""
        return np.random.default_rng([self._seed, epoch]).permutation(self._rows)

    def rows_of(self, order: NDArray[np.int64], window: int) -> NDArray[np.int64]:
        """Return the rows of a window."""
        size = BATCHES_A_WINDOW * self.batch_size
        return order[window * size : (window + 1) * size]

    def divided(self, lengths: NDArray[np.integer], epoch: int, window: int) -> list[Batch]:
        """Return the batches of a window whose rows have these lengths; they number the rows within the window.

        The short batch, if any, is the last. Of the first window the first two batches differ in length, if any do.
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
        """Return the mean tokens of a row, padding included, of windows of rows with these lengths."""
        parts = [lengths[rows] for rows in slices(len(lengths), BATCHES_A_WINDOW * self.batch_size)]
        batches = [batch for part in parts for batch in self.divided(part, 0, 0)]
        return sum(len(batch.rows) * batch.length for batch in batches) / len(lengths)

    def _batch(self, rows: NDArray[np.int64], lengths: NDArray[np.integer]) -> Batch:
        longest = int(lengths[rows].max())
        return Batch(rows, next(length for length in self.static_lengths if length >= longest))


class WindowedBatches(keras.utils.PyDataset):
    """The batches of one epoch, tokenised as they are needed; `EpochOrder` moves it to the next."""

    def __init__(
        self, encode: Encode, names: tuple[str, ...], pad_id: int, targets: NDArray[Any], plan: WindowPlan
    ) -> None:
        """Start at epoch 0.

        Args:
            encode: Tokenises the rows of these numbers.
            names: The encoder's inputs.
            pad_id: The id of the padding token.
            targets: The rows' targets, shape (rows, ...).
            plan: Of these rows.
        """
        super().__init__()
        self._encode, self._names, self._pad_id = encode, names, pad_id
        self._targets, self.plan = targets, plan
        self._ahead = ThreadPoolExecutor(max_workers=1, thread_name_prefix="slanted-tokens")
        self.start(0)

    def start(self, epoch: int, step: int = 0) -> None:
        """Go to an epoch (from 0), and leave out its first `step` batches: a run that goes on left them behind."""
        self._epoch, self._first = epoch, step
        self._order = self.plan.order(epoch)
        self._windows: dict[int, Future[Window]] = {}

    def __len__(self) -> int:
        """Return the number of batches from the start of this epoch, or from its first step, on."""
        return self.plan.num_batches - self._first

    def __getitem__(self, index: int) -> tuple[dict[str, NDArray[np.int32]], NDArray[Any]]:
        """Return the inputs and targets of a batch, and have the next window tokenised meanwhile."""
        number, place = divmod(self._first + index, BATCHES_A_WINDOW)
        window = self._window(number)
        if number + 1 < self.plan.num_windows:
            self._window(number + 1)
        rows, encoded, batches = window.result()
        batch = batches[place]
        inputs = TokenInputs(encoded, self._names, self._pad_id)
        return inputs.arrays(batch), self._targets[rows[batch.rows]]

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
    """Return some row numbers, ascending, to choose static lengths by."""
    return np.sort(np.random.default_rng(seed).choice(rows, min(rows, SAMPLE_ROWS), replace=False))


def slices(rows: int, at_once: int) -> Sequence[slice]:
    """Return slices of at most `at_once` rows that cover all, one at least.

    >>> slices(5, 2)
    [slice(0, 2, None), slice(2, 4, None), slice(4, 5, None)]
    """
    return [slice(start, min(start + at_once, rows)) for start in range(0, max(rows, 1), at_once)]
