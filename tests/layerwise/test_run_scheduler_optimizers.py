"""Every optimizer of Keras, and a user's own, follows a bound curve as it follows a plain Keras schedule."""

import keras
import numpy as np
import pytest
from scheduled_runs import examples, regression

import slanted


@keras.saving.register_keras_serializable(package="test_scheduling_optimizers")
class SignSGD(keras.optimizers.Optimizer):
    """An optimizer as a user writes one."""

    def update_step(self, gradient, variable, learning_rate):
        rate = keras.ops.cast(learning_rate, variable.dtype)
        self.assign_sub(variable, rate * keras.ops.sign(gradient))


OPTIMIZERS = {
    "SGD": lambda rate: keras.optimizers.SGD(rate, momentum=0.9, weight_decay=0.01),
    "SGD nesterov": lambda rate: keras.optimizers.SGD(rate, momentum=0.9, nesterov=True, clipnorm=0.1),
    "Adam": lambda rate: keras.optimizers.Adam(rate, global_clipnorm=0.5),
    "Adam amsgrad": lambda rate: keras.optimizers.Adam(rate, amsgrad=True, clipvalue=0.1),
    "Adam EMA": lambda rate: keras.optimizers.Adam(rate, use_ema=True, ema_momentum=0.5, ema_overwrite_frequency=3),
    "Adam accumulating": lambda rate: keras.optimizers.Adam(rate, gradient_accumulation_steps=2),
    "AdamW": lambda rate: keras.optimizers.AdamW(rate, weight_decay=0.1),
    "RMSprop": lambda rate: keras.optimizers.RMSprop(rate, momentum=0.5, centered=True),
    "Lion": lambda rate: keras.optimizers.Lion(rate, weight_decay=0.1),
    "Adafactor": lambda rate: keras.optimizers.Adafactor(rate),
    "Nadam": lambda rate: keras.optimizers.Nadam(rate),
    "Adagrad": lambda rate: keras.optimizers.Adagrad(rate),
    "Adadelta": lambda rate: keras.optimizers.Adadelta(rate),
    "Adamax": lambda rate: keras.optimizers.Adamax(rate),
    "Ftrl": lambda rate: keras.optimizers.Ftrl(rate),
    "Lamb": lambda rate: keras.optimizers.Lamb(rate),
    "Muon": lambda rate: keras.optimizers.Muon(rate, weight_decay=0.1),
    "a user's own": lambda rate: SignSGD(rate, weight_decay=0.1),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer_trains_as_with_a_plain_keras_schedule(name):
    x, y = examples(36)
    weights = []
    curve = slanted.SlantedTriangular(0.05)
    scheduled = slanted.SlantedTriangular(0.05, total_steps=18)
    for rate, callbacks in ((scheduled, []), (0.7, [slanted.RunScheduler(curve)])):
        trained = regression(OPTIMIZERS[name](rate))
        start = [array.copy() for array in trained.get_weights()]
        trained.fit(x, y, batch_size=4, epochs=2, shuffle=False, verbose=0, callbacks=callbacks)
        weights.append(trained.get_weights())
    for plain, followed, before in zip(*weights, start, strict=True):
        assert np.abs(followed - before).max() > 1e-5
        np.testing.assert_allclose(followed, plain, rtol=1e-5, atol=1e-6)
