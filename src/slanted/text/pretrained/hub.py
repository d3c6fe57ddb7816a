"""Download models from a hub into the hub's own cache."""

import difflib
import re
from pathlib import Path
from typing import Any

from slanted.errors import InputError, missing_extra
from slanted.text.pretrained.model_files import REMOTE, check_folder

WANTED = ["*.json", "*.safetensors", "*.txt", "*.model", "*.h5", "assets/**"]


def fetch(preset: str, known: dict[str, str]) -> Path:
    """Return the folder of a model on a hub; it is downloaded unless it is in the hub's cache.

    Args:
        preset: `hf://owner/name`, `hf://owner/name@COMMIT`, `kaggle://...`, or the name of a KerasHub preset.
        known: KerasHub preset -> Kaggle handle.

    Raises:
        InputError: The preset is unknown, the hub cannot be reached, or the files are incomplete.
    """
    address = preset if "://" in preset else known.get(preset)
    if address is None:
        near = difflib.get_close_matches(preset, known, n=3, cutoff=0.4)
        examples = ", ".join(near or ["bert_tiny_en_uncased", "distil_bert_base_en_uncased", "roberta_base_en"])
        kinds = "minilm, a local folder, hf://owner/name, or a KerasHub preset"
        raise InputError(f"unknown model `{preset}`: use {kinds} such as {examples}")
    folder = _from_hugging_face(preset, address) if address.startswith("hf://") else _from_kaggle(preset, address)
    check_folder(folder)
    return folder


def pinned(name: str) -> str:
    """Return the name of a model with the version that is downloaded: later downloads then get the same files.

    That is `hf://owner/name@COMMIT` or `kaggle://owner/model/framework/variation/VERSION`. All other names stay:
    those with a version, local folders, and KerasHub presets, whose versions KerasHub knows.

    Raises:
        InputError: The hub cannot be reached, or the files are incomplete.
    """
    if name.startswith("hf://") and "@" not in name:
        commit = fetch(name, {}).name
        return f"{name}@{commit}" if re.fullmatch("[0-9a-f]{40}", commit) else name
    if name.startswith("kaggle://") and name.count("/") == 5:
        version = fetch(name, {}).name
        return f"{name}/{version}" if version.isdigit() else name
    return name


def is_pinned(name: str, unpinned: str) -> bool:
    """Return whether a name is another one with its version.

    >>> is_pinned("hf://owner/name@0a1b", "hf://owner/name"), is_pinned("minilm@2", "minilm")
    (True, False)
    """
    return unpinned.startswith(REMOTE) and name.startswith((f"{unpinned}@", f"{unpinned}/"))


def _from_hugging_face(preset: str, address: str) -> Path:
    """Download the configuration, safetensors and tokenizer of a repository, but no files that could execute code."""
    try:
        import huggingface_hub
    except ImportError:
        raise missing_extra("text", f"The model `{preset}`") from None
    repository, _, revision = address.removeprefix("hf://").partition("@")
    version: dict[str, Any] = {"revision": revision} if revision else {}
    try:
        return Path(huggingface_hub.snapshot_download(repository, allow_patterns=WANTED, **version))
    except Exception as error:  # of HTTP clients that change with its versions, and without a common base
        raise _unreachable(preset, error) from None


def _from_kaggle(preset: str, address: str) -> Path:
    """Download a KerasHub preset."""
    try:
        import kagglehub
    except ImportError:
        raise missing_extra("text", f"The model `{preset}`") from None
    try:
        return Path(kagglehub.model_download(address.removeprefix("kaggle://")))
    except Exception as error:  # its own errors have no common base
        raise _unreachable(preset, error) from None


def _unreachable(preset: str, error: Exception) -> InputError:
    """Return the error for a model that cannot be downloaded; its text names the models that need no network."""
    reason = " ".join(str(error).split())[:160]
    return InputError(
        f"model `{preset}` cannot be fetched ({type(error).__name__}: {reason}): check the name and the network, "
        "or use `--model minilm` or a local folder"
    )
