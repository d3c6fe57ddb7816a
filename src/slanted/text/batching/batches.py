"""Token ids as batches for Keras: seeded order in training, sorted by length in prediction."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from slanted.text.batching.length_buckets import TOKENS_A_COMPILATION, Batch, LengthPlan, differing_start, packed
from slanted.text.tokens.token_arrays import Encoded

TOKENS_AT_ONCE, ROWS_AT_ONCE = 4096, 256  # per batch of inference; activations of more do not fit the CPU's caches


@dataclass(frozen=True)
class TokenInputs:
    """Encoded examples and the inputs that an encoder takes.

    Attributes:
        encoded: The examples.
        names: The inputs of the encoder, out of `token_ids`, `segment_ids` and `padding_mask`.
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
    """The batches of one epoch; the callback `EpochOrder` sets the epoch.

    A dataset cannot count epochs itself: on two of three backends Keras calls its `on_epoch_end` also after reading the
    first batches for their shapes.
    """

    def __init__(
        self, inputs: TokenInputs, targets: NDArray[Any], plan: LengthPlan, weights: NDArray[Any] | None = None
    ) -> None:
        """Start at epoch 0.

        Args:
            inputs: The examples.
            targets: The targets of the examples, shape (examples, ...).
            plan: The plan for the lengths of the examples.
            weights: The weights of the examples, float32 (examples,), or None.
        """
        super().__init__()
        self._inputs, self._targets, self._weights, self.plan = inputs, targets, weights, plan
        self._batches: Sequence[Batch] = ()
        self.start(0)

    def start(self, epoch: int, step: int = 0) -> None:
        """Set the epoch (from 0), without its first `step` batches, which a resumed run has already trained on."""
        self._batches = self.plan.batches(epoch)[step:]

    def __len__(self) -> int:
        """Return the number of batches of this epoch, without those that `start` skips."""
        return len(self._batches)

    def __getitem__(self, index: int) -> tuple[Any, ...]:
        """Return the inputs and the targets of a batch, and the weights if there are any."""
        batch = self._batches[index]
        return self._inputs.arrays(batch), *of_rows(batch.rows, self._targets, self._weights)


def of_rows(rows: NDArray[np.int64], targets: NDArray[Any], weights: NDArray[Any] | None) -> tuple[NDArray[Any], ...]:
    """Return the targets of some rows, and their weights if there are any."""
    return (targets[rows],) if weights is None else (targets[rows], weights[rows])


class EpochOrder(keras.callbacks.Callback):
    """Sets the epoch of a dataset at the start of each epoch of `fit`, which may resume in the middle of a run.

    Before the first epoch the dataset is reset to epoch 0, because Keras derives the compiled shapes from its first
    batches and a resumed run must compile the same program.
    """

    def __init__(self, batches: Any, first_step: int = 0) -> None:
        """Create the callback.

        Args:
            batches: The dataset that `fit` trains on.
            first_step: The number of batches to skip in the first epoch.
        """
        super().__init__()
        self._batches, self._first_step = batches, first_step
        batches.start(0)

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Set the epoch of the dataset before Keras reads its first batch."""
        self._batches.start(epoch, self._first_step)
        self._first_step = 0


class PredictionBatches(keras.utils.PyDataset):
    """All examples once, in batches of similar length; `in_order` restores the order of the examples.

    JAX compiles a program for each shape, so that the batches have few shapes there. On other backends each batch is
    padded to its longest row.
    """

    def __init__(
        self, inputs: TokenInputs, targets: NDArray[Any] | None = None, *, batch_size: int | None = None
    ) -> None:
        """Plan the batches.

        Args:
            inputs: The examples.
            targets: The targets of the examples, for `evaluate`; None for `predict`.
            batch_size: Rows per batch; None: as many as `TOKENS_AT_ONCE` allows, at most `ROWS_AT_ONCE`.
        """
        super().__init__()
        lengths = inputs.encoded.lengths
        self._inputs, self._targets = inputs, targets
        if batch_size is None and keras.config.backend() != "jax":
            self._batches = differing_start(packed(lengths, TOKENS_AT_ONCE, ROWS_AT_ONCE))
        else:
            largest = int(np.clip(TOKENS_AT_ONCE // lengths.max(initial=1), 1, ROWS_AT_ONCE))
            cost = TOKENS_A_COMPILATION if keras.config.backend() == "jax" else 0.0
            plan = LengthPlan(lengths, batch_size or largest, least_batches=1, shape_tokens=cost)
            self._batches = plan.sorted_batches()

    def __len__(self) -> int:
        """Return the number of batches."""
        return len(self._batches)

    def __getitem__(self, index: int) -> Any:
        """Return the inputs of a batch, or (inputs, targets) if there are targets."""
        batch = self._batches[index]
        inputs = self._inputs.arrays(batch)
        return inputs if self._targets is None else (inputs, self._targets[batch.rows])

    def in_order(self, outputs: NDArray[Any]) -> NDArray[Any]:
        """Return the outputs of `predict` in the order of the examples."""
        ordered = np.empty_like(outputs)
        ordered[np.concatenate([batch.rows for batch in self._batches])] = outputs
        return ordered
