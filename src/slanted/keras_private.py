"""All that slanted needs of Keras beyond its public names, in one file.

Each private name used here has a test in tests/test_keras_private.py that fails when Keras changes it.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from types import MethodType
from typing import Any, ClassVar

import keras
from keras.src.backend.common import global_state
from keras.src.backend.common.variables import AutocastScope
from keras.src.random import seed_generator
from keras.src.saving.keras_saveable import KerasSaveable
from keras.src.trainers.epoch_iterator import EpochIterator

from slanted.errors import InputError
from slanted.membership import Grouping
from slanted.schedules import Curve

ops: Any = keras.ops
_FOLLOW_THE_CURVE = -1.0
_adopted: dict[tuple[type, type], type] = {}


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
        self.rates = variable([0.0, 1.0, _FOLLOW_THE_CURVE], "float32", "run_knots_and_set_rate")
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


@keras.saving.register_keras_serializable(package="slanted")
class ScheduledOptimizer:
    """Mixed into an optimizer's class: its rate is a curve over a run, evaluated in the compiled step.

    `adopt` turns an optimizer, built or not, into one in place.
    """

    plain_class: ClassVar[type]

    @classmethod
    def adopt(cls, optimizer: Any) -> Any:
        """Give `optimizer` the class that follows curves, keeping its variables, and return it.

        Raises:
            InputError: It is a `MultiOptimizer`, whose parts have rates of their own.
        """
        if isinstance(optimizer, cls):
            return optimizer
        if isinstance(optimizer, keras.optimizers.MultiOptimizer):
            raise InputError(
                "A curve drives one optimizer for the whole model. Received: MultiOptimizer. "
                "For a rate per layer group use `slanted.LayerwiseOptimizer`."
            )
        scheduled = isinstance(optimizer, ScheduledOptimizer)
        optimizer.__class__ = cls._mixed_with(optimizer.plain_class if scheduled else type(optimizer))
        if not scheduled:
            optimizer._add_run_state()
        return optimizer

    @classmethod
    def _mixed_with(cls, plain_class: type) -> type:
        return _mixed(cls, plain_class)

    def _add_run_state(self: Any) -> None:
        self._curve = None
        self._rate_was_set = False
        self._applying = Applying()
        self._run = RunState()
        self._track_apart(self._run)

    def _track_apart(self: Any, state: StateApart) -> None:
        self._tracker.unlock()
        for variable in state.variables:
            self._track_variable(variable)

    def _states_apart(self: Any) -> list[StateApart]:
        return [self._run]

    @property
    def curve(self: Any) -> Curve | None:
        """The curve the rate follows, or None."""
        return self._curve

    def follow(self: Any, curve: Curve) -> bool:
        """Follow `curve` from now on; return whether a step compiled before is no longer right."""
        same = self._curve is not None and _shape_of(self._curve) == _shape_of(curve)
        self._curve = curve
        return not same

    def begin_run(self: Any, total_steps: int, elapsed: int | None) -> None:
        """Say that a run of `total_steps` batches stands at `elapsed`; None: where the restored state says."""
        first = self._run_first() if elapsed is None else self.batches_seen - elapsed
        self._run.steps.assign([first, total_steps])
        keep_set_rate = elapsed is None or self._rate_was_set
        rate = float(self._run.rates.numpy()[2]) if keep_set_rate else _FOLLOW_THE_CURVE
        self._run.rates.assign([*self._curve.knots(total_steps), rate])
        self._run.known = True

    def await_run(self: Any) -> None:
        """Forget that the rate was set by hand, which concerned the run before the one that is about to begin."""
        self._rate_was_set = False

    def _run_first(self: Any) -> int:
        return int(self._run.steps.numpy()[0])

    @property
    def batches_seen(self: Any) -> int:
        """How many batches this optimizer has been applied to, micro-batches of an accumulation included."""
        return int(ops.convert_to_numpy(self._iterations))

    @property
    def elapsed(self: Any) -> int:
        """How many batches of the run have been trained, by the restored or running state."""
        return self.batches_seen - self._run_first()

    def apply(self: Any, grads: Any, trainable_variables: Any = None) -> None:
        """Update the variables, and count the batch."""
        with once_there_is_data(grads):
            super().apply(grads, trainable_variables)  # type: ignore[misc]

    def _backend_apply_gradients(self: Any, grads: Any, trainable_variables: Any) -> None:
        # Keras asks for the rate once a variable, and the curve is a score of operations.
        self._applying.rate = self._get_current_learning_rate()
        try:
            super()._backend_apply_gradients(grads, trainable_variables)  # type: ignore[misc]
        finally:
            self._applying.rate = None

    def _get_current_learning_rate(self: Any) -> Any:
        if self._applying.rate is not None:
            return self._applying.rate
        if self._curve is None:
            return super()._get_current_learning_rate()  # type: ignore[misc]
        if not self._run.known:
            self._curve.run_length()  # raises: made from a config, and no run has begun
        steps, rates = ops.convert_to_tensor(self._run.steps), ops.convert_to_tensor(self._run.rates)
        elapsed = ops.cast(self._iterations, "int32") - steps[0]
        followed = self._curve.on_device(elapsed, steps[1], (rates[0], rates[1]))
        return ops.where(rates[2] < 0.0, followed, rates[2])

    @property
    def learning_rate(self: Any) -> Any:
        """The rate of the next batch; a number set here replaces the curve for the rest of the run."""
        return self._get_current_learning_rate()

    @learning_rate.setter
    def learning_rate(self: Any, learning_rate: Any) -> None:
        if callable(learning_rate):
            self._curve = None
        if self._curve is None:
            self.plain_class.learning_rate.fset(self, learning_rate)
        if not callable(learning_rate):
            knots = ops.convert_to_tensor(self._run.rates)[:2]
            rate = ops.reshape(ops.cast(learning_rate, "float32"), (1,))
            self._run.rates.assign(ops.concatenate([knots, rate]))
            self._rate_was_set = True

    def plain_config(self: Any) -> dict[str, Any]:
        """Return the serialised optimizer without a curve."""
        plain: Any = self.plain_class
        written: Any = keras.saving.serialize_keras_object(plain.from_config(plain.get_config(self)))
        return written

    def get_config(self: Any) -> dict[str, Any]:
        """Return the plain optimizer's and the curve's configurations."""
        curve = None if self._curve is None else keras.saving.serialize_keras_object(self._curve)
        return {"optimizer": self.plain_config(), "curve": curve}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Any:
        """Make the optimizer again, following its curve; without `total_steps` a run must begin or be loaded first."""
        made = keras.saving.deserialize_keras_object(config["optimizer"], custom_objects=custom_objects)
        optimizer = ScheduledOptimizer.adopt(made)
        if config["curve"] is not None:
            curve = keras.saving.deserialize_keras_object(config["curve"], custom_objects=custom_objects)
            optimizer.follow(curve)
            if curve.total_steps is not None:
                optimizer.begin_run(curve.total_steps, 0)
        return optimizer

    def save_own_variables(self: Any, store: Any) -> None:
        """Write the variables of the plain optimizer, in its order; the run's state writes itself."""
        for index, variable in enumerate(self._plain_variables()):
            value = self.learning_rate if variable is self._learning_rate and self._run.known else variable
            store[str(index)] = ops.convert_to_numpy(value)

    def load_own_variables(self: Any, store: Any) -> None:
        """Read what `save_own_variables` or the plain optimizer wrote."""
        with self.with_plain_variables():
            self.plain_class.load_own_variables(self, store)

    @contextmanager
    def with_plain_variables(self: Any) -> Iterator[None]:
        """Have `variables` list those of the plain optimizer alone for a while.

        Past `__setattr__`, which would put a copy in place of the very list that Keras appends new variables to.
        """
        attributes = vars(self)
        tracked = attributes["_variables"]
        attributes["_variables"] = self._plain_variables()
        try:
            yield
        finally:
            attributes["_variables"] = tracked

    def _plain_variables(self: Any) -> list[Any]:
        state = {id(variable) for apart in self._states_apart() for variable in apart.variables}
        return [variable for variable in self._variables if id(variable) not in state]


