"""A copy of an optimizer, with its own variables, for the same model."""

from types import MethodType
from typing import Any

import keras
from keras.src.optimizers.base_optimizer import BaseOptimizer
from keras.src.utils.tracking import Tracker

from slanted.keras_private.group_membership import Grouping
from slanted.keras_private.optimizer_state import Applying, StateApart
from slanted.keras_private.plain_optimizer import RateVariable
from slanted.keras_private.scheduled import ScheduledOptimizer

_WITH_STATE = (BaseOptimizer, keras.optimizers.OptimizerMap, StateApart, Applying, Grouping, Tracker)


def copy_of(optimizer: Any) -> Any:
    """Return a copy of an optimizer, built or not, that trains the same variables of the model.

    A copy made from the configuration would lose `exclude_from_weight_decay` and the variables' order, and needs a
    complete configuration. Learning-rate schedules and other objects that have no state are shared.
    """
    copies: dict[int, Any] = {}
    made = _copied(optimizer, copies)
    for tracker in [copy for copy in copies.values() if isinstance(copy, Tracker)]:
        tracker.stored_ids = {name: {id(each) for each in store} for name, (_, store) in tracker.config.items()}
    for copy in copies.values():
        if isinstance(copy, ScheduledOptimizer):
            vars(copy)["_rate_variable"] = RateVariable(copy)
    return made


def _copied(value: Any, copies: dict[int, Any]) -> Any:
    if id(value) in copies:
        return copies[id(value)]
    if isinstance(value, _WITH_STATE):
        copies[id(value)] = made = object.__new__(type(value))
        own = vars(value).get("_variables", []) if isinstance(value, BaseOptimizer) else []
        copies.update({id(variable): _variable_as(variable) for variable in own})
        vars(made).update({name: _copied(part, copies) for name, part in vars(value).items()})
    elif isinstance(value, list):
        copies[id(value)] = made = []  # before its items: Keras appends to this list of the tracker
        made.extend(_copied(item, copies) for item in value)
    elif isinstance(value, dict):
        made = {key: _copied(item, copies) for key, item in value.items()}
    elif type(value) in (tuple, set):
        made = type(value)(_copied(item, copies) for item in value)
    elif isinstance(value, MethodType):
        made = MethodType(value.__func__, _copied(value.__self__, copies))
    else:
        made = value
    return made


def _variable_as(variable: Any) -> Any:
    settings = {"trainable": variable.trainable, "aggregation": variable.aggregation, "name": variable.name}
    layout = getattr(variable, "_layout", None)
    return keras.Variable(keras.ops.copy(variable.value), dtype=variable.dtype, layout=layout, **settings)
