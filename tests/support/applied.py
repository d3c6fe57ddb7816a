"""A model that measures the learning rates really applied to it.

Its one weight has gradient -1 at every batch of ones, so that plain SGD adds the rate: the weight is the running sum of
the rates. Nothing is read back from an attribute of the optimizer.
"""

import keras
import numpy as np

BACKEND = keras.config.backend()
RELATIVE = 2e-5
FAST = {"jit_compile": False} if BACKEND == "tensorflow" else {}  # XLA compiles a tiny model for seconds


@keras.saving.register_keras_serializable(package="applied")
class Sum(keras.layers.Layer):
    """One weight times the input."""

    def build(self, input_shape):
        self.weight = self.add_weight(shape=(), initializer="zeros", name="weight")

    def call(self, inputs):
        return inputs * self.weight


class CountingSum(Sum):
    """Counts how often Python runs it: once a trace where steps are compiled."""

    calls = 0

    def call(self, inputs):
        self.calls += 1
        return super().call(inputs)


@keras.saving.register_keras_serializable(package="applied")
def minus(y_true, y_pred):
    """Return a loss whose gradient by the weight is minus the mean input."""
    return -keras.ops.mean(y_pred)


class Trace(keras.callbacks.Callback):
    """Keeps the weight after every execution of the training step."""

    def __init__(self):
        super().__init__()
        self.sums = []

    def on_train_batch_end(self, batch, logs=None):
        self.sums.append(total(self.model))


def model(optimizer=None, layer=Sum, **compile_arguments):
    """Return the model, compiled; SGD without momentum unless another optimizer is given."""
    built = keras.Sequential([keras.Input((1,)), layer()])
    compile_arguments = {**FAST, **compile_arguments}
    built.compile(optimizer or keras.optimizers.SGD(1.0), loss=minus, **compile_arguments)
    return built


def batches(number):
    """Return x and y that make `number` batches of `batch_size` 1."""
    return np.ones((number, 1), "float32"), np.ones((number, 1), "float32")


def fit(trained, steps, epochs=1, callbacks=(), **fit_arguments):
    """Train for `epochs` of `steps` batches and return the running sums of the rates, batch by batch."""
    x, y = batches(steps)
    return fit_on(trained, x, y=y, batch_size=1, epochs=epochs, callbacks=callbacks, **fit_arguments)


def fit_on(trained, data, callbacks=(), **fit_arguments):
    """Train on any data, from a weight of 0 unless a callback restores another, and return the running sums."""
    trained.layers[-1].weight.assign(0.0)
    trace = Trace()
    trained.fit(data, verbose=0, callbacks=[*callbacks, trace], **fit_arguments)
    return np.array(trace.sums)


def total(trained):
    """Return the weight: the sum of the rates applied so far."""
    return float(keras.ops.convert_to_numpy(trained.layers[-1].weight))


def assert_sums(gained, rates, executions=None):
    """Check running sums of measured rates against float64 rates, at the batches that end an execution."""
    sums = np.cumsum(rates)
    np.testing.assert_allclose(gained, sums if executions is None else sums[executions], rtol=RELATIVE)
