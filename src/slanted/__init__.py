"""Fine-tune pretrained Keras 3 models with the learning rates of the papers.

Keras is imported when a name that needs it is first used, not with the package. Once both are imported, in any order,
Keras can load models that were saved with an optimizer or a curve of slanted.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

# These modules do not import Keras.
from slanted._version import __version__ as __version__
from slanted.keras_private.saved_classes import register
from slanted.preview.make_plan import plan
from slanted.recipe.named import recipes
from slanted.recipe.recipe import Recipe
from slanted.runtime.patches import once_imported

if TYPE_CHECKING:
    from slanted.curves import (
        ConstantWarmup,
        CosineWarmup,
        Curve,
        LinearWarmup,
        OneCycle,
        SlantedTriangular,
        WarmupStableDecay,
        join_curves,
    )
    from slanted.layerwise.gradual_unfreezing import GradualUnfreezing
    from slanted.layerwise.layer_groups import LayerGroup, layer_groups
    from slanted.layerwise.layerwise_optimizer import LayerwiseOptimizer
    from slanted.layerwise.run_scheduler import RunScheduler, SlantedTriangularScheduler
    from slanted.preview.lr_finder import RateSearch, find_learning_rate
    from slanted.preview.plan import Plan
    from slanted.text.estimators import TextClassifier, TextRegressor

__all__ = [
    "ConstantWarmup",
    "CosineWarmup",
    "Curve",
    "GradualUnfreezing",
    "LayerGroup",
    "LayerwiseOptimizer",
    "LinearWarmup",
    "OneCycle",
    "Plan",
    "RateSearch",
    "Recipe",
    "RunScheduler",
    "SlantedTriangular",
    "SlantedTriangularScheduler",
    "TextClassifier",
    "TextRegressor",
    "WarmupStableDecay",
    "find_learning_rate",
    "join_curves",
    "layer_groups",
    "plan",
    "recipes",
]

_HOMES = {
    "ConstantWarmup": "curves",
    "CosineWarmup": "curves",
    "Curve": "curves",
    "GradualUnfreezing": "layerwise.gradual_unfreezing",
    "LayerGroup": "layerwise.layer_groups",
    "LayerwiseOptimizer": "layerwise.layerwise_optimizer",
    "LinearWarmup": "curves",
    "OneCycle": "curves",
    "Plan": "preview.plan",
    "RateSearch": "preview.lr_finder",
    "RunScheduler": "layerwise.run_scheduler",
    "SlantedTriangular": "curves",
    "SlantedTriangularScheduler": "layerwise.run_scheduler",
    "TextClassifier": "text.estimators",
    "TextRegressor": "text.estimators",
    "WarmupStableDecay": "curves",
    "find_learning_rate": "preview.lr_finder",
    "join_curves": "curves",
    "layer_groups": "layerwise.layer_groups",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'slanted' has no attribute {name!r}")
    value = getattr(import_module(f"slanted.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


once_imported("keras", register)


def __dir__() -> list[str]:
    return sorted(__all__)