class GroupedOptimizer(ScheduledOptimizer):
    """Mixed into an optimizer's class: layer groups, each with a rate, an update counter and a gate of its own.

    Keras's update, weight decay and clipping run group by group; what they ask the optimizer for, its rate and its
    iterations, are then the group's. Variables of closed groups never reach them.
    """

    def _set_grouping(self: Any, grouping: Grouping) -> None:
        self._grouping = grouping
        if self.built:
            grouping.align(self._trainable_variables)
        self._group_state = GroupState(len(grouping.names), self._updates_of_all)
        self._track_apart(self._group_state)

    def _states_apart(self: Any) -> list[StateApart]:
        return [self._run, self._group_state]

    def _updates_of_all(self: Any) -> int:
        return self.batches_seen // (self.gradient_accumulation_steps or 1)

    def build(self: Any, variables: Any) -> None:
        """Create the optimizer's variables, and find the group of each of the model's."""
        if not self.built:
            self._grouping.align(variables)
            super().build(variables)  # type: ignore[misc]
            self._open_only(self._grouping.is_open)

    def apply(self: Any, grads: Any, trainable_variables: Any = None) -> None:
        """Update the variables of the open groups, and count it for each of these groups."""
        updates = self._updates_at_this_batch()
        super().apply(grads, trainable_variables)  # type: ignore[misc]
        gates = ops.convert_to_tensor([int(is_open) for is_open in self._grouping.is_open], dtype="int32")
        with once_there_is_data(grads):
            self._group_state.updates.assign_add(gates * updates)

    def _updates_at_this_batch(self: Any) -> Any:
        if not self.gradient_accumulation_steps:
            return 1
        return ops.cast((self._iterations + 1) % self.gradient_accumulation_steps == 0, "int32")

    def _filter_empty_gradients(self: Any, grads: Any, variables: Any) -> Any:
        # Keras warns of variables without a gradient, which closed ones are to be.
        chosen = [(grad, v) for grad, v in zip(grads, variables, strict=True) if self._is_open(v)]
        return super()._filter_empty_gradients([g for g, _ in chosen], [v for _, v in chosen])  # type: ignore[misc]

    def _is_open(self: Any, variable: Any) -> bool:
        return self._grouping.is_open[self._group_of(variable)]

    def _group_of(self: Any, variable: Any) -> int:
        return self._grouping.members[self._get_variable_index(variable)].group

    def _backend_apply_gradients(self: Any, grads: Any, trainable_variables: Any) -> None:
        rate, updates = self._get_current_learning_rate(), ops.convert_to_tensor(self._group_state.updates)
        scales = self._grouping.scales
        self._applying.group_rates = [rate if scale == 1.0 else rate * scale for scale in scales]
        self._applying.group_updates = [updates[group] for group in range(len(scales))]
        super()._backend_apply_gradients(grads, trainable_variables)
        self._applying.group_rates = self._applying.group_updates = ()

    def _backend_update_step(self: Any, grads: Any, trainable_variables: Any, learning_rate: Any) -> None:
        for chosen in self._group_by_group(trainable_variables):
            variables = [trainable_variables[index] for index in chosen]
            super()._backend_update_step(  # type: ignore[misc]
                [grads[index] for index in chosen], variables, self._get_current_learning_rate()
            )

    def _apply_weight_decay(self: Any, variables: Any) -> None:
        decaying = [variable for variable in variables if self._use_weight_decay(variable)]
        for chosen in self._group_by_group(decaying):
            super()._apply_weight_decay([decaying[index] for index in chosen])  # type: ignore[misc]

    def _group_by_group(self: Any, variables: Sequence[Any]) -> Iterator[list[int]]:
        """Give the positions of each group's variables, while the optimizer is at that group."""
        groups = [self._group_of(variable) for variable in variables]
        try:
            for group in sorted(set(groups)):
                self._applying.group = group
                yield [index for index, its_group in enumerate(groups) if its_group == group]
        finally:
            self._applying.group = None

    def _get_current_learning_rate(self: Any) -> Any:
        if self._applying.group is None:
            return super()._get_current_learning_rate()
        return self._applying.group_rates[self._applying.group]

    @property
    def iterations(self: Any) -> Any:
        """How many updates the optimizer has made; while it is at a group, how many the group has had."""
        if self._applying.group is None:
            return super().iterations  # type: ignore[misc]
        return self._applying.group_updates[self._applying.group]

    def _use_weight_decay(self: Any, variable: Any) -> bool:
        decays = self._grouping.members[self._get_variable_index(variable)].decays
        return decays and super()._use_weight_decay(variable)  # type: ignore[misc]

    def _update_model_variables_moving_average(self: Any, trainable_variables: Any) -> None:
        super()._update_model_variables_moving_average(trainable_variables)  # type: ignore[misc]
        # The average of what does not move is the thing itself, to the last bit: rounding would carry it away.
        if self.use_ema:
            for variable, average in zip(trainable_variables, self._model_variables_moving_average, strict=True):
                if not self._is_open(variable):
                    average.assign(variable)

    def _open_only(self: Any, is_open: Sequence[bool]) -> None:
        closing = [was and not now for was, now in zip(self._grouping.is_open, is_open, strict=True)]
        self._grouping.is_open = list(is_open)
        for index, variable in enumerate(self._trainable_variables):
            group = self._group_of(variable)
            if keras.config.backend() == "torch":
                variable.value.requires_grad_(is_open[group])  # autograd then stops below the lowest open group
            if closing[group] and self.gradient_accumulation_steps:
                accumulator = self._accumulated_gradients[index]
                accumulator.assign(ops.zeros(accumulator.shape, dtype=accumulator.dtype))

    def decays(self: Any, variable: Any) -> bool:
        """Return whether weight decay, where the optimizer has any, applies to `variable`."""
        return self._use_weight_decay(variable)

    def of_open_groups(self: Any, per_variable: Sequence[Any]) -> list[Any]:
        """Return the items of a list, one a variable, whose groups are open."""
        members = self._grouping.members
        return [item for item, m in zip(per_variable, members, strict=True) if self._grouping.is_open[m.group]]


