"""LayerwiseOptimizer on two replicas of `tf.distribute.MirroredStrategy`, in a process with two logical devices."""

import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.once

TWO_REPLICAS = """
import tensorflow as tf

tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
)
import keras
import numpy as np
import slanted
from layerwise_training import X, Y, network

strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])

def compiled():
    model = network()
    adam = keras.optimizers.AdamW(0.01, weight_decay=0.1)
    model.compile(slanted.LayerwiseOptimizer(adam, slanted.layer_groups(model), 0.5), "mse", jit_compile=False)
    return model

def trained(model):
    run = slanted.RunScheduler(slanted.SlantedTriangular(0.05))
    model.fit(X, Y, batch_size=4, epochs=2, shuffle=False, verbose=0, callbacks=[run])
    return model

alone = trained(compiled())
with strategy.scope():
    model = compiled()
try:
    slanted.find_learning_rate(model, (X, Y))
except ValueError as error:
    refusal = str(error)
assert refusal == (
    "A learning rate is searched on one device. Received: MirroredStrategy with 2 replicas. "
    "Build and compile the model outside of its scope for the search."
)
trained(model)
assert model.optimizer.group_updates() == alone.optimizer.group_updates() == {"low": 8, "middle": 8, "top": 8}
for variable, expected in zip(model.trainable_variables, alone.trainable_variables, strict=True):
    replicas = [value.numpy() for value in variable.value.values]
    np.testing.assert_array_equal(*replicas)
    np.testing.assert_allclose(replicas[0], expected, rtol=1e-5, atol=1e-6)
"""


def test_replicas_train_at_the_rates_of_one_device_and_a_search_is_refused():
    support = [path for path in sys.path if path.endswith("support")]
    path = os.pathsep.join([*support, os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "KERAS_BACKEND": "tensorflow", "PYTHONPATH": path}
    subprocess.run([sys.executable, "-c", TWO_REPLICAS], check=True, env=environment)
