"""A model of three groups with one weight each, and the rates that gradual unfreezing is to apply to them."""

import keras
import numpy as np
from group_sums import Trace, Weight, minus

from slanted import LayerwiseOptimizer, RunScheduler, SlantedTriangular
from slanted.layerwise.layer_groups import layer_groups

LAYER_DECAY = 0.5
NAMES = ("low", "middle", "top")


def three_weights(optimizer=None, **compile_arguments):
    model = keras.Sequential([keras.Input((1,)), *(Weight(name=name) for name in NAMES)])
    made = LayerwiseOptimizer(optimizer or keras.optimizers.SGD(1.0), layer_groups(model), LAYER_DECAY)
    model.compile(made, loss=minus, **compile_arguments)
    return model


def run(model, steps, epochs, *callbacks, **fit_arguments):
    trace, x = Trace(), np.zeros((steps, 1), "float32")
    fit_arguments = {"batch_size": 1, "epochs": epochs, "verbose": 0, **fit_arguments}
    model.fit(x, x, callbacks=[*callbacks, trace], **fit_arguments)
    return np.array(trace.sums)


def expected_rates(total, opens_at):
    """Return schedule x multiplier x open for each step and group, in float64."""
    schedule = SlantedTriangular(1.0).simulate(total)[:, None]
    multiplier = LAYER_DECAY ** np.arange(len(NAMES) - 1, -1, -1)
    opened = np.arange(total)[:, None] >= np.array(opens_at)
    return schedule * multiplier * opened


def scheduler():
    return RunScheduler(SlantedTriangular(1.0))
