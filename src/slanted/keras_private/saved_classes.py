"""The names under which slanted's classes are saved, known to Keras before their modules are imported."""

from importlib import import_module
from typing import Any

HOMES = {
    "ScheduledOptimizer": "keras_private.scheduled",
    "ScaledOptimizer": "keras_private.loss_scaling",
    "LayerwiseOptimizer": "layerwise.layerwise_optimizer",
    **dict.fromkeys(
        (
            "ConstantWarmup",
            "CosineWarmup",
            "JoinedCurve",
            "LinearWarmup",
            "OneCycle",
            "SlantedTriangular",
            "WarmupStableDecay",
        ),
        "curves",
    ),
}


class _NotImported:
    """Stands for a class of slanted in a saved file, whose module is imported when the file is loaded."""

    def __init__(self, name: str) -> None:
        self._name = name

    def from_config(self, config: dict[str, Any], custom_objects: Any = None) -> Any:
        """Create the object that was saved."""
        saved: Any = getattr(import_module(f"slanted.{HOMES[self._name]}"), self._name)
        return saved.from_config(config) if custom_objects is None else saved.from_config(config, custom_objects)


def register() -> None:
    """Register the names with Keras, which is imported."""
    import keras

    registered = keras.saving.get_custom_objects()
    for name in HOMES:
        registered.setdefault(f"slanted>{name}", _NotImported(name))
