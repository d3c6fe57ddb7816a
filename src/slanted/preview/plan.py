"""The plan of a run: the learning rate of each group at each step, the cost of each stage, and warnings.

Keras is imported when a plan is made, not with this module.
"""

from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from slanted.common.messages import aligned
from slanted.errors import InputError
from slanted.recipe.own_curve import curve_name
from slanted.recipe.recipe import Recipe

GROUP_HEADER = ("group", "depth", "variables", "parameters", "multiplier", "peak rate", "weight decay", "opens at")
STAGE_HEADER = ("stage", "begins", "steps", "a step costs", "of a full step", "open groups")
NEARLY_FULL_SHARE = 0.995
UNITS = (("PFLOP", 1e15), ("TFLOP", 1e12), ("GFLOP", 1e9), ("MFLOP", 1e6), ("kFLOP", 1e3))


__all__ = ["Plan"]


@dataclass(frozen=True)
class PlannedGroup:
    """A layer group in the plan of a run.

    Attributes:
        name: The name of the group.
        depth: The position from the input side, starting with 0.
        variables: The number of trainable variables.
        parameters: The number of trainable parameters.
        multiplier: The multiplier of the curve's learning rate.
        peak_rate: The highest learning rate of the group; 0 if it is never opened.
        decayed: The number of variables with weight decay.
        opens_at: The first step at which the group is trained, from 0; None: never.
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
    """A stage of a run, in which the same groups are open.

    Attributes:
        first_step: The first step, from 0.
        steps: The number of steps.
        open_groups: The groups that are trained, the input side first.
        flops: Floating-point operations of a step, forward and backward; None: unknown.
        share: `flops` divided by those of a step with all groups open; None: unknown.
    """

    first_step: int
    steps: int
    open_groups: tuple[str, ...]
    flops: float | None
    share: float | None


@dataclass(frozen=True)
class DatasetSize:
    """The size of the data of a run, as far as it is known.

    Attributes:
        examples: Examples per epoch; None: not checked.
        batch_size: Examples per batch; None: not checked.
        gradient_accumulation: Batches per optimizer step.
    """

    examples: int | None = None
    batch_size: int | None = None
    gradient_accumulation: int = 1


@dataclass(frozen=True)
class Plan:
    """The plan of a run, which `slanted.plan` returns; `str` formats it as a table.

    Attributes:
        recipe: The recipe.
        lr_max: The peak learning rate.
        total_steps: T, in batches.
        steps_per_epoch: Batches per epoch.
        groups: The layer groups, the input side first.
        stages: The stages of unfreezing; a single stage if all groups are open from the start.
        warnings: A sentence for each problem with the run, with its reason; empty if there is none.
        curve: The learning rate over the run, before the multipliers of the groups.
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
        """Return the learning rate of a group at each step: schedule * multiplier * open.

        Args:
            group: The name of the group.

        Returns:
            A float64 array of shape (total_steps,).

        Raises:
            InputError: There is no such group.
        """
        multipliers = {planned.name: planned.multiplier for planned in self.groups}
        if group not in multipliers:
            raise InputError(f"There is no layer group {group!r}. Groups are: {', '.join(multipliers)}")
        return group_rates(self.curve.simulate(self.total_steps), multipliers[group], group, self.stages)

    @property
    def share_of_full_run(self) -> float | None:
        """The operations of the run divided by those of a run with all groups open; None if costs are unknown."""
        shares = [stage.share for stage in self.stages]
        if any(share is None for share in shares):
            return None
        return sum(stage.steps * (stage.share or 0.0) for stage in self.stages) / self.total_steps

    def plot(self, ax: Any = None) -> Any:
        """Plot the learning rate of each group over the run.

        Args:
            ax: The matplotlib Axes to draw on; None: the Axes of a new figure.

        Returns:
            The matplotlib Axes.

        Raises:
            InputError: matplotlib is not installed.
        """
        from slanted.common.plots import draw_rates

        return draw_rates({group.name: self.rates(group.name) for group in self.groups}, ax)

    def to_dict(self) -> dict[str, Any]:
        """Return the plan as JSON types, without the learning rate of each step."""
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
        return table(self)


def group_rates(scheduled: np.ndarray, multiplier: float, group: str, stages: Any) -> np.ndarray:
    """Return the learning rate of a group at each step, float64 (total_steps,): schedule * multiplier * open.

    Args:
        scheduled: The learning rate of the curve at each step.
        multiplier: The multiplier of the group.
        group: The name of the group.
        stages: The planned stages.
    """
    is_open = np.concatenate([np.full(stage.steps, group in stage.open_groups) for stage in stages])
    return scheduled * multiplier * is_open


def table(plan: "Plan") -> str:
    """Return the plan as text: the run, the groups, the stages, the warnings."""
    parts = [_head(plan), aligned([GROUP_HEADER, *_group_rows(plan)], left=(0, -1))]
    if len(plan.stages) > 1 or any(stage.flops for stage in plan.stages):
        parts.append(aligned([STAGE_HEADER, *_stage_rows(plan)], left=(-1,)))
    share = plan.share_of_full_run
    if share is not None and (len(plan.stages) > 1 or share < NEARLY_FULL_SHARE):
        parts.append(f"the run computes {share:.0%} of what it would with all groups open")
    parts += [f"warning: {warning}" for warning in plan.warnings]
    return "\n".join(parts)


def _head(plan: "Plan") -> str:
    recipe, rates = plan.recipe, plan.curve.simulate(plan.total_steps)
    highest = int(np.argmax(rates))
    clipped = "not clipped" if recipe.clip_norm is None else f"clipped to a norm of {recipe.clip_norm:g}"
    return (
        f"plan: {recipe.name}: {plan.total_steps:,} steps in epochs of {plan.steps_per_epoch:,}; "
        f"{curve_name(recipe.curve)} to {plan.lr_max:g}, highest {rates[highest]:.3g} at step {highest:,}, "
        f"last {rates[-1]:.3g}\n"
        f"optimizer: {recipe.optimizer}, weight decay {recipe.weight_decay:g}, gradients {clipped}"
    )


def _group_rows(plan: "Plan") -> list[tuple[str, ...]]:
    rows = []
    for group in plan.groups:
        undecayed = group.variables - group.decayed
        rows.append(
            (
                group.name,
                str(group.depth),
                str(group.variables),
                f"{group.parameters:,}",
                f"{group.multiplier:.3g}",
                f"{group.peak_rate:.3g}",
                f"{group.decayed} yes, {undecayed} no",
                _when(group.opens_at, plan.steps_per_epoch),
            )
        )
    return rows


def _when(step: int | None, steps_per_epoch: int) -> str:
    return "never" if step is None else f"step {step:,}, epoch {step // steps_per_epoch + 1}"


def _stage_rows(plan: "Plan") -> list[tuple[str, ...]]:
    return [
        (
            str(number),
            _when(stage.first_step, plan.steps_per_epoch),
            f"{stage.steps:,}",
            _flops(stage.flops),
            "?" if stage.share is None else f"{stage.share:.0%}",
            "all" if len(stage.open_groups) == len(plan.groups) else ", ".join(stage.open_groups),
        )
        for number, stage in enumerate(plan.stages, start=1)
    ]


def _flops(flops: float | None) -> str:
    if flops is None:
        return "?"
    unit, size = next(((unit, size) for unit, size in UNITS if flops >= size), ("FLOP", 1.0))
    return f"{flops / size:.3g} {unit}"
