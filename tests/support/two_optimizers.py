"""A model with two optimizers in its own `train_step`, as a GAN has, written for each backend with public names."""

import keras
import numpy as np
from applied import BACKEND, FAST

ops = keras.ops


class Both(keras.optimizers.Optimizer):
    """Lists the variables of two optimizers, so that JAX's trainer passes them to the step; is applied by nobody."""

    def __init__(self, first, second, listed_early=False):
        super().__init__(0.5, name="both")
        self.pair, self.listed_early, self.listed = (first, second), listed_early, None

    def build(self, variables):
        for optimizer, variable in zip(self.pair, variables, strict=True):
            optimizer.build([variable])
        self.built = True
        self.listed = tuple(self.variables) if self.listed_early else None

    @property
    def variables(self):
        return [*(self.listed or (variable for optimizer in self.pair for variable in optimizer.variables))]


class TwoWeights(keras.Model):
    """Two weights with the loss minus their sum: plain SGD adds its rate to its weight at each update.

    Args:
        first, second: The optimizers of the weights.
        repeats: The number of updates of the first weight for each batch.
        listed_early: Whether the variables that JAX's step gets are listed now, or when they are asked for.
    """

    def __init__(self, first, second, repeats=1, listed_early=False):
        super().__init__()
        self.pair, self.repeats = (first, second), repeats
        self.weights_of_pair = [self.add_weight(shape=(), initializer="zeros", name=name) for name in ("a", "b")]
        self.built = True
        both = Both(first, second, listed_early)
        if BACKEND == "jax":
            both.build(self.weights_of_pair)
        else:
            for optimizer, weight in zip(self.pair, self.weights_of_pair, strict=True):
                optimizer.build([weight])
        self.compile(optimizer=both if BACKEND == "jax" else keras.optimizers.SGD(0.25, name="unused"), **FAST)

    def call(self, inputs):
        return inputs

    def updates(self):
        """Return which optimizer makes each update for a batch."""
        return [0] * self.repeats + [1]

    if BACKEND == "jax":

        def train_step(self, state, data):
            trainable, others, optimizer_variables, metrics = state
            trainable, count = list(trainable), len(optimizer_variables) // 2
            halves = [optimizer_variables[:count], optimizer_variables[count:]]
            for index in self.updates():
                (trainable[index],), halves[index] = self.pair[index].stateless_apply(
                    halves[index], [ops.convert_to_tensor(-1.0)], [trainable[index]]
                )
            return {"loss": ops.zeros(())}, (trainable, others, [*halves[0], *halves[1]], metrics)

    else:

        def train_step(self, data):
            for index in self.updates():
                self.pair[index].apply([ops.convert_to_tensor(-1.0)], [self.weights_of_pair[index]])
            return {"loss": ops.zeros(())}


class Sums(keras.callbacks.Callback):
    """The two weights after each batch."""

    def __init__(self):
        super().__init__()
        self.sums = []

    def on_train_batch_end(self, batch, logs=None):
        self.sums.append([float(ops.convert_to_numpy(weight)) for weight in self.model.weights_of_pair])


def train(model, steps, epochs, callbacks, **arguments):
    """Return the history, and what each batch added to the two weights, (batches, 2)."""
    sums = Sums()
    x = np.ones((steps, 1), "float32")
    history = model.fit(x, x, batch_size=1, epochs=epochs, verbose=0, callbacks=[*callbacks, sums], **arguments)
    return history.history, np.diff(sums.sums, axis=0, prepend=0.0)
