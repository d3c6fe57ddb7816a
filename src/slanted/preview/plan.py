"""A run seen before it is made: every group's rate at every step, what each stage costs, and what is amiss.

Keras is imported when a plan is made, not with this module.
"""

from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from slanted.common.argument_checks import positive, whole
from slanted.errors import InputError
from slanted.preview.plan_warnings import warnings_of
from slanted.recipe.recipe import Recipe, recipe_named

__all__ = ["Plan", "plan"]


@dataclass(frozen=True)
class PlannedGroup:
    """A layer group in a run.

    Attributes:
        name: Its name.
        depth: 0 for the group nearest the input.
        variables: How many trainable variables it has.
        parameters: How many numbers they hold.
        multiplier: Of the curve's rate.
        peak_rate: The highest rate it is trained with: 0 where it never opens.
        decayed: How many of its variables weight decay applies to.
        opens_at: The first step it is trained at, from 0; None: never.
    """

    name: str
    depth: int
    variables: int
    parameters: int
    multiplier: float
    peak_rate: float
    decayed: int
    opens_at: int | None


@dataclass(frozen=True)
class PlannedStage:
    """A stretch of a run in which the same groups are open.

    Attributes:
        first_step: Where it begins, from 0.
        steps: How long it lasts.
        open_groups: The groups that are trained, the input side first.
        flops: Floating-point operations of a step, forward and backward; None: not known.
        share: Of those of a step with all groups open; None: not known.
    """

    first_step: int
    steps: int
    open_groups: tuple[str, ...]
    flops: float | None
    share: float | None


@dataclass(frozen=True)
class Plan:
    """What a run would do; `str` gives a table.

    Attributes:
        recipe: The recipe.
        lr_max: The curve's peak.
        total_steps: T, in batches.
        steps_per_epoch: Batches an epoch.
        groups: The layer groups, the input side first.
        stages: The stages of unfreezing; one where nothing is closed.
        warnings: What is amiss, each a sentence that says why; none where all is well.
    """

    recipe: Recipe
    lr_max: float
    total_steps: int
    steps_per_epoch: int
    groups: tuple[PlannedGroup, ...]
    stages: tuple[PlannedStage, ...]
    warnings: tuple[str, ...]
    curve: Any = field(repr=False)

    def rates(self, group: str) -> np.ndarray:
        """Return the rate of a group at each step: schedule * multiplier * open, float64 of shape (total_steps,).

        Raises:
            InputError: There is no such group.
        """
        multipliers = {planned.name: planned.multiplier for planned in self.groups}
        if group not in multipliers:
            raise InputError(f"There is no layer group {group!r}. Groups are: {', '.join(multipliers)}")
        return _rates(self.curve.simulate(self.total_steps), multipliers[group], group, self.stages)

    @property
    def share_of_full_run(self) -> float | None:
        """The run's floating-point operations, as a share of those with all groups open throughout; None: not known."""
        shares = [stage.share for stage in self.stages]
        if any(share is None for share in shares):
            return None
        return sum(stage.steps * (stage.share or 0.0) for stage in self.stages) / self.total_steps

    def plot(self, ax: Any = None) -> Any:
        """Draw the rate of each group over the run and return the matplotlib Axes.

        Args:
            ax: The matplotlib Axes to draw on; None: a new figure's.
        """
        from slanted.common.plots import draw_rates

        return draw_rates({group.name: self.rates(group.name) for group in self.groups}, ax)

    def to_dict(self) -> dict[str, Any]:
        """Return the plan as JSON's types, the rates left out."""
        return {
            "recipe": self.recipe.to_dict(),
            "lr_max": self.lr_max,
            "total_steps": self.total_steps,
            "steps_per_epoch": self.steps_per_epoch,
            "groups": [asdict(group) for group in self.groups],
            "stages": [{**asdict(stage), "open_groups": list(stage.open_groups)} for stage in self.stages],
            "warnings": list(self.warnings),
        }

    def __str__(self) -> str:
        from slanted.preview.plan_table import table

        return table(self)


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
    from slanted.layerwise.layer_groups import layer_groups
    from slanted.preview.flops import group_flops

    recipe = recipe if isinstance(recipe, Recipe) else recipe_named(recipe)
    total_steps = whole("total_steps", total_steps)
    peak = positive("lr_max", lr_max) if lr_max is not None else recipe.peak_rate(_hidden_size(model, recipe))
    curve = recipe.make_curve(peak, total_steps)
    groups = layer_groups(model)
    multipliers = recipe.group_multipliers([group.name for group in groups])
    an_epoch = steps_per_epoch or -(-total_steps // recipe.epochs)
    stages = _stages(recipe, list(multipliers), total_steps, an_epoch, group_flops(model, groups, batch))
    scheduled = curve.simulate(total_steps)
    planned = [_planned(group, multipliers[group.name], scheduled, stages, recipe) for group in groups]
    warnings = warnings_of(recipe, scheduled, peak, planned, an_epoch, examples, batch_size, gradient_accumulation)
    return Plan(recipe, peak, total_steps, an_epoch, tuple(planned), stages, tuple(warnings), curve)


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
        peak_rate=float(_rates(scheduled, multiplier, group.name, stages).max()),
        decayed=sum(not recipe.leaves_out(variable) for variable in group.variables) if recipe.weight_decay else 0,
        opens_at=opens_at,
    )


def _rates(scheduled: np.ndarray, multiplier: float, group: str, stages: Any) -> np.ndarray:
    is_open = np.concatenate([np.full(stage.steps, group in stage.open_groups) for stage in stages])
    return scheduled * multiplier * is_open
