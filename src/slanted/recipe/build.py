"""Build the curve and the optimizer that the settings of a recipe name."""

from collections.abc import Callable, Mapping
from typing import Any

import keras

from slanted.curves import (
    ConstantWarmup,
    CosineWarmup,
    LinearWarmup,
    OneCycle,
    SlantedTriangular,
    WarmupStableDecay,
)
from slanted.curves.curve import Curve
from slanted.recipe.own_curve import build_own, is_own

_KERAS_NAMES = ("AdamW", "Adam", "SGD", "RMSprop", "Lion", "Adafactor")


def build_curve(name: Any, lr_max: float, total_steps: int | None, settings: Mapping[str, Any]) -> Curve:
    """Return the curve of that name, or that a recipe's own one makes.

    Args:
        name: One of `slanted.recipe.choices.CURVES`, or what else a recipe takes for a curve.
        lr_max: The peak learning rate.
        total_steps: T, in batches; None: the whole run of `fit`.
        settings: The settings of a recipe, of which those of the curve are used.
    """
    if is_own(name):
        return build_own(name, lr_max, total_steps)
    run = (lr_max, total_steps)
    build: dict[str, Callable[[], Curve]] = {
        "slanted-triangular": lambda: SlantedTriangular(*run, settings["cut_frac"], settings["ratio"]),
        "linear": lambda: LinearWarmup(*run, settings["warmup"]),
        "cosine": lambda: CosineWarmup(*run, settings["warmup"]),
        "one-cycle": lambda: OneCycle(*run, settings["warmup"]),
        "warmup-stable-decay": lambda: WarmupStableDecay(*run, settings["warmup"], settings["decay"]),
        "constant": lambda: ConstantWarmup(*run, settings["warmup"]),
    }
    return build[name]()


def build_optimizer(name: str, lr_max: float, gradient_accumulation: int, settings: Mapping[str, Any]) -> Any:
    """Return the plain Keras optimizer of that name.

    Args:
        name: One of `slanted.recipe.choices.OPTIMIZERS`.
        lr_max: The learning rate, until a curve replaces it.
        gradient_accumulation: Batches per optimizer step.
        settings: The settings of a recipe, of which those of the optimizer are used.
    """
    common = {
        "learning_rate": lr_max,
        "weight_decay": settings["weight_decay"] or None,
        "global_clipnorm": settings["clip_norm"],
        "gradient_accumulation_steps": gradient_accumulation if gradient_accumulation > 1 else None,
    }
    betas = {name: settings[name] for name in ("beta_1", "beta_2")}
    epsilon, momentum = ({name: settings[name]} for name in ("epsilon", "momentum"))
    own = {
        "adamw": {**betas, **epsilon, "weight_decay": settings["weight_decay"]},  # takes no None
        "adam": {**betas, **epsilon},
        "sgd": momentum,
        "rmsprop": {**momentum, **epsilon},
        "lion": betas,
        "adafactor": {},
    }
    classes = {name.lower(): getattr(keras.optimizers, name) for name in _KERAS_NAMES}
    return classes[name](**{**common, **own[name]})
