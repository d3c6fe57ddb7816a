"""The state of every random generator is saved and restored, Keras's and the backend's included."""

import random

import keras
import numpy as np
import pytest
from applied import BACKEND

from slanted.keras_private.layers_and_trainers import forget_global_seed_generator, global_seed_generator
from slanted.runtime.random_state import preserved_random_state, random_state, set_random_state


def drawn():
    """Draw from every generator; the normal numbers of Python and NumPy come in pairs, the second of which is kept."""
    from_keras = keras.ops.convert_to_numpy(keras.random.uniform((2,))).tolist()
    from_torch = []
    if BACKEND == "torch":
        import torch

        from_torch = torch.rand(2).tolist()
    plain = [random.random(), random.gauss(0.0, 1.0), np.random.random(), np.random.standard_normal()]
    return [*plain, *from_keras, *from_torch]


@pytest.fixture(autouse=True)
def seeded():
    """Begin with Keras's generator made, and leave everything as it was."""
    with preserved_random_state():
        keras.utils.set_random_seed(7)
        keras.random.uniform((1,))
        yield


def test_every_generator_draws_again_what_it_drew_within():
    with preserved_random_state():
        within = [drawn() for _ in range(2)]
    assert [drawn() for _ in range(2)] == within
    assert within[0] != within[1]


def test_generators_are_put_back_after_an_exception_too():
    before = random_state()
    with pytest.raises(ZeroDivisionError), preserved_random_state():
        drawn()
        raise ZeroDivisionError
    assert all(np.array_equal(value, before[name]) for name, value in random_state().items())


def test_a_state_goes_through_a_file_and_keeps_the_second_of_a_pair(tmp_path):
    drawn()
    np.savez(tmp_path / "state.npz", **random_state())
    expected = drawn()
    drawn()
    with np.load(tmp_path / "state.npz") as read:
        set_random_state(read)
    assert drawn() == expected


def test_a_state_is_arrays_by_name_and_has_the_backend_s_where_it_draws_from_it():
    state = random_state()
    assert all(isinstance(value, np.ndarray) and value.dtype != object for value in state.values())
    assert ("torch" in state) == (BACKEND == "torch")
    assert len(state["python_gauss"]) == 0
    random.gauss(0.0, 1.0)
    assert len(random_state()["python_gauss"]) == 1


def test_a_state_is_not_changed_by_what_is_drawn_later():
    state = random_state()
    copies = {name: value.copy() for name, value in state.items()}
    drawn()
    set_random_state(state)
    drawn()
    assert all(np.array_equal(value, copies[name]) for name, value in state.items())


def test_a_generator_of_keras_that_was_not_there_is_taken_away():
    forget_global_seed_generator()
    assert "keras" not in random_state()
    with preserved_random_state():
        keras.random.uniform((1,))
        assert global_seed_generator() is not None
    assert global_seed_generator() is None


def test_a_generator_of_keras_that_is_not_there_is_made_with_the_state_that_was_kept():
    state = random_state()
    expected = keras.ops.convert_to_numpy(keras.random.uniform((2,))).tolist()
    forget_global_seed_generator()
    set_random_state(state)
    assert keras.ops.convert_to_numpy(keras.random.uniform((2,))).tolist() == expected


def test_where_keras_s_generator_is_made_every_other_draws_again_what_it_drew():
    state, expected = random_state(), drawn()
    forget_global_seed_generator()
    set_random_state(state)
    assert drawn() == expected
