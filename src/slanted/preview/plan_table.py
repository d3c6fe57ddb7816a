"""A plan as a table for people."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from slanted.preview.plan import Plan

GROUP_HEADER = ("group", "depth", "variables", "parameters", "multiplier", "peak rate", "weight decay", "opens at")
STAGE_HEADER = ("stage", "begins", "steps", "a step costs", "of a full step", "open groups")
MUCH_OF_A_STEP = 0.995
UNITS = (("PFLOP", 1e15), ("TFLOP", 1e12), ("GFLOP", 1e9), ("MFLOP", 1e6), ("kFLOP", 1e3))


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
        f"plan: {recipe.name}: {plan.total_steps:,} steps in epochs of {plan.steps_per_epoch:,}; {recipe.curve} to "
        f"{plan.lr_max:g}, highest {rates[highest]:.3g} at step {highest:,}, last {rates[-1]:.3g}\n"
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
