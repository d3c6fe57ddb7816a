"""Download models from a hub into the hub's own cache."""

import difflib
from pathlib import Path

from slanted.errors import InputError, missing_extra
from slanted.text.pretrained.model_files import check_folder

WANTED = ["*.json", "*.safetensors", "*.txt", "*.model", "*.h5", "assets/**"]


def fetch(preset: str, known: dict[str, str]) -> Path:
    """Return the folder of a model on a hub; it is downloaded unless it is in the hub's cache.

    Args:
        preset: `hf://owner/name`, `kaggle://...`, or the name of a KerasHub preset.
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


def _from_hugging_face(preset: str, address: str) -> Path:
    """Download the configuration, safetensors and tokenizer of a repository, but no files that could execute code."""
    try:
        import huggingface_hub
        from huggingface_hub.errors import HfHubHTTPError, HFValidationError
    except ImportError:
        raise missing_extra("text", f"The model `{preset}`") from None
    try:
        return Path(huggingface_hub.snapshot_download(address.removeprefix("hf://"), allow_patterns=WANTED))
    except (HfHubHTTPError, HFValidationError, OSError, ValueError) as error:
        raise _unreachable(preset, error) from None


def _from_kaggle(preset: str, address: str) -> Path:
    """Download a KerasHub preset."""
    try:
        import kagglehub
        from kagglehub.exceptions import BackendError, CredentialError, DataCorruptionError, UnauthenticatedError
    except ImportError:
        raise missing_extra("text", f"The model `{preset}`") from None
    refusals = (BackendError, CredentialError, DataCorruptionError, UnauthenticatedError)
    try:
        return Path(kagglehub.model_download(address.removeprefix("kaggle://")))
    except (OSError, ValueError, *refusals) as error:
        raise _unreachable(preset, error) from None


def _unreachable(preset: str, error: Exception) -> InputError:
    """Return the error for a model that cannot be downloaded; its text names the models that need no network."""
    reason = " ".join(str(error).split())[:160]
    return InputError(
        f"model `{preset}` cannot be fetched ({type(error).__name__}: {reason}): check the name and the network, "
        "or use `--model minilm` or a local folder"
    )
