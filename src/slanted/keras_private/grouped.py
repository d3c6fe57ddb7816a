"""An optimizer with a learning rate, an update counter and a gate for every layer group."""

from collections.abc import Iterator, Sequence
from typing import Any

import keras

from slanted.keras_private.group_membership import Grouping
from slanted.keras_private.optimizer_state import GroupState, StateApart
from slanted.keras_private.scheduled import ScheduledOptimizer
from slanted.keras_private.training_step import once_there_is_data

ops: Any = keras.ops


class GroupedOptimizer(ScheduledOptimizer):
    """Mixin for an optimizer class: layer groups, each with its own learning rate, update counter and gate.

    Keras's update and weight decay run group by group, and `learning_rate` and `iterations` are meanwhile those of the
    group. Keras updates, decays and clips no variables of closed groups.
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
        """Create the optimizer variables, and match each model variable to its group."""
        if not self.built:
            self._grouping.align(variables)
            super().build(variables)  # type: ignore[misc]
            self._open_only(self._grouping.is_open)

    def apply(self: Any, grads: Any, trainable_variables: Any = None) -> None:
        """Update the variables of the open groups, and count the update for each of these groups."""
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
        # Keras warns of variables without a gradient, and variables of closed groups have none.
        chosen = [(grad, v) for grad, v in zip(grads, variables, strict=True) if self._is_open(v)]
        return super()._filter_empty_gradients([g for g, _ in chosen], [v for _, v in chosen])  # type: ignore[misc]

    def _is_open(self: Any, variable: Any) -> bool:
        return self._grouping.is_open[self._group_of(variable)]

    def _group_of(self: Any, variable: Any) -> int:
        return self._grouping.members[self._get_variable_index(variable)].group

    def _backend_apply_gradients(self: Any, grads: Any, trainable_variables: Any) -> None:
        with self.rate_of_this_batch():
            # Replicas of a tf.distribute strategy take turns within an update: another one may be in a group already.
            rate, updates = super()._get_current_learning_rate(), ops.convert_to_tensor(self._group_state.updates)
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
        """Yield the indices of the variables of each group, with that group as the current one."""
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
        """The number of updates of the optimizer; during the update of a group, the number of updates of that group."""
        if self._applying.group is None:
            return super().iterations  # type: ignore[misc]
        return self._applying.group_updates[self._applying.group]

    def _use_weight_decay(self: Any, variable: Any) -> bool:
        decays = self._grouping.members[self._get_variable_index(variable)].decays
        return decays and super()._use_weight_decay(variable)  # type: ignore[misc]

    def _update_model_variables_moving_average(self: Any, trainable_variables: Any) -> None:
        super()._update_model_variables_moving_average(trainable_variables)  # type: ignore[misc]
        # The average of a constant is that constant; computed, it would drift by rounding.
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
        """Return whether weight decay, if the optimizer has any, applies to `variable`."""
        return self._use_weight_decay(variable)

    def of_open_groups(self: Any, per_variable: Sequence[Any]) -> list[Any]:
        """Return the items of `per_variable`, one for each variable, whose groups are open."""
        members = self._grouping.members
        return [item for item, m in zip(per_variable, members, strict=True) if self._grouping.is_open[m.group]]