@keras.saving.register_keras_serializable(package="slanted")
class ScaledOptimizer:
    """Mixed into the class of a loss-scaling optimizer whose inner one is scheduled.

    That optimizer saves its inner one's variables among its own. Without those of the run their number is what Keras
    expects of the plain one.
    """

    plain_class: ClassVar[type]

    @classmethod
    def adopt(cls, optimizer: Any) -> None:
        """Give `optimizer` the class that saves the plain number of variables."""
        if not isinstance(optimizer, cls):
            optimizer.__class__ = _mixed(cls, type(optimizer))

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Any:
        """Make the optimizer again."""
        optimizer = keras.optimizers.LossScaleOptimizer.from_config(config, custom_objects)
        ScaledOptimizer.adopt(optimizer)
        return optimizer

    def get_config(self: Any) -> dict[str, Any]:
        """Return the plain optimizer's configuration."""
        return self.plain_class.get_config(self)

    def check_finite(self: Any, grads: Any) -> Any:
        """Return whether the gradients are finite, those of closed groups aside, which then are never computed."""
        inner = self.inner_optimizer
        chosen = inner.of_open_groups(grads) if isinstance(inner, GroupedOptimizer) else grads
        return super().check_finite(chosen)  # type: ignore[misc]

    def save_own_variables(self: Any, store: Any) -> None:
        """Write the variables of the plain optimizer, in its order."""
        with self.inner_optimizer.with_plain_variables():
            self.plain_class.save_own_variables(self, store)

    def load_own_variables(self: Any, store: Any) -> None:
        """Read what `save_own_variables` or the plain optimizer wrote."""
        with self.inner_optimizer.with_plain_variables():
            self.plain_class.load_own_variables(self, store)


