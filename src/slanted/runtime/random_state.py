"""Save and restore the state of every random generator that training may draw from."""

import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np

from slanted.keras_private.layers_and_trainers import (
    forget_global_seed_generator,
    global_seed_generator,
    make_global_seed_generator,
)

_CUDA = "torch_cuda_"


@contextmanager
def preserved_random_state() -> Iterator[None]:
    """Restore Python's, NumPy's, Keras's and the backend's generators on exit, also after an exception.

    The generators of Keras layers such as Dropout are not among them: they are variables of the model.
    """
    state = random_state()
    try:
        yield
    finally:
        set_random_state(state)


def random_state() -> dict[str, np.ndarray]:
    """Return the state of these generators: name -> array."""
    _, words, gauss = random.getstate()
    legacy: Any = np.random.get_state(legacy=False)
    counts = [legacy["state"]["pos"], legacy["has_gauss"]]
    return {
        "python": np.array(words, np.uint32),
        "python_gauss": np.array([] if gauss is None else [gauss], np.float64),
        "numpy": np.array(legacy["state"]["key"], np.uint32),
        "numpy_counts": np.array(counts, np.int64),
        "numpy_gauss": np.array([legacy["gauss"]], np.float64),
        **_keras_state(),
        **_torch_state(),
    }


def set_random_state(state: Mapping[str, np.ndarray]) -> None:
    """Set the generators to a state that `random_state` returned."""
    _set_keras_state(state)  # first, as Keras may draw a seed from Python's
    gauss = float(state["python_gauss"][0]) if len(state["python_gauss"]) else None
    random.setstate((3, tuple(state["python"].tolist()), gauss))
    position, has_gauss = state["numpy_counts"].tolist()
    np.random.set_state(("MT19937", state["numpy"], position, has_gauss, float(state["numpy_gauss"][0])))
    if "torch" in state:
        import torch

        torch.set_rng_state(torch.from_numpy(state["torch"].copy()))
        if devices := [torch.from_numpy(state[name].copy()) for name in sorted(state) if name.startswith(_CUDA)]:
            torch.cuda.set_rng_state_all(devices)


def _keras_state() -> dict[str, np.ndarray]:
    """Return the state of Keras's global seed generator.

    Keras creates it when a random function is first called without a seed, with a seed from Python's generator.
    """
    generator = global_seed_generator()
    return {} if generator is None else {"keras": np.array(keras.ops.convert_to_numpy(generator.state))}


def _set_keras_state(state: Mapping[str, np.ndarray]) -> None:
    """Set Keras's global seed generator; delete it if `state` has none."""
    if "keras" not in state:
        forget_global_seed_generator()
        return
    generator = global_seed_generator()
    (make_global_seed_generator() if generator is None else generator).state.assign(state["keras"])


def _torch_state() -> dict[str, np.ndarray]:
    """Return the state of PyTorch's generators. JAX has none; TensorFlow's Keras draws from seeds alone."""
    if keras.config.backend() != "torch":
        return {}
    import torch

    of_devices = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
    numbered = {f"{_CUDA}{number:04}": state.numpy() for number, state in enumerate(of_devices)}
    return {"torch": torch.get_rng_state().numpy(), **numbered}
