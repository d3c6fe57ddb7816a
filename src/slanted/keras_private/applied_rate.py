"""The learning rate of each batch, as a log of the training step."""

from typing import Any

import keras

from slanted.keras_private.loss_scaling import scheduled


class AppliedRate(keras.metrics.Metric):
    """The learning rate that the optimizer applied to the last batch, before the multipliers of layer groups.

    Keras updates metrics after the optimizer, in the same training step. The optimizer passes the tensor that its
    update used, so that nothing is evaluated twice and no state is copied from a device. The value is 0 for a batch
    that loss scaling skipped. A batch whose gradients are only accumulated has the rate of an update at that batch.

    Args:
        optimizer: The optimizer of the model; converted in place to one that follows curves.
    """

    def __init__(self, optimizer: Any) -> None:
        super().__init__(name="applied_rate", dtype="float32")
        self.value = self.add_variable(shape=(), initializer="zeros", name="value")
        self._applying = scheduled(optimizer)._applying
        self._applying.is_recorded = True

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Replace the value; it is 0 if no gradients were applied, as in an evaluation."""
        self.value.assign(self._applying.take_applied())

    def result(self) -> Any:
        """Return the learning rate of the last batch, a float32 scalar."""
        return keras.ops.convert_to_tensor(self.value)
