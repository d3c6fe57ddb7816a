"""The files of a run: their names and their SHA-256."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from re import fullmatch
from typing import Any

from slanted.common.atomic_files import is_of_the_system
from slanted.common.regular_files import MOST_BYTES, read_regular
from slanted.errors import InputError
from slanted.text.formats.input_paths import open_source
from slanted.text.pretrained.model_files import most_bytes
from slanted.text.runs.checkpoints import FOLDER as CHECKPOINTS
from slanted.text.runs.folder_lock import LOCK

MODEL, TOKENIZER, RECIPE, LABELS = "model", "tokenizer.json", "recipe.json", "labels.json"
HISTORY, METRICS, PREDICTIONS = "history.csv", "metrics.json", "predictions.csv"
BAD_ROWS, OUT_OF_FOLD = "bad_rows.csv", "out_of_fold.csv"
REPORT, REPORT_DATA = "report.html", "report.json"
CARD = "README.md"
CARD_MARK = "<!-- model card by slanted -->"  # its first line, which tells it from a README.md of the user
FOLD = "fold_"
OURS = (MODEL, TOKENIZER, RECIPE, LABELS, HISTORY, METRICS, PREDICTIONS, BAD_ROWS, OUT_OF_FOLD, REPORT, REPORT_DATA)
OURS += (CARD,)
PARTIAL = ".partial"
REPLACING, REPLACED = ".replacing", ".replaced"  # the replaced run: while it is moved, and after
WORK = (PARTIAL, CHECKPOINTS, REPLACING, REPLACED)  # folders that a command makes and deletes
SUMS = "artefacts"  # the entry of recipe.json


def fold_name(number: int) -> str:
    """Return the name of a fold's folder, the first being 0.

    >>> fold_name(0)
    'fold_1'
    """
    return f"{FOLD}{number + 1}"


def is_fold(name: str) -> bool:
    """Return whether this is the name of a fold's folder."""
    return fullmatch(rf"{FOLD}[1-9]\d*", name) is not None


def is_ours(name: str) -> bool:
    """Return whether a run's folder contains an entry of this name."""
    return name in OURS or is_fold(name)


def is_card(path: Path) -> bool:
    """Return whether a file is a model card, or the beginning of one, that slanted wrote."""
    try:
        first = read_regular(path)[: len(CARD_MARK)].decode("utf-8", errors="replace")
    except (OSError, ValueError):
        return False
    return CARD_MARK.startswith(first)


def is_of_run(path: Path, folder: Path) -> bool:
    """Return whether a path is that of a file of the run in a folder, or of one that a run may write."""
    path, folder = path.resolve(), folder.resolve()
    if not path.is_relative_to(folder) or path == folder:
        return False
    first = path.relative_to(folder).parts[0]
    return is_ours(first) or first in (*WORK, LOCK)


def identity(folder: Path) -> tuple[int, int] | None:
    """Return a value that changes when another run replaces the one in the folder; None without a run."""
    try:
        recipe = (folder / RECIPE).stat()
    except OSError:
        return None
    return recipe.st_ino, recipe.st_mtime_ns


def sums_in(folder: Path, names: Sequence[str] = (LABELS, TOKENIZER, MODEL)) -> dict[str, str]:
    """Return the SHA-256 of files in a folder, by their paths in it.

    Args:
        folder: The run's folder.
        names: Its files, and its folders with all files in them; those that are missing are left out.
    """
    return {name: sha256_of(path) for name, path in _files_in(folder, names).items()}


def _files_in(folder: Path, names: Sequence[str]) -> dict[str, Path]:
    paths = [path for name in names for path in (folder / name, *sorted((folder / name).rglob("*")))]
    files = [path for path in paths if path.is_file() and not is_of_the_system(path.name)]
    return {path.relative_to(folder).as_posix(): path for path in files}


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file.

    Raises:
        InputError: The file cannot be read.
    """
    with open_source(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check_sums(folder: Path, sums: Any, *names: str) -> None:
    """Raise unless files of a run are those that were saved with it.

    Args:
        folder: The run's folder.
        sums: The entry `SUMS` of its recipe.json; None, of a run that an earlier version wrote: nothing is checked.
        names: The files, and the folders.

    Raises:
        InputError: A file is missing or differs; the message names it.
    """
    if not isinstance(sums, dict | None):
        raise InputError(f"{folder / RECIPE}: {SUMS!r} must be an object of SHA-256; restore the file or train again")
    expected = {name: value for name, value in (sums or {}).items() if name.split("/")[0] in names}
    files = _files_in(folder, names) if expected else {}
    for name, value in expected.items():
        if name not in files or not _has_sum(files[name], value):
            problem = "is not the file that was saved with the run" if name in files else "is missing"
            remedy = f"restore it or train again; to use what is there, delete {SUMS!r} from {RECIPE}"
            raise InputError(f"{folder / name}: {problem}; {remedy}")


def _has_sum(path: Path, expected: Any) -> bool:
    """Return whether a file has a SHA-256; one that is larger than a run's can be is not read."""
    most = most_bytes(path.parent) if path.suffix in (".h5", ".keras") else MOST_BYTES
    return path.stat().st_size <= most and sha256_of(path) == expected
