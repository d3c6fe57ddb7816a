"""`slanted.plan`: the plan of a run, from a model and a recipe.

Keras is imported when a plan is made, not with this module.
"""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from slanted.common.argument_checks import positive, whole
from slanted.common.python_words import in_python
from slanted.common.setting_fields import setting_fields
from slanted.errors import InputError
from slanted.preview.plan import DatasetSize, Plan, PlannedGroup, PlannedStage, group_rates
from slanted.preview.plan_warnings import warnings_of
from slanted.recipe.named import recipe_named
from slanted.recipe.recipe import Recipe

if TYPE_CHECKING:
    from slanted.curves.curve import Curve


def plan(  # noqa: PLR0913 - public: each option by its name
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
    """Plan a run without training a step: learning rates, stages, costs and warnings.

    Args:
        model: A built Keras model.
        recipe: A `slanted.Recipe`, or the name of a recipe.
        total_steps: T, the number of batches of the run.
        lr_max: The peak learning rate; None: that of the recipe, or from the `hidden_dim` of the model.
        steps_per_epoch: Batches per epoch; None: total_steps divided by the epochs of the recipe.
        batch: The inputs of a batch as passed to `fit`, whose shapes determine the cost of a step; None: one example of
            `model.input`. Without a fixed shape the plan has no costs.
        examples: Examples per epoch; None: not checked.
        batch_size: Examples per batch; None: not checked.
        gradient_accumulation: Batches per optimizer step.

    Returns:
        A `slanted.Plan`: `print(plan)` shows a table, `plan.plot()` the learning rates, `plan.warnings` what to mend.

    Raises:
        InputError: The peak is unknown, or the recipe names groups that the model does not have.

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
    an_epoch = steps_per_epoch or -(-total_steps // recipe.least_epochs)
    size = DatasetSize(examples, batch_size, gradient_accumulation)
    planned = plan_along(recipe.make_curve(peak, total_steps), model, recipe, an_epoch, batch, size)
    settings = {setting.name: () for setting in setting_fields(Recipe)}
    return replace(planned, warnings=tuple(in_python(warning, settings) for warning in planned.warnings))


def plan_along(curve: "Curve", model: Any, recipe: Recipe, steps_per_epoch: int, batch: Any, size: DatasetSize) -> Plan:
    """Return the plan of a run with a curve that has `total_steps`.

    Args:
        curve: The learning rate over the run.
        model: A built Keras model.
        recipe: The recipe.
        steps_per_epoch: Batches per epoch.
        batch: The argument of `plan`.
        size: The size of the data set, as far as it is known.
    """
    from slanted.layerwise.layer_groups import layer_groups
    from slanted.preview.flops import group_flops

    total_steps, groups, scheduled = curve.run_length(), layer_groups(model), curve.simulate()
    multipliers = recipe.group_multipliers([group.name for group in groups])
    stages = _stages(recipe, list(multipliers), total_steps, steps_per_epoch, group_flops(model, groups, batch))
    planned = tuple(_planned(group, multipliers[group.name], scheduled, stages, recipe) for group in groups)
    unchecked = Plan(recipe, curve.lr_max, total_steps, steps_per_epoch, planned, stages, (), curve)
    return replace(unchecked, warnings=tuple(warnings_of(unchecked, size)))


def _hidden_size(model: Any, recipe: Recipe) -> int:
    """Return the `hidden_dim` of the model or of its first sublayer that has one; 0 if the recipe has `lr_max`."""
    if recipe.lr_max is not None:
        return 0
    from slanted.keras_private.layers_and_trainers import sublayers

    queue = [model]
    while queue:
        layer = queue.pop(0)
        if isinstance(getattr(layer, "hidden_dim", None), int):
            return layer.hidden_dim
        queue += sublayers(layer)
    raise InputError(
        f"A peak rate is needed for a model without `hidden_dim`. Received: model {model.name!r}, lr_max=None. "
        "Pass `lr_max`."
    )


def _stages(recipe: Recipe, names: list[str], total_steps: int, an_epoch: int, flops: Any) -> tuple[PlannedStage, ...]:
    timetable: list[tuple[int, tuple[str, ...]]] = [(0, tuple(names))]
    for callback in recipe.make_callbacks():
        unit = an_epoch if callback.every == "epoch" else 1
        timetable = [(start * unit, open_groups) for start, open_groups in callback.timetable(names)]
    timetable = [stage for stage in timetable if stage[0] < total_steps]
    ends = [start for start, _ in timetable[1:]] + [total_steps]
    stages = []
    for (start, open_groups), end in zip(timetable, ends, strict=True):
        cost = share = None
        if flops is not None:
            cost = flops.of_step([name in open_groups for name in names])
            share = cost / flops.full_step if flops.full_step else None
        stages.append(PlannedStage(start, end - start, open_groups, cost, share))
    return tuple(stages)


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
