"""The settings of a run and the versions of the packages, as pairs of name and value."""

from collections.abc import Mapping
from typing import Any

from slanted.common.setting_fields import setting_fields
from slanted.report.render.environment import number
from slanted.text.settings import Settings

RECIPE_KEYS = ("optimizer", "curve", "epochs", "weight_decay", "clip_norm", "layer_decay", "unfreezing", "freeze")
RECIPE_KEYS += ("dropout", "truncate")
CURVE_KEYS = {
    "slanted-triangular": ("cut_frac", "ratio"),
    "warmup-stable-decay": ("warmup", "decay"),
    "constant": ("warmup",),
    "linear": ("warmup",),
    "cosine": ("warmup",),
    "one-cycle": ("warmup",),
}
SETTINGS = {f.name: f.metadata.get("label", f.name.replace("_", " ")) for f in setting_fields(Settings)}


def settings(report: Mapping[str, Any]) -> list[tuple[str, object]]:
    """Return the names and values of the settings, and the numbers of rows."""
    saved, recipe = report["recipe"], report["recipe"]["recipe"]
    peak = [("peak rate", number(saved["peak_rate"]))] if "peak_rate" in saved else []
    keys = (*RECIPE_KEYS, *CURVE_KEYS.get(recipe["curve"], ()))
    pairs = [("recipe", f"{recipe['name']} ({recipe['source']})"), *peak]
    pairs += [(key.replace("_", " "), _setting(recipe[key])) for key in keys if key in recipe]
    shown = {name: label for name, label in SETTINGS.items() if label and saved.get(name) is not None}
    pairs += [(label, _setting(saved[name])) for name, label in shown.items()]
    fold = [] if report["fold"] is None else [("fold", report["fold"])]
    fold += [("folds", len(report["folds"]))] if report["folds"] else []
    names, counts = {"train": "training", "valid": "validation", "test": "test"}, report["data"]["rows"]
    rows = [(f"{name} rows", f"{counts[part]:,}") for part, name in names.items() if part in counts]
    return [*pairs, *fold, *rows]


def versions(report: Mapping[str, Any]) -> list[tuple[str, object]]:
    """Return the names of the packages and their versions."""
    return [(name.replace("sklearn", "scikit-learn"), value) for name, value in report["data"]["versions"].items()]


def _setting(value: object) -> object:
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    return "none" if value is None else number(value) if isinstance(value, float) else value
