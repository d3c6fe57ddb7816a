"""`slanted.plan`: from a model and a recipe to the plan of a run.

Keras is imported when a plan is made, not with this module.
"""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from slanted.common.argument_checks import positive, whole
from slanted.errors import InputError
from slanted.preview.plan import DatasetSize, Plan, PlannedGroup, PlannedStage, group_rates
from slanted.preview.plan_warnings import warnings_of
from slanted.recipe.named import recipe_named
from slanted.recipe.recipe import Recipe

if TYPE_CHECKING:
    from slanted.curves.curve import Curve


def plan(
    model: Any,
    recipe: Recipe | str,
    total_steps: int,
    *,
    lr_max: float | None = None,
    steps_per_epoch: int | None = None,
    batch: Any = None,
    examples: int | None = None,
    batch_size: int | None = None,
    gradient_accumulation: int = 1,
) -> Plan:
    """Say what a run would do, without training a step.

    Args:
        model: A built Keras model.
        recipe: A `slanted.Recipe`, or a recipe's name.
        total_steps: T, the batches of the run.
        lr_max: The curve's peak; None: the recipe's, else by the `hidden_dim` of the model.
        steps_per_epoch: Batches an epoch; None: total_steps over the recipe's epochs.
        batch: The inputs of a batch as `fit` gets them: their shapes give the cost. None: of one example of
            `model.input`, where that has a fixed shape; else the cost is left out.
        examples: How many examples an epoch has; None: not checked.
        batch_size: How many a batch has; None: not checked.
        gradient_accumulation: Batches an optimizer step.

    Raises:
        InputError: The peak is not known, or the recipe does not fit the model's groups.

    >>> import keras, slanted
    >>> low, top = keras.layers.Dense(3, name="low"), keras.layers.Dense(2, name="top")
    >>> model = keras.Sequential([keras.Input((4,)), low, top])
    >>> planned = slanted.plan(model, slanted.Recipe(lr_max=1.0, layer_decay=0.5), total_steps=100)
    >>> [(group.name, group.peak_rate) for group in planned.groups]
    [('low', 0.5), ('top', 1.0)]
    """
    recipe = recipe if isinstance(recipe, Recipe) else recipe_named(recipe)
    total_steps = whole("total_steps", total_steps)
    peak = positive("lr_max", lr_max) if lr_max is not None else recipe.peak_rate(_hidden_size(model, recipe))
    an_epoch = steps_per_epoch or -(-total_steps // recipe.epochs)
    size = DatasetSize(examples, batch_size, gradient_accumulation)
    return plan_along(recipe.make_curve(peak, total_steps), model, recipe, an_epoch, batch, size)


def plan_along(curve: "Curve", model: Any, recipe: Recipe, steps_per_epoch: int, batch: Any, size: DatasetSize) -> Plan:
    """Return the plan of a run along a curve that knows its length.

    Args:
        curve: The rate over the whole run; has `total_steps`.
        model: A built Keras model.
        recipe: The recipe.
        steps_per_epoch: Batches an epoch.
        batch: As for `plan`.
        size: The size of the data set, as far as it is known.
    """
    from slanted.layerwise.layer_groups import layer_groups
    from slanted.preview.flops import group_flops

    total_steps, groups, scheduled = curve.run_length(), layer_groups(model), curve.simulate()
    multipliers = recipe.group_multipliers([group.name for group in groups])
    stages = _stages(recipe, list(multipliers), total_steps, steps_per_epoch, group_flops(model, groups, batch))
    planned = tuple(_planned(group, multipliers[group.name], scheduled, stages, recipe) for group in groups)
    made = Plan(recipe, curve.lr_max, total_steps, steps_per_epoch, planned, stages, (), curve)
    return replace(made, warnings=tuple(warnings_of(made, size)))


def _hidden_size(model: Any, recipe: Recipe) -> int:
    """Return the model's `hidden_dim`, or that of the first part which has one; without need of it 0."""
    if recipe.lr_max is not None:
        return 0
    from slanted.keras_private.layers_and_trainers import sublayers

    waiting = [model]
    while waiting:
        layer = waiting.pop(0)
        if isinstance(getattr(layer, "hidden_dim", None), int):
            return layer.hidden_dim
        waiting += sublayers(layer)
    raise InputError(
        f"A peak rate must be given where the model does not say its hidden size. Received: model {model.name!r}, "
        "lr_max=None. Pass `lr_max`."
    )


def _stages(recipe: Recipe, names: list[str], total_steps: int, an_epoch: int, flops: Any) -> tuple[PlannedStage, ...]:
    timetable: list[tuple[int, tuple[str, ...]]] = [(0, tuple(names))]
    for callback in recipe.make_callbacks():
        unit = an_epoch if callback.every == "epoch" else 1
        timetable = [(start * unit, open_groups) for start, open_groups in callback.timetable(names)]
    within = [stage for stage in timetable if stage[0] < total_steps]
    ends = [start for start, _ in within[1:]] + [total_steps]
    made = []
    for (start, open_groups), end in zip(within, ends, strict=True):
        cost = share = None
        if flops is not None:
            cost = flops.of_step([name in open_groups for name in names])
            share = cost / flops.full_step if flops.full_step else None
        made.append(PlannedStage(start, end - start, open_groups, cost, share))
    return tuple(made)


def _planned(group: Any, multiplier: float, scheduled: np.ndarray, stages: Any, recipe: Recipe) -> PlannedGroup:
    opens_at = next((stage.first_step for stage in stages if group.name in stage.open_groups), None)
    return PlannedGroup(
        name=group.name,
        depth=group.depth,
        variables=len(group.variables),
        parameters=group.parameters,
        multiplier=multiplier,
        peak_rate=float(group_rates(scheduled, multiplier, group.name, stages).max()),
        decayed=sum(not recipe.leaves_out(variable) for variable in group.variables) if recipe.weight_decay else 0,
        opens_at=opens_at,
    )
