"""Warnings about a run before it starts."""

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from slanted.recipe.choices import AUTO
from slanted.recipe.own_curve import is_own
from slanted.recipe.recipe import Recipe

if TYPE_CHECKING:
    from slanted.preview.plan import DatasetSize, Plan

FEW_STEPS = 10
NOTABLE_SHORTFALL = 0.01
NEGLIGIBLE_RATE = 1e-7
SMALL_REMAINDER = 0.05


def warnings_of(plan: "Plan", size: "DatasetSize") -> list[str]:
    """Return a sentence for each problem with a planned run.

    Args:
        plan: The plan, without its warnings.
        size: The size of the data set.
    """
    recipe, groups, steps_per_epoch = plan.recipe, plan.groups, plan.steps_per_epoch
    scheduled = plan.curve.simulate(plan.total_steps)
    return [
        *_length(recipe, len(scheduled), steps_per_epoch),
        *_rise(recipe, len(scheduled)),
        *_peak(scheduled, plan.lr_max),
        *_batches(size, steps_per_epoch, len(scheduled)),
        *_unfreezing(groups, scheduled, recipe, steps_per_epoch),
        *_freezing([group.name for group in groups], recipe),
    ]


def _length(recipe: Recipe, total_steps: int, steps_per_epoch: int) -> Iterator[str]:
    if total_steps < FEW_STEPS:
        yield (
            f"the run has {total_steps} steps, fewer than {FEW_STEPS}: too few for the shape of a curve, and often too "
            "few to learn anything; train for more epochs or with smaller batches"
        )
    if recipe.epochs != AUTO and total_steps != recipe.least_epochs * steps_per_epoch:
        yield (
            f"{total_steps} steps are not {recipe.least_epochs} epochs of {steps_per_epoch}: the curve does not end "
            "with the last epoch"
        )


def _rise(recipe: Recipe, total_steps: int) -> Iterator[str]:
    slanted = recipe.curve == "slanted-triangular"
    share = recipe.cut_frac if slanted else recipe.warmup
    if is_own(recipe.curve) or not 0.0 < share * total_steps < 1.0 - 1e-9:
        return
    steps = f"the warm-up of {share:g} of {total_steps} steps is shorter than a step"
    if slanted:
        yield f"{steps}: the first step has the lowest rate and the second is already past the peak"
    elif recipe.curve != "one-cycle":
        yield f"{steps}: it is rounded up to one step, whose rate is 0, so that the first batch changes nothing"
    else:
        yield f"{steps}: the run starts low and the second step is already past the peak"


def _peak(scheduled: np.ndarray, lr_max: float) -> Iterator[str]:
    shortfall = 1.0 - scheduled.max() / lr_max
    if shortfall >= NOTABLE_SHORTFALL:
        yield (
            f"the peak of {lr_max:g} is never reached: it lies between two steps, and the highest rate is "
            f"{scheduled.max():.3g}, {shortfall:.1%} below it"
        )


def _batches(size: "DatasetSize", steps_per_epoch: int, total_steps: int) -> Iterator[str]:
    examples, batch_size, accumulation = size.examples, size.batch_size, size.gradient_accumulation
    rest = examples % batch_size if examples and batch_size else 0
    if rest and examples and batch_size and examples < batch_size:
        yield f"all {examples} examples are fewer than a batch of {batch_size}: an epoch is one smaller batch"
    elif rest and batch_size:
        yield (
            f"{examples} examples do not divide into batches of {batch_size}: one batch per epoch has {rest}, each "
            f"with {batch_size / rest:.3g} times the weight of the others"
        )
    if examples and batch_size and math.ceil(examples / batch_size) != steps_per_epoch:
        yield f"{examples} examples in batches of {batch_size} are not {steps_per_epoch} steps per epoch"
    lost = total_steps % accumulation
    if lost:
        yield (
            f"{total_steps} steps do not divide into accumulations of {accumulation}: the last {lost} are computed "
            "and never applied"
        )


def _unfreezing(groups: Sequence[Any], scheduled: np.ndarray, recipe: Recipe, steps_per_epoch: int) -> Iterator[str]:
    closed = [group.name for group in groups if group.opens_at is None and group.name not in recipe.freeze]
    if closed:
        epochs = len(scheduled) / steps_per_epoch
        yield (
            f"the unfreezing is longer than the run of {len(scheduled)} steps ({epochs:.3g} epochs): "
            f"{', '.join(closed)} never opens; train for more epochs, or let the stages begin earlier (--unfreeze-at)"
        )
    for group in groups:
        remaining = scheduled[group.opens_at :].sum() / scheduled.sum() if group.opens_at else 1.0
        if remaining < SMALL_REMAINDER:
            yield f"{group.name} opens at step {group.opens_at}, when {remaining:.1%} of the sum of the rates remains"
    slow = [group.name for group in groups if group.opens_at is not None and group.peak_rate < NEGLIGIBLE_RATE]
    if slow:
        yield (
            f"{', '.join(slow)}: the highest rate is below {NEGLIGIBLE_RATE:g}, practically frozen at full cost; raise "
            f"the layer decay of {recipe.layer_decay:.3g} or the peak, or freeze them (--freeze)"
        )


def _freezing(names: Sequence[str], recipe: Recipe) -> Iterator[str]:
    """Warn if no block is trained: an ALBERT has one block only, block_0."""
    blocks = [name for name in names if name.startswith("block_")]
    if blocks and set(blocks) <= set(recipe.freeze):
        yield f"freezing {', '.join(blocks)} leaves no block to train; freeze fewer groups (--freeze embeddings)"
