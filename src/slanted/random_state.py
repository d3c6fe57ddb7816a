"""The state of every random generator that training may draw from, kept and put back."""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np

from slanted.keras_private import forget_global_seed_generator, global_seed_generator


@contextmanager
def kept_random_state() -> Iterator[None]:
    """Put Python's, NumPy's, Keras's and the backend's generators back as they were, also after an exception.

    Keras's own layers draw from generators of their own, which are variables of the model.
    """
    of_python, of_numpy = random.getstate(), np.random.get_state()
    put_back = [_keras_state(), _backend_state()]
    try:
        yield
    finally:
        random.setstate(of_python)
        np.random.set_state(of_numpy)
        for each in put_back:
            each()


def _keras_state() -> Callable[[], Any]:
    """Return what puts back the generator that Keras's random functions draw from without a seed.

    Keras makes it when it is first needed, with a seed from Python's generator; one that was not there is taken away.
    """
    generator = global_seed_generator()
    if generator is None:
        return forget_global_seed_generator
    state = np.array(keras.ops.convert_to_numpy(generator.state))
    return lambda: generator.state.assign(state)


def _backend_state() -> Callable[[], Any]:
    """Return what puts the backend's generators back. JAX has none; TensorFlow's Keras draws from seeds alone."""
    if keras.config.backend() != "torch":
        return lambda: None
    import torch

    of_processor = torch.get_rng_state()
    of_devices = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []

    def put_back() -> None:
        torch.set_rng_state(of_processor)
        if of_devices:
            torch.cuda.set_rng_state_all(of_devices)

    return put_back
