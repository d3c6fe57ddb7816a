"""The head of a report, the settings of a run and the versions of the packages, as pairs of name and value."""

from collections.abc import Mapping
from typing import Any

from slanted.common.setting_fields import setting_fields
from slanted.report.render.environment import number
from slanted.report.render.rows import file_and_line
from slanted.text.progress.progress import duration
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


def about(report: Mapping[str, Any]) -> list[tuple[str, object]]:
    """Return the data, task, date, model and training time of a run, as pairs of name and value."""
    saved, data, metrics = report["recipe"], report["data"], report["metrics"]
    labels, counts = len(report["labels"]), data["rows"]
    kinds = {"single": ("class", "classes"), "multilabel": ("label", "labels"), "regression": ("target", "targets")}
    task = f"{labels:,} {kinds[metrics['task']][labels != 1]}"
    files = saved.get("files") or {}
    names = {"train": "training", "valid": "validation", "test": "test"}
    rows = [
        f"{_file_names(files.get(part))}{counts[part]:,} {name} rows" for part, name in names.items() if part in counts
    ]
    pairs: list[tuple[str, object]] = [("data", "; ".join(rows)), ("task", task)]
    if "finished" in data:
        finished = data["finished"]
        pairs.append(("finished", f"{finished.day} {finished:%B %Y, %H:%M} UTC"))
    recipe = f"{saved['model']}, recipe {saved['recipe']['name']}"
    folds = f", {len(report['folds'])} folds" if report["folds"] else ""
    return [*pairs, ("model", f"{recipe}{folds}"), ("training time", duration(metrics["train_seconds"]))]


def _file_names(paths: str | list[str] | None) -> str:
    """Return the names of files without their folders, as the beginning of a list entry."""
    each = [paths] if isinstance(paths, str) else paths or []
    return "".join(f"{file_and_line(one)}, " for one in each)


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
