"""Token ids as batches for Keras: seeded order in training, sorted by length in prediction."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from slanted.text.batching.length_buckets import Batch, LengthPlan, differing_start, packed
from slanted.text.tokens.token_arrays import Encoded

TOKENS_AT_ONCE, ROWS_AT_ONCE = 4096, 256  # of inference; what the layers hold of more leaves the processor's caches


@dataclass(frozen=True)
class TokenInputs:
    """Encoded examples, and what an encoder wants of them.

    Attributes:
        encoded: The examples.
        names: The encoder's inputs, of `token_ids`, `segment_ids` and `padding_mask`.
        pad_id: The id of the padding token.
    """

    encoded: Encoded
    names: tuple[str, ...]
    pad_id: int

    def arrays(self, batch: Batch) -> dict[str, NDArray[np.int32]]:
        """Return the inputs of a batch, each int32, (rows, batch.length)."""
        ids, types, mask = self.encoded.padded(batch.rows, batch.length, self.pad_id)
        arrays = {"token_ids": ids, "segment_ids": types, "padding_mask": mask}
        return {name: arrays[name].astype(np.int32, copy=False) for name in self.names}


class TrainingBatches(keras.utils.PyDataset):
    """The batches of one epoch; `EpochOrder` moves it to the next.

    Keras calls a dataset's own `on_epoch_end` also after merely peeking at it, on two of three backends,
    so that it cannot tell the epoch: the callback can.
    """

    def __init__(self, inputs: TokenInputs, targets: NDArray[Any], plan: LengthPlan) -> None:
        """Start at epoch 0.

        Args:
            inputs: The examples.
            targets: Theirs, shape (examples, ...).
            plan: Made of the examples' lengths.
        """
        super().__init__()
        self._inputs, self._targets, self.plan = inputs, targets, plan
        self._batches: Sequence[Batch] = ()
        self.start(0)

    def start(self, epoch: int, step: int = 0) -> None:
        """Go to an epoch (from 0), and leave out its first `step` batches: a run that goes on left them behind."""
        self._batches = self.plan.batches(epoch)[step:]

    def __len__(self) -> int:
        """Return the number of batches from the start of this epoch, or from its first step, on."""
        return len(self._batches)

    def __getitem__(self, index: int) -> tuple[dict[str, NDArray[np.int32]], NDArray[Any]]:
        """Return the inputs and targets of a batch."""
        batch = self._batches[index]
        return self._inputs.arrays(batch), self._targets[batch.rows]


class EpochOrder(keras.callbacks.Callback):
    """Gives each epoch of `fit` the order of its own number, an epoch that a resumed run starts with too.

    Until the first begins the dataset is at its very start: Keras takes the shapes to compile for from there, and a
    resumed run is to compile the same program.
    """

    def __init__(self, batches: Any, first_step: int = 0) -> None:
        """Take the dataset that `fit` trains on, and how many batches of its first epoch to leave out."""
        super().__init__()
        self._batches, self._first_step = batches, first_step
        batches.start(0)

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Move the dataset to the epoch before Keras takes its first batch."""
        self._batches.start(epoch, self._first_step)
        self._first_step = 0


class PredictionBatches(keras.utils.PyDataset):
    """All examples once, rows of like length together; `in_order` puts what comes out back in the input's order.

    JAX compiles a program for every shape, and the batches have a few shapes there; elsewhere each has its own.
    """

    def __init__(
        self, inputs: TokenInputs, targets: NDArray[Any] | None = None, *, batch_size: int | None = None
    ) -> None:
        """Plan the batches.

        Args:
            inputs: The examples.
            targets: Theirs, for `evaluate`; None for `predict`.
            batch_size: Rows of a batch; None: what makes `TOKENS_AT_ONCE`, at most `ROWS_AT_ONCE`.
        """
        super().__init__()
        lengths = inputs.encoded.lengths
        self._inputs, self._targets = inputs, targets
        if batch_size is None and keras.config.backend() != "jax":
            self._batches = differing_start(packed(lengths, TOKENS_AT_ONCE, ROWS_AT_ONCE))
        else:
            fitting = int(np.clip(TOKENS_AT_ONCE // lengths.max(initial=1), 1, ROWS_AT_ONCE))
            self._batches = LengthPlan(lengths, batch_size or fitting, least_batches=1).sorted_batches()

    @property
    def shapes(self) -> list[tuple[int, int]]:
        """The (rows, tokens) of each batch, in their order."""
        return [(len(batch.rows), batch.length) for batch in self._batches]

    def __len__(self) -> int:
        """Return the number of batches."""
        return len(self._batches)

    def __getitem__(self, index: int) -> Any:
        """Return the inputs of a batch, with its targets where there are any."""
        batch = self._batches[index]
        inputs = self._inputs.arrays(batch)
        return inputs if self._targets is None else (inputs, self._targets[batch.rows])

    def in_order(self, outputs: NDArray[Any]) -> NDArray[Any]:
        """Return what `predict` gave, row i for example i."""
        ordered = np.empty_like(outputs)
        ordered[np.concatenate([batch.rows for batch in self._batches])] = outputs
        return ordered
