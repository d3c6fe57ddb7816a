"""A model whose `train_step` is the user's own: it applies its optimizer as a function says, on each backend."""

import keras
import numpy as np
from applied import BACKEND, FAST, Sum, Trace

ops = keras.ops


class OwnStep(keras.Sequential):
    """A model with one weight, to which an update of plain SGD adds its rate times `gain`.

    Args:
        optimizer: The optimizer.
        updates: `updates(batch, update, state)` returns the state after the updates for a batch: `batch` is its number
            in the epoch, a scalar tensor, and `update(state, gain)` returns the state after an update.
    """

    def __init__(self, optimizer, updates):
        super().__init__([keras.Input((1,)), Sum()])
        self.updates = updates
        optimizer.build(self.trainable_variables)
        self.compile(optimizer, loss="mse", **FAST)

    if BACKEND == "jax":

        def train_step(self, state, data):
            trainable, others, optimizer_variables, metrics = state

            def update(state, gain=1.0):
                trainable, optimizer_variables = state
                return self.optimizer.stateless_apply(optimizer_variables, [ops.convert_to_tensor(-gain)], trainable)

            trainable, optimizer_variables = self.updates(data[0][0, 0], update, (trainable, optimizer_variables))
            return {"loss": ops.zeros(())}, (trainable, others, optimizer_variables, metrics)

    else:

        def train_step(self, data):
            def update(state, gain=1.0):
                self.optimizer.apply([ops.convert_to_tensor(-gain)], self.trainable_variables)
                return state

            self.updates(data[0][0, 0], update, ops.zeros(()))
            return {"loss": ops.zeros(())}


def gained(model, steps, epochs, callbacks):
    """Return the history, and what each batch added to the weight, (batches,)."""
    trace = Trace()
    model.layers[-1].weight.assign(0.0)
    x = np.arange(steps, dtype="float32")[:, None]
    arguments = {"batch_size": 1, "epochs": epochs, "shuffle": False, "verbose": 0}
    history = model.fit(x, x, callbacks=[*callbacks, trace], **arguments).history
    return history, np.diff(trace.sums, prepend=0.0)