def scheduled(optimizer: Any) -> Any:
    """Make a model's optimizer follow curves, in place, and return the part that does: what loss scaling wraps."""
    followed = ScheduledOptimizer.adopt(innermost(optimizer))
    if followed is not optimizer:
        ScaledOptimizer.adopt(optimizer)
    return followed


def _mixed(base: type, plain_class: type) -> type:
    """Return the class of `base` over `plain_class`.

    Keras writes it under the name of `base`, whose `from_config` makes the right class again. A mixed class stands
    for its own base, as when `type(optimizer).from_config` is called.
    """
    base = getattr(base, "mixed_in", base)
    if (base, plain_class) not in _adopted:
        mixed = type(plain_class.__name__, (base, plain_class), {"plain_class": plain_class, "mixed_in": base})
        register = keras.saving.register_keras_serializable(package="slanted", name=base.__name__)
        register(mixed)
        register(base)
        _adopted[base, plain_class] = mixed
    return _adopted[base, plain_class]


def _shape_of(curve: Curve) -> tuple[type, dict[str, Any]]:
    """Return what the compiled step holds as constants; the run's length is a variable."""
    return type(curve), {name: value for name, value in curve.get_config().items() if name != "total_steps"}


def once_there_is_data(grads: Any) -> AbstractContextManager[None]:
    """Return a context whose operations wait for a gradient.

    TensorFlow's step is started once more when a dataset of unknown length has run out. It stops for want of a batch,
    but what needs none is done all the same: Keras counts 21 iterations in three epochs of six batches.
    """
    if keras.config.backend() != "tensorflow":
        return nullcontext()
    import tensorflow

    return tensorflow.control_dependencies([gradient for gradient in grads if gradient is not None][-1:])


def innermost(optimizer: Any) -> Any:
    """Return the optimizer that loss scaling wraps, or `optimizer` itself."""
    return getattr(optimizer, "inner_optimizer", optimizer)


def forget_compiled_step(model: Any) -> None:
    """Have `fit` compile the training step anew, also when it has begun."""
    model.make_train_function(force=True)


