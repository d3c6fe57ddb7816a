"""The state of a run and of layer groups in an optimizer, saved apart from the variables that Keras expects."""

from collections.abc import Callable, Sequence
from typing import Any

import keras
from keras.src.saving.keras_saveable import KerasSaveable

from slanted.errors import InputError

FOLLOW_THE_CURVE = -1.0
FIRST, BLOCK = 2, 8  # constants beside the rate set by hand, and in each further variable


class StateApart(KerasSaveable):
    """Variables of the compiled step that a plain optimizer does not have.

    They are saved in a separate group, so that the other variables have the number and the order of the plain
    optimizer: its checkpoints load into the scheduled optimizer, and the reverse.
    """

    variables: list[keras.Variable]
    known = False

    def _obj_type(self) -> str:
        return "Optimizer"  # Keras saves objects of a few known types only

    def save_own_variables(self, store: Any) -> None:
        """Write the state."""
        for index, variable in enumerate(self.variables):
            store[str(index)] = variable.numpy()

    def load_own_variables(self, store: Any) -> None:
        """Load the state; a checkpoint of a plain optimizer has none."""
        if len(store.keys()) == len(self.variables):
            for index, variable in enumerate(self.variables):
                variable.assign(store[str(index)])
            self.known = True
        else:
            self.reset()

    def reset(self) -> None:
        """Set the values to use when a checkpoint has no such state. The default keeps the current values."""


class RunState(StateApart):
    """The position of an optimizer in its run.

    `steps` has the optimizer's iterations less the batches done, and T, which is negative while a rate set by hand
    replaces the curve. The first two constants of the curve share a variable with that rate. Variables for further
    constants are added when a curve needs them, and never removed within a run: TensorFlow does not export a model
    whose optimizer lost a variable that its compiled step uses.

    Args:
        track: Called with each variable that is added later.

    Attributes:
        count: The number of constants of the curve.
    """

    count = FIRST

    def __init__(self, track: Callable[[keras.Variable], None]) -> None:
        self._track = track
        self.steps = _variable([0, 1], "int32", "run_first_iteration_and_total_steps", "only_first_replica")
        self.rates = _variable([0.0, 1.0, FOLLOW_THE_CURVE], "float32", "run_constants_and_set_rate")
        self.variables = [self.steps, self.rates]

    @property
    def room(self) -> int:
        """The number of constants that the variables have space for."""
        return FIRST + BLOCK * len(self.variables[2:])

    def make_room(self, count: int) -> bool:
        """Add variables until there is space for `count` constants; return whether any were added."""
        before = self.room
        while self.room < count:
            added = _variable([0.0] * BLOCK, "float32", f"run_constants_from_{self.room}")
            self.variables.append(added)
            self._track(added)
        return self.room > before

    def assign(self, constants: Sequence[float], set_rate: float | None = None) -> None:
        """Set the constants of the curve, at most `room` of them, and the rate set by hand; None: follow the curve."""
        padded = [*constants, *[0.0] * (self.room - len(constants))]
        self.rates.assign([*padded[:FIRST], FOLLOW_THE_CURVE if set_rate is None else set_rate])
        self._mark(is_set=set_rate is not None)
        for at, variable in enumerate(self.variables[2:]):
            variable.assign(padded[FIRST + BLOCK * at :][:BLOCK])

    def set_by_hand(self, rate: Any) -> None:
        """Replace the curve by `rate`, a number or a scalar tensor."""
        ops: Any = keras.ops
        first = ops.convert_to_tensor(self.rates)[:FIRST]
        self.rates.assign(ops.concatenate([first, ops.reshape(ops.cast(rate, "float32"), (1,))]))
        self._mark(is_set=True)

    def _mark(self, *, is_set: bool) -> None:
        ops: Any = keras.ops
        first, total = (ops.convert_to_tensor(self.steps)[at] for at in range(2))
        self.steps.assign(ops.stack([first, -ops.absolute(total) if is_set else ops.absolute(total)]))

    def elapsed(self, iterations: Any) -> Any:
        """Return the number of batches of this run that are done, an int32 scalar tensor."""
        if keras.config.backend() == "torch":  # an operation of Keras takes ten times as long
            steps: Any = self.steps.value
            return iterations.value - steps[0]
        ops: Any = keras.ops
        return ops.cast(iterations, "int32") - ops.convert_to_tensor(self.steps)[0]

    def set_elapsed(self, elapsed: Any, iterations: Any) -> None:
        """Set the number of batches of this run that are done, an int32 scalar tensor."""
        if keras.config.backend() == "torch":
            steps: Any = self.steps.value
            steps[0] = iterations.value - elapsed
            return
        ops: Any = keras.ops
        first = ops.cast(iterations, "int32") - elapsed
        self.steps.assign(ops.stack([first, ops.convert_to_tensor(self.steps)[1]]))

    @property
    def first(self) -> int:
        """The number of iterations that are no batches of this run."""
        return int(_host(self.steps)[0])

    @property
    def set_rate(self) -> float | None:
        """The rate set by hand, or None."""
        return float(_host(self.rates)[FIRST]) if _host(self.steps)[1] < 0 else None

    def constants(self) -> tuple[Any, ...]:
        """Return the constants of the curve, each a scalar tensor."""
        tensors: list[Any] = [keras.ops.convert_to_tensor(variable) for variable in self.variables[1:]]
        places = [(0, at) for at in range(FIRST)]
        places += [(1 + block, at) for block in range(len(tensors) - 1) for at in range(BLOCK)]
        return tuple(tensors[vector][at] for vector, at in places[: self.count])

    def load_own_variables(self, store: Any) -> None:
        """Load the state of a curve with any number of constants; a checkpoint of a plain optimizer has none."""
        saved = len(store.keys())
        if not saved:
            self.reset()
            return
        self.make_room(FIRST + BLOCK * (saved - 2))
        for index, variable in enumerate(self.variables[:saved]):
            variable.assign(store[str(index)])
        if _host(self.rates)[FIRST] >= 0.0:
            self._mark(is_set=True)  # in files of earlier versions T was positive beside a rate set by hand
        self.known = True


