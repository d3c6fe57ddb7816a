"""What tests of the scheduler share: a curve and its callback, data of unknown length, ways to stop, a regression."""

import keras
import numpy as np
import pytest
from applied import FAST, batches, fit

import slanted

CURVE = slanted.SlantedTriangular(1.0)
STEPS, EPOCHS = 5, 4


def stlr(**settings):
    return slanted.SlantedTriangularScheduler(**{"lr_max": 1.0, **settings})


def endless():
    while True:
        yield batches(1)


def tf_data(number, known=True):
    import tensorflow as tf

    dataset = tf.data.Dataset.from_tensor_slices(batches(number)).batch(1)
    return dataset if known else dataset.filter(lambda x, y: True)


class StopAfter(keras.callbacks.Callback):
    """Stops training at the end of an epoch or of a batch."""

    def __init__(self, epoch=None, batch=None):
        super().__init__()
        self.epoch, self.batch = epoch, batch

    def on_epoch_end(self, epoch, logs=None):
        if epoch == self.epoch:
            self.model.stop_training = True

    def on_train_batch_end(self, batch, logs=None):
        if batch == self.batch:
            self.model.stop_training = True


class Interrupted(Exception):
    """What stands for a power cut."""


class Interrupt(keras.callbacks.Callback):
    """Raises at the beginning of an epoch, or after so many batches of the run."""

    def __init__(self, epoch=None, batches=None):
        super().__init__()
        self.epoch, self.batches = epoch, batches

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == self.epoch:
            raise Interrupted

    def on_train_batch_end(self, batch, logs=None):
        if self.batches is not None:
            self.batches -= 1
            if self.batches == 0:
                raise Interrupted


def interrupted(trained, callbacks, **fit_arguments):
    with pytest.raises(Interrupted):
        fit(trained, STEPS, EPOCHS, callbacks, **fit_arguments)


def regression(optimizer, seed=1):
    keras.utils.set_random_seed(seed)
    built = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4, activation="tanh"), keras.layers.Dense(1)])
    built.compile(optimizer, loss="mse", **FAST)
    return built


def examples(number=20):
    random = np.random.default_rng(0)
    x = random.normal(size=(number, 3)).astype("float32")
    return x, np.sin(x.sum(axis=1, keepdims=True))
