"""Fine-tune pretrained Keras 3 models with the learning rates of the papers.

Keras is imported when one of the names that need it is first used, not with the package. A saved model whose optimizer
is slanted's loads after `import keras, slanted`.
"""

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

# Eager, and free of Keras: a submodule of the same name must not hide these functions once something imports it.
from slanted.plan import plan
from slanted.recipes import Recipe, recipes

if TYPE_CHECKING:
    from slanted.finder import find_learning_rate
    from slanted.groups import layer_groups
    from slanted.optimizer import LayerwiseOptimizer
    from slanted.schedules import (
        ConstantWarmup,
        CosineWarmup,
        LinearWarmup,
        OneCycle,
        SlantedTriangular,
        WarmupStableDecay,
    )
    from slanted.scheduling import RunScheduler, SlantedTriangularScheduler
    from slanted.text.classifier import TextClassifier, TextRegressor
    from slanted.unfreezing import GradualUnfreezing

__version__ = "0.1.0"

__all__ = [
    "ConstantWarmup",
    "CosineWarmup",
    "GradualUnfreezing",
    "LayerwiseOptimizer",
    "LinearWarmup",
    "OneCycle",
    "Recipe",
    "RunScheduler",
    "SlantedTriangular",
    "SlantedTriangularScheduler",
    "TextClassifier",
    "TextRegressor",
    "WarmupStableDecay",
    "find_learning_rate",
    "layer_groups",
    "plan",
    "recipes",
]

_HOMES = {
    "ConstantWarmup": "schedules",
    "CosineWarmup": "schedules",
    "GradualUnfreezing": "unfreezing",
    "LayerwiseOptimizer": "optimizer",
    "LinearWarmup": "schedules",
    "OneCycle": "schedules",
    "RunScheduler": "scheduling",
    "SlantedTriangular": "schedules",
    "SlantedTriangularScheduler": "scheduling",
    "TextClassifier": "text.classifier",
    "TextRegressor": "text.classifier",
    "WarmupStableDecay": "schedules",
    "find_learning_rate": "finder",
    "layer_groups": "groups",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'slanted' has no attribute {name!r}")
    value = getattr(import_module(f"slanted.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


if "keras" in sys.modules:
    import_module("slanted.optimizer")  # so that Keras can load what it saved with slanted's classes in it


def __dir__() -> list[str]:
    return sorted(__all__)
