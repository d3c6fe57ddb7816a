"""What is amiss with a run, found before it is made."""

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from slanted.recipe.own_curve import is_own
from slanted.recipe.recipe import Recipe

if TYPE_CHECKING:
    from slanted.preview.plan import DatasetSize, Plan

FEW_STEPS = 10
WORTH_SAYING = 0.01
HARDLY_A_RATE = 1e-7
LITTLE_OF_THE_RUN = 0.05


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
            f"the run has {total_steps} steps, fewer than {FEW_STEPS}: too few for a curve to have a shape, and often "
            "to learn anything; take more epochs or smaller batches"
        )
    if total_steps != recipe.epochs * steps_per_epoch:
        yield (
            f"{total_steps} steps are not {recipe.epochs} epochs of {steps_per_epoch}: the curve ends elsewhere than "
            "the last epoch"
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
        yield f"{steps}: it is rounded up to one, whose rate is 0, so that the first batch teaches nothing"
    else:
        yield f"{steps}: the run starts low and the second step is already past the peak"


def _peak(scheduled: np.ndarray, lr_max: float) -> Iterator[str]:
    short = 1.0 - scheduled.max() / lr_max
    if short >= WORTH_SAYING:
        yield (
            f"the peak of {lr_max:g} is never reached: it lies between two steps, and the highest rate is "
            f"{scheduled.max():.3g}, {short:.1%} below it"
        )


def _batches(size: "DatasetSize", steps_per_epoch: int, total_steps: int) -> Iterator[str]:
    examples, batch_size, accumulation = size.examples, size.batch_size, size.gradient_accumulation
    rest = examples % batch_size if examples and batch_size else 0
    if rest and examples and batch_size and examples < batch_size:
        yield f"all {examples} examples are fewer than a batch of {batch_size}: an epoch is one smaller batch"
    elif rest and batch_size:
        yield (
            f"{examples} examples do not divide into batches of {batch_size}: one batch an epoch has {rest}, each of "
            f"which weighs {batch_size / rest:.3g} times as much as another"
        )
    if examples and batch_size and math.ceil(examples / batch_size) != steps_per_epoch:
        yield f"{examples} examples in batches of {batch_size} are not {steps_per_epoch} steps an epoch"
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
            f"{', '.join(closed)} never opens; take more epochs, or let the stages begin earlier (--unfreeze-at)"
        )
    for group in groups:
        left = scheduled[group.opens_at :].sum() / scheduled.sum() if group.opens_at else 1.0
        if left < LITTLE_OF_THE_RUN:
            yield f"{group.name} opens at step {group.opens_at}, when {left:.1%} of the sum of the rates is left"
    slow = [group.name for group in groups if group.opens_at is not None and group.peak_rate < HARDLY_A_RATE]
    if slow:
        yield (
            f"{', '.join(slow)}: the highest rate is below {HARDLY_A_RATE:g}, practically frozen at full cost; raise "
            f"the layer decay of {recipe.layer_decay:.3g} or the peak, or freeze them (--freeze)"
        )


def _freezing(names: Sequence[str], recipe: Recipe) -> Iterator[str]:
    """Warn where no block is left: an ALBERT's are one, block_0."""
    blocks = [name for name in names if name.startswith("block_")]
    if blocks and set(blocks) <= set(recipe.freeze):
        yield f"{', '.join(blocks)} frozen leaves no block to train; freeze fewer groups (--freeze embeddings)"
