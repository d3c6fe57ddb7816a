"""The batch size and the number of epochs where neither the user nor the recipe names them: `auto`.

A pretrained encoder needs some hundred optimizer steps, however few the rows are: with 3 epochs of 32 a set of 48 rows
has 6 steps, and its model is worse than TF-IDF. So small sets have batches of 16, and as many epochs as give
`least_steps` optimizer steps. `--max-minutes` limits the epochs beyond the recipe's own number, from the time of a step
that is measured before training. The number is recorded in recipe.json.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from slanted.common.messages import plural
from slanted.recipe.choices import AUTO, OWN_EPOCHS
from slanted.text.labels.examples import Examples
from slanted.text.pretrained.encoder import Encoder
from slanted.text.settings import BATCH_SIZE, MEAN, Settings

SMALL_SET, SMALL_BATCH = 4_000, 16
PASSES, BACKWARD = 3, 4.0
STEPS, STEPS_FROM_A_START = 300, 150


def with_batch_size(settings: Settings, rows: int) -> Settings:
    """Return the settings with a number for `batch_size`: 16 for fewer than 4,000 training rows, else 32."""
    if settings.batch_size != AUTO:
        return settings
    return replace(settings, batch_size=SMALL_BATCH if rows < SMALL_SET else BATCH_SIZE)


def seconds_a_step(model: Any, encoder: Encoder, train: Examples, settings: Settings) -> float:
    """Return an estimate of the seconds of a training step: `BACKWARD` times the fastest of a few forward passes.

    The first pass may compile, and is not counted.
    """
    from slanted.text.batching.model_inputs import outputs_of_examples

    rows = np.random.default_rng(0).permutation(len(train))[: settings.texts_per_batch]
    batch, seconds = train.take(np.sort(rows)), []
    for _ in range(1 + PASSES):
        begun = time.monotonic()
        outputs_of_examples(model, encoder, batch, settings)
        seconds.append(time.monotonic() - begun)
    return BACKWARD * min(seconds[1:])


def least_steps(settings: Settings) -> int:
    """Return the number of optimizer steps that a run of `auto` epochs has at least.

    A head that starts from a linear model of the mean of the tokens needs half as many as a random one.
    """
    starts = settings.pooling == MEAN and settings.recipe.head_start == "linear"
    return STEPS_FROM_A_START if starts else STEPS


def wanted_epochs(settings: Settings, steps_per_epoch: int) -> int:
    """Return the number of epochs without a limit of time: the recipe's, or as many as give enough steps.

    Args:
        settings: The settings of the run.
        steps_per_epoch: Batches per epoch.
    """
    if settings.recipe.epochs != AUTO:
        return settings.recipe.least_epochs
    return max(OWN_EPOCHS, math.ceil(least_steps(settings) * settings.gradient_accumulation / steps_per_epoch))


@dataclass(frozen=True)
class RunLength:
    """The decided number of epochs.

    Attributes:
        settings: The settings with that number.
        reason: A line for the user; None: the number was given.
    """

    settings: Settings
    reason: str | None = None


def decide_epochs(settings: Settings, steps_per_epoch: int, measure: Callable[[], float]) -> RunLength:
    """Return the settings with a number for the recipe's `epochs`.

    Args:
        settings: The settings of the run.
        steps_per_epoch: Batches per epoch.
        measure: Returns the seconds of a training step; called only if the limit may apply.
    """
    if settings.recipe.epochs != AUTO:
        return RunLength(settings)
    wanted, steps = wanted_epochs(settings, steps_per_epoch), plural(least_steps(settings), "optimizer step")
    epochs, why = OWN_EPOCHS, "the recipe's own number"
    if wanted > OWN_EPOCHS:
        allowed = int(60.0 * settings.max_minutes / (steps_per_epoch * max(measure(), 1e-9)))
        epochs = min(wanted, max(OWN_EPOCHS, allowed))
        why = f"for at least {steps}"
        if epochs < wanted:
            why = f"{wanted} would be needed for {steps}, but --max-minutes is {settings.max_minutes:g}"
    recipe = settings.recipe.with_settings(epochs=epochs)
    return RunLength(replace(settings, recipe=recipe), f"length: {plural(epochs, 'epoch')} ({why}; --epochs overrides)")
