"""The model that a run starts from: found, checked and loaded. If it is that of another run, its folder is settled."""

from collections.abc import Mapping
from pathlib import Path

from slanted.common.regular_files import MOST_BYTES
from slanted.errors import InputError
from slanted.text.pretrained.encoder import Encoder, load_encoder
from slanted.text.pretrained.hub import fetch
from slanted.text.pretrained.model_files import DEFAULT, REMOTE, ModelFiles, locate
from slanted.text.runs.artefacts import MODEL, SUMS, TOKENIZER, check_sums, sha256_of
from slanted.text.runs.own_files import recipe_in
from slanted.text.runs.replacement import settle
from slanted.text.runs.saved_run import unreplaced

_WEIGHTS, _OTHERS = (".safetensors", ".h5"), (".json", ".txt", ".model", ".spm")


def locate_model(name: str) -> ModelFiles:
    """Find the files of a model, see `locate`; what a killed process left in the folder of a run is settled first.

    Raises:
        InputError: As `locate` and `settle`.
    """
    folder = Path(name).expanduser()
    if name != DEFAULT and not name.startswith(REMOTE) and folder.is_dir():
        settle(folder)
    return locate(name)


def load_starting_model(name: str, dtype: str, dropout: float | None) -> Encoder:
    """Load the encoder that a run starts from, see `load_encoder`.

    Raises:
        InputError: As `load_encoder`, or the model is that of a run and a file differs from what was saved with it.
    """

    def load(folder: Path) -> Encoder:
        check_sums(folder, (recipe_in(folder) or {}).get(SUMS), TOKENIZER, MODEL)
        return load_encoder(name, dtype, dropout)

    folder = locate_model(name).tokenizer_folder
    return load_encoder(name, dtype, dropout) if folder is None else unreplaced(folder, load)


def model_sums(name: str) -> dict[str, str]:
    """Return file -> SHA-256 of a model's files; none for a KerasHub preset, whose name identifies its version.

    Raises:
        InputError: The model cannot be found, or a file cannot be read.
    """
    files = locate_model(name)
    if files.folder is None and "://" not in name:
        return {}
    weights = files.folder or fetch(name, {})
    names = {path: path.relative_to(weights).as_posix() for path in weights.rglob("*")}
    if files.tokenizer_folder not in (None, weights):  # the folder of a run, around its model
        names |= {path: path.name for path in files.tokenizer_folder.iterdir()}
    wanted = sorted(path for path in names if path.suffix in (*_WEIGHTS, *_OTHERS) and path.is_file())
    return {names[path]: sha256_of(path) for path in wanted if path.suffix in _WEIGHTS or _is_readable(path)}


def _is_readable(path: Path) -> bool:
    """Return whether a file other than weights is read at all."""
    return path.stat().st_size <= MOST_BYTES


def require_unchanged_model(name: str, before: Mapping[str, str]) -> None:
    """Raise if a file of a model in a local folder was changed: its sum would be wrong, or runs start from two models.

    Args:
        name: The name of the model.
        before: The result of `model_sums` before the model was read first.

    Raises:
        InputError: It was; the message names the model.
    """
    if not name.startswith(REMOTE) and model_sums(name) != before:
        remedy = "give the command again once nobody writes to it"
        raise InputError(f"--model {name}: a file in it was changed since the command began; {remedy}")
