"""A network of three groups, trained for a moment with any optimizer, plain or layerwise."""

import keras
import numpy as np

from slanted import LayerwiseOptimizer
from slanted.layerwise.layer_groups import layer_groups

BACKEND = keras.config.backend()
OPTIMIZERS = {
    "sgd": lambda **k: keras.optimizers.SGD(0.1, momentum=0.9, **k),
    "nesterov": lambda **k: keras.optimizers.SGD(0.1, momentum=0.9, nesterov=True, **k),
    "adam": lambda **k: keras.optimizers.Adam(0.01, **k),
    "adamw": lambda **k: keras.optimizers.AdamW(0.01, weight_decay=0.1, **k),
    "rmsprop": lambda **k: keras.optimizers.RMSprop(0.01, momentum=0.9, **k),
    "lion": lambda **k: keras.optimizers.Lion(0.01, **k),
    "adafactor": lambda **k: keras.optimizers.Adafactor(0.01, **k),
    "muon": lambda **k: keras.optimizers.Muon(0.01, adam_weight_decay=0.1, **k),
}
X = np.random.default_rng(0).normal(size=(16, 4)).astype("float32")
Y = np.random.default_rng(1).normal(size=(16, 2)).astype("float32")


def network(seed=3):
    keras.utils.set_random_seed(seed)
    dense = keras.layers.Dense
    layers = [dense(6, "tanh", name="low"), dense(6, "tanh", name="middle"), dense(2, name="top")]
    return keras.Sequential([keras.Input((4,)), *layers])


def trained(optimizer, epochs=2, callbacks=(), model=None, **compile_arguments):
    model = model or network()
    made = optimizer(model) if callable(optimizer) else optimizer
    model.compile(made, loss="mse", **compile_arguments)
    model.fit(X, Y, batch_size=4, epochs=epochs, shuffle=False, verbose=0, callbacks=list(callbacks))
    return model


def weights(model):
    return [keras.ops.convert_to_numpy(variable) for variable in model.trainable_variables]


def layerwise(plain, layer_decay=1.0, **settings):
    return lambda model: LayerwiseOptimizer(plain, layer_groups(model), layer_decay, **settings)


def assert_same(ours, theirs):
    """Check to the last bit; on JAX, whose XLA fuses two programs differently, to the last but one."""
    exact = BACKEND != "jax"
    np.testing.assert_allclose(ours, theirs, rtol=0 if exact else 1e-6, atol=0 if exact else 1e-7)