def _variable(value: list[float], dtype: str, name: str, aggregation: str = "none") -> keras.Variable:
    return keras.Variable(value, dtype=dtype, trainable=False, name=name, aggregation=aggregation)


def _host(variable: keras.Variable) -> Any:
    return keras.ops.convert_to_numpy(variable)


class GroupState(StateApart):
    """The number of updates of each layer group, which determines its bias correction."""

    def __init__(self, groups: int, updates_of_all: Callable[[], int]) -> None:
        self._groups, self._updates_of_all = groups, updates_of_all
        first = [updates_of_all()] * groups
        self.updates = keras.Variable(
            first, dtype="int32", trainable=False, name="group_updates", aggregation="only_first_replica"
        )
        self.variables = [self.updates]

    def reset(self) -> None:
        """Set the count of every group to that of the plain optimizer."""
        self.updates.assign([self._updates_of_all()] * self._groups)


class Applying:
    """Values of one application of gradients, evaluated once; not saved.

    Attributes:
        rate: The learning rate of this application, before the multipliers of groups; None between applications.
        is_traced: Whether gradients were ever applied, or their application was traced.
        updates: The number of applications since the training step began; 0 outside a training step.
        driver: The callback that binds the curve, or None.
        has_constant_run: Whether the state of the run is a constant of the compiled step.
        rate_of_step: The learning rate of these applications, if it is known in the training step.
        is_counted: Whether a training step is running that counts its batch at its end.
        is_recorded: Whether a metric reads the applied rate, by `take_applied`.
        group: The group whose variables are being updated, or None.
        group_rates: The learning rate of each group.
        group_updates: The number of updates of each group.
    """

    rate: Any = None
    is_traced = False
    updates = 0
    driver: Any = None
    has_constant_run = False
    rate_of_step: Any = None
    is_counted = False
    is_recorded = False
    group: int | None = None
    group_rates: Sequence[Any] = ()
    group_updates: Sequence[Any] = ()
    _applied: Any = None
    _in_step = False

    def begin_step(self, is_counted: bool) -> None:
        """Note that a training step begins: all applications until `end_step` are updates for one batch."""
        self._in_step, self.is_counted, self.updates, self.rate_of_step = True, is_counted, 0, None

    def end_step(self) -> None:
        """Note that the training step is over."""
        self._in_step, self.is_counted, self.updates, self.rate_of_step = False, False, 0, None

    def check_settable(self, name: str) -> None:
        """Raise InputError if a rate that is set now would not reach the compiled step."""
        if self.has_constant_run:
            raise InputError(
                f"The learning rate of {name!r} must be a variable of the compiled step to be set in a run. Received: "
                "a step with the optimizer's variables as listed before `fit`. "
                "Read `optimizer.variables` within `train_step`."
            )

    @property
    def in_step(self) -> bool:
        """Whether a training step is running, or is being traced."""
        return self._in_step

    def begin(self, rate: Any) -> None:
        """Note that gradients are applied at `rate`, until `end`."""
        self.rate, self.is_traced = rate, True
        self.record(rate)

    def end(self) -> None:
        """Note that the gradients are applied."""
        if self._in_step:
            self.updates += 1
            if self.rate_of_step is None:
                self.rate_of_step = self.rate
        self.rate = None

    def record(self, rate: Any) -> None:
        """Store the applied rate, as a float32 tensor, until the metric reads it."""
        if self.is_recorded:
            self._applied = keras.ops.cast(rate, "float32")

    def record_unless_skipped(self, is_applied: Any) -> None:
        """Set the recorded rate to 0 if `is_applied`, a boolean scalar, is false."""
        if self._applied is not None:
            self._applied = keras.ops.where(is_applied, self._applied, 0.0)

    def take_applied(self) -> Any:
        """Return the recorded rate and clear it, because it is a tensor of one training step; 0.0 if there is none."""
        applied, self._applied = self._applied, None
        return 0.0 if applied is None else applied
