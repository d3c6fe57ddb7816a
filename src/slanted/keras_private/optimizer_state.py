"""What an optimizer keeps of its run, saved apart from the variables that Keras expects of it."""

from collections.abc import Callable, Sequence
from typing import Any

import keras
from keras.src.saving.keras_saveable import KerasSaveable

FOLLOW_THE_CURVE = -1.0


class StateApart(KerasSaveable):
    """Variables of the compiled step that a plain optimizer does not have.

    Saved in a group of its own, so that the optimizer's other variables keep the number and the order that Keras
    expects of the plain optimizer: checkpoints of the one load into the other.
    """

    variables: list[keras.Variable]
    known = False

    def _obj_type(self) -> str:
        return "Optimizer"  # one of the kinds that Keras's writer knows

    def save_own_variables(self, store: Any) -> None:
        """Write the state."""
        for index, variable in enumerate(self.variables):
            store[str(index)] = variable.numpy()

    def load_own_variables(self, store: Any) -> None:
        """Read the state; a checkpoint of a plain optimizer has none."""
        if len(store.keys()) == len(self.variables):
            for index, variable in enumerate(self.variables):
                variable.assign(store[str(index)])
            self.known = True
        else:
            self.reset()

    def reset(self) -> None:
        """Take the values that go with a checkpoint of a plain optimizer: by default those there are."""


class RunState(StateApart):
    """Where an optimizer stands in its run."""

    def __init__(self) -> None:
        def variable(value: list[float], dtype: str, name: str) -> keras.Variable:
            return keras.Variable(value, dtype=dtype, trainable=False, name=name)

        self.steps = variable([0, 1], "int32", "run_first_iteration_and_total_steps")
        self.rates = variable([0.0, 1.0, FOLLOW_THE_CURVE], "float32", "run_knots_and_set_rate")
        self.variables = [self.steps, self.rates]


class GroupState(StateApart):
    """How many updates each layer group has had, which its own bias correction goes by."""

    def __init__(self, groups: int, updates_of_all: Callable[[], int]) -> None:
        self._groups, self._updates_of_all = groups, updates_of_all
        first = [updates_of_all()] * groups
        self.updates = keras.Variable(
            first, dtype="int32", trainable=False, name="group_updates", aggregation="only_first_replica"
        )
        self.variables = [self.updates]

    def reset(self) -> None:
        """Take the plain optimizer's one count for every group."""
        self.updates.assign([self._updates_of_all()] * self._groups)


class Applying:
    """What an optimizer evaluates once for each application of gradients, and the group it is at; not state."""

    rate: Any = None
    group: int | None = None
    group_rates: Sequence[Any] = ()
    group_updates: Sequence[Any] = ()