@contextmanager
def epochs_as_long_as_their_data() -> Iterator[None]:
    """Have `fit` ask its data at each epoch how many batches there are; Keras asks once, before the first."""
    enumerate_once: Any = EpochIterator._enumerate_iterator

    def enumerate_anew(self: Any) -> Any:
        self._num_batches = self.data_adapter.num_batches
        return enumerate_once(self)

    patched: Any = EpochIterator
    patched._enumerate_iterator = enumerate_anew
    try:
        yield
    finally:
        patched._enumerate_iterator = enumerate_once


def forget_restored_epoch(model: Any) -> None:
    """Clear the epoch that BackupAndRestore leaves behind, from which a later `fit` would start."""
    model._initial_epoch = None


def sublayers(layer: Any) -> list[Any]:
    """Return the layers that `layer` holds directly, in the order of its graph, else of their creation."""
    return layer._flatten_layers(include_self=False, recursive=False)


def own_attributes(layer: Any) -> list[Any]:
    """Return what was assigned to attributes of `layer`, without Keras's own list of its sublayers."""
    return [value for name, value in vars(layer).items() if name != "_layers"]


def own_variables(layer: Any) -> list[Any]:
    """Return the variables that `layer` holds itself, without its sublayers'."""
    return [*layer._trainable_variables, *layer._non_trainable_variables]


def keeps_statistics(layer: Any) -> bool:
    """Return whether `layer` may update variables of its own as it is called in training."""
    return bool(layer._non_trainable_variables) and layer._call_has_training_arg


def hold_statistics(layer: Any, hold: bool) -> None:
    """Run `layer` as in inference, whatever it is told, or again as it is told.

    Not by `layer.trainable`: a model saved meanwhile would keep that, and JAX's trainer sorts its state by it.
    """
    vars(layer).pop("call", None)
    if hold:
        as_told = layer.call

        def call(*args: Any, training: Any = None, **kwargs: Any) -> Any:
            return as_told(*args, training=False, **kwargs)

        vars(layer)["call"] = call


def weights_as_they_are() -> AbstractContextManager[None]:
    """Return a context in which variables are read in their own type, not in that of a layer's computation."""
    return AutocastScope(None)


def producer(tensor: Any) -> Any:
    """Return the layer whose output a symbolic tensor is."""
    return tensor._keras_history.operation


def all_layers(layer: Any) -> list[Any]:
    """Return every layer within `layer`, at any depth, and itself."""
    return list(layer._flatten_layers())


def parts_of_a_block(layer: Any) -> tuple[list[Any], list[Any], list[Any], Any]:
    """Return what a KerasHub TransformerEncoder is made of.

    Returns:
        The dense layers of attention (query, key, value, output), those of the feed-forward part (inner, outer), the
        normalisations after each of the two, and the last dropout layer.
    """
    attention = layer._self_attention_layer
    return (
        [attention.query_dense, attention.key_dense, attention.value_dense, attention.output_dense],
        [layer._feedforward_intermediate_dense, layer._feedforward_output_dense],
        [layer._self_attention_layer_norm, layer._feedforward_layer_norm],
        layer._feedforward_dropout,
    )


def moments(optimizer: Any, variable: Any) -> tuple[Any, Any]:
    """Return Adam's two moving averages of a variable."""
    index = optimizer._get_variable_index(variable)
    return optimizer._momentums[index], optimizer._velocities[index]


def replace_step(optimizer: Any, name: str, function: Callable[..., Any]) -> None:
    """Have one optimizer call `function(optimizer, ...)` for its method `name`; other optimizers are as they were."""
    vars(optimizer)[name] = MethodType(function, optimizer)


def clipped(optimizer: Any, grads: list[Any]) -> list[Any]:
    """Return gradients clipped as Keras does, whatever stands in the place of its method."""
    return type(optimizer)._clip_gradients(optimizer, grads)


STEP_OF_A_VARIABLE, STEP_OF_A_LIST, CLIPPING = "update_step", "_parallel_update_step", "_clip_gradients"


def global_seed_generator() -> Any:
    """Return the generator that Keras's random functions draw from without a seed, or None before the first of them."""
    return global_state.get_global_attribute(seed_generator.GLOBAL_SEED_GENERATOR)


def make_global_seed_generator() -> Any:
    """Have Keras make that generator now, and return it."""
    return seed_generator.global_seed_generator()


def forget_global_seed_generator() -> None:
    """Have Keras make that generator anew when it is next needed."""
    global_state.set_global_attribute(seed_generator.GLOBAL_SEED_GENERATOR, None)
