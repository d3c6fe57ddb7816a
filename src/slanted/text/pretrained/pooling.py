"""The vector of a text that the head reads: that of the first token, [CLS], or the mean of all tokens."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from slanted.errors import SettingError
from slanted.text.pretrained.encoder import Encoder
from slanted.text.pretrained.model_files import MODEL_KERAS
from slanted.text.settings import AUTO, CLS, MEAN, Settings
from slanted.text.tokens.vocabulary_files import read_model_json


def with_pooling(settings: Settings, encoder: Encoder) -> Settings:
    """Return the settings with `pooling` "cls" or "mean": "auto" is what the checkpoint was trained with.

    Raises:
        InputError: A file in the folder of the model is corrupt.
        SettingError: It is "mean", and the model has no padding mask, without which padding would be in the mean.
    """
    has_mask = "padding_mask" in encoder.input_names
    if settings.pooling == MEAN and not has_mask:
        raise SettingError("pooling", f"{CLS} for a model of type {encoder.family}, without a padding mask", MEAN)
    if settings.pooling != AUTO:
        return settings
    return replace(settings, pooling=pooling_of(encoder.folder) if has_mask else CLS)


def pooling_of(folder: Path) -> str:
    """Return the pooling that a checkpoint was trained with: "mean", or "cls" if its folder does not say.

    It is said by the modules of sentence-transformers, the task of a KerasHub text embedder, and a run's model.

    Args:
        folder: The folder of the weights.

    Raises:
        InputError: A file in the folder is corrupt.
    """
    if (folder / MODEL_KERAS).is_file():
        return MEAN
    pooling, task = _content(folder / _pooling_module(folder) / "config.json"), _content(folder / "task.json")
    is_embedder = str(task.get("class_name")).endswith("TextEmbedder")
    embedder = task.get("config") if is_embedder else None
    mode = embedder.get("pooling_mode") if isinstance(embedder, dict) else pooling.get("pooling_mode")
    modes = [name for name, value in pooling.items() if name.startswith("pooling_mode_") and value is True]
    return MEAN if mode == MEAN or modes == ["pooling_mode_mean_tokens"] else CLS


def _pooling_module(folder: Path) -> str:
    """Return the folder of the pooling, within that of a model of sentence-transformers."""
    modules = read_model_json(folder / "modules.json") if (folder / "modules.json").is_file() else []
    for module in modules if isinstance(modules, list) else []:
        if isinstance(module, dict) and str(module.get("type")).endswith(".Pooling"):
            return Path(str(module.get("path"))).name.strip(".") or "1_Pooling"
    return "1_Pooling"


def _content(path: Path) -> dict[str, Any]:
    """Return the object in a JSON file; an empty one if there is no such file."""
    content = read_model_json(path) if path.is_file() else {}
    return content if isinstance(content, dict) else {}
