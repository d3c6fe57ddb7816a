"""State of a run, saved apart from what Keras expects of the plain optimizer, and the private names it takes."""

import keras
import numpy as np
from applied import fit, model
from keras.src.saving.keras_saveable import KerasSaveable
from plain_keras import changed

from slanted.keras_private.optimizer_state import FOLLOW_THE_CURVE, GroupState, RunState


class Child(KerasSaveable):
    """A saveable of a user's, as an attribute of an optimizer."""

    read = None

    def _obj_type(self):
        return "Optimizer"

    def save_own_variables(self, store):
        store["0"] = np.arange(3)

    def load_own_variables(self, store):
        self.read = [np.array(store[key]) for key in list(store.keys())]


def test_keras_saveable_attributes_of_an_optimizer_are_saved_in_a_group_of_their_own(tmp_path):
    written, plain = model(keras.optimizers.Adam(0.1)), model(keras.optimizers.Adam(0.1))
    for trained in (written, plain):
        fit(trained, 1)
    written.optimizer._child = Child()
    written.save_weights(tmp_path / "written.weights.h5")
    plain.load_weights(tmp_path / "written.weights.h5")
    written.load_weights(tmp_path / "written.weights.h5")
    meant = "`_walk_saveable` visits KerasSaveable attributes whose `_obj_type` is Optimizer"
    np.testing.assert_array_equal(written.optimizer._child.read, [np.arange(3)], changed("saving_lib", meant))
    plain.save_weights(tmp_path / "plain.weights.h5")
    written.load_weights(tmp_path / "plain.weights.h5")
    assert written.optimizer._child.read == [], changed("saving_lib", "an absent group reads as an empty store")


def test_obj_type():
    assert keras.optimizers.SGD()._obj_type() == "Optimizer", changed("_obj_type", "optimizers are `Optimizer`s")


def numbers(state):
    return [keras.ops.convert_to_numpy(variable).tolist() for variable in state.variables]


def run_state(added=None):
    return RunState([].append if added is None else added.append)


def test_a_run_s_state_is_at_first_that_of_no_run():
    state = run_state()
    assert numbers(state) == [[0, 1], [0.0, 1.0, FOLLOW_THE_CURVE]] and not state.known


def test_state_that_was_saved_comes_back_and_is_known():
    written, read, store = run_state(), run_state(), {}
    written.steps.assign([3, 50])
    written.rates.assign([5.0, 45.0, 0.25])
    written.save_own_variables(store)
    read.load_own_variables(store)
    assert numbers(read) == [[3, -50], [5.0, 45.0, 0.25]] and read.known and read.set_rate == 0.25  # as T is positive


def values(state):
    return [float(keras.ops.convert_to_numpy(value)) for value in state.constants()]


def test_there_is_room_for_any_number_of_constants_which_comes_back_with_them():
    added, store, read = [], {}, []
    state = run_state(added)
    for count in (0, 1, 2, 3, 10, 11, 25, 4):
        state.count, room = count, state.room
        assert state.make_room(count) == (count > room)
        state.assign([float(at) for at in range(1, count + 1)], 0.5)
        assert values(state) == list(range(1, count + 1)) and numbers(state)[1][2] == 0.5
    assert added == state.variables[2:] and state.room == 26
    state.save_own_variables(store)
    again = run_state(read)
    again.load_own_variables(store)
    again.count = 4
    assert numbers(again) == numbers(state) and values(again) == [1, 2, 3, 4] and read == again.variables[2:]


def test_the_state_of_a_curve_with_two_constants_is_read_where_there_is_room_for_more():
    written, read, store = run_state(), run_state(), {}
    written.assign([5.0, 45.0], 0.25)
    written.save_own_variables(store)
    read.make_room(9)
    read.load_own_variables(store)
    assert sorted(store) == ["0", "1"] and values(read) == [5.0, 45.0] and read.known


def test_a_checkpoint_of_a_plain_optimizer_has_no_state_and_the_one_there_is_stays():
    state = run_state()
    state.steps.assign([3, 50])
    state.load_own_variables({})
    assert numbers(state)[0] == [3, 50] and not state.known


def test_counters_of_groups_begin_with_the_optimizer_s_and_take_it_from_a_plain_checkpoint():
    count = [7]
    state = GroupState(3, lambda: count[0])
    assert numbers(state) == [[7, 7, 7]]
    store = {}
    GroupState(3, lambda: 2).save_own_variables(store)
    state.load_own_variables(store)
    assert numbers(state) == [[2, 2, 2]] and state.known
    count[0] = 9
    state.load_own_variables({})
    assert numbers(state) == [[9, 9, 9]]
