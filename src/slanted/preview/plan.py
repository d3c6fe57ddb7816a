"""A run seen before it is made: every group's rate at every step, what each stage costs, and what is amiss.

Keras is imported when a plan is made, not with this module.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from slanted.errors import InputError
from slanted.recipe.own_curve import curve_name
from slanted.recipe.recipe import Recipe

GROUP_HEADER = ("group", "depth", "variables", "parameters", "multiplier", "peak rate", "weight decay", "opens at")
STAGE_HEADER = ("stage", "begins", "steps", "a step costs", "of a full step", "open groups")
MUCH_OF_A_STEP = 0.995
UNITS = (("PFLOP", 1e15), ("TFLOP", 1e12), ("GFLOP", 1e9), ("MFLOP", 1e6), ("kFLOP", 1e3))


__all__ = ["Plan"]


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
class DatasetSize:
    """How much data a run has, as far as it is known.

    Attributes:
        examples: Examples an epoch; None: not checked.
        batch_size: Examples a batch; None: not checked.
        gradient_accumulation: Batches an optimizer step.
    """

    examples: int | None = None
    batch_size: int | None = None
    gradient_accumulation: int = 1


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
        return group_rates(self.curve.simulate(self.total_steps), multipliers[group], group, self.stages)

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
        return table(self)


def group_rates(scheduled: np.ndarray, multiplier: float, group: str, stages: Any) -> np.ndarray:
    """Return the rate of a group at each step, float64 (total_steps,): schedule * multiplier * open.

    Args:
        scheduled: The curve's rate at each step.
        multiplier: Of the group.
        group: Its name.
        stages: The planned stages.
    """
    is_open = np.concatenate([np.full(stage.steps, group in stage.open_groups) for stage in stages])
    return scheduled * multiplier * is_open


def table(plan: "Plan") -> str:
    """Return the plan's text: the run, the groups, the stages, what is amiss."""
    parts = [_head(plan), _aligned([GROUP_HEADER, *_group_rows(plan)], left=1)]
    if len(plan.stages) > 1 or any(stage.flops for stage in plan.stages):
        parts.append(_aligned([STAGE_HEADER, *_stage_rows(plan)], left=0))
    share = plan.share_of_full_run
    if share is not None and (len(plan.stages) > 1 or share < MUCH_OF_A_STEP):
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
        kept = group.variables - group.decayed
        rows.append(
            (
                group.name,
                str(group.depth),
                str(group.variables),
                f"{group.parameters:,}",
                f"{group.multiplier:.3g}",
                f"{group.peak_rate:.3g}",
                f"{group.decayed} yes, {kept} no",
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


def _aligned(rows: Sequence[Sequence[str]], left: int) -> str:
    """Return rows in columns: the first `left` and the last to the left, the others to the right."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    last = len(widths) - 1
    lines = []
    for row in rows:
        cells = [
            cell.ljust(width) if column < left or column == last else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)
