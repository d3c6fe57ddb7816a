"""The files of a run: their names, their SHA-256, and which entries of a folder a run has."""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from re import fullmatch
from typing import Any

from slanted.common.atomic_files import is_of_the_system, part_of
from slanted.common.regular_files import read_regular
from slanted.common.strict_json import decoded_strictly
from slanted.errors import InputError
from slanted.text.formats.input_paths import open_source
from slanted.text.runs.checkpoints import FOLDER as CHECKPOINTS
from slanted.text.runs.checkpoints import PREFIX
from slanted.text.runs.folder_lock import LOCK

MODEL, TOKENIZER, RECIPE, LABELS = "model", "tokenizer.json", "recipe.json", "labels.json"
HISTORY, METRICS, PREDICTIONS = "history.csv", "metrics.json", "predictions.csv"
BAD_ROWS, OUT_OF_FOLD = "bad_rows.csv", "out_of_fold.csv"
REPORT, REPORT_DATA = "report.html", "report.json"
FOLD = "fold_"
OURS = (MODEL, TOKENIZER, RECIPE, LABELS, HISTORY, METRICS, PREDICTIONS, BAD_ROWS, OUT_OF_FOLD, REPORT, REPORT_DATA)
PARTIAL = ".partial"
REPLACING, REPLACED = ".replacing", ".replaced"  # the replaced run: while it is moved, and after
WORK = (PARTIAL, CHECKPOINTS, REPLACING, REPLACED)  # folders that a command makes and deletes
IN_WORK = (*WORK, LOCK, "run.json", "live.jsonl", ".part")  # beside a run's files and checkpoints
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


def require_own(folder: Path) -> None:
    """Raise unless everything in a folder is a run's or left by one.

    The names of a run's files count only beside a recipe.json that slanted wrote, in each fold too, or while one run
    replaces another.

    Raises:
        InputError: Something else is there; the message names it.
    """
    if stray := _stray(folder):
        path, problem, remedy = stray
        raise InputError(f"--out {folder}: holds {str(path.relative_to(folder))!r}, {problem}; {remedy}")


def _stray(folder: Path) -> tuple[Path, str, str] | None:
    foreign = "which is not a run's", "give a new or empty folder"
    if not folder.is_dir():
        return None
    saved, is_replaced = _recipe(folder), any((folder / name).exists() for name in (REPLACING, REPLACED))
    for path in sorted(folder.iterdir()):
        name = part_of(path.name) or path.name
        if path.name == LOCK or is_of_the_system(path.name) or (name != path.name and is_ours(name)):
            continue
        if name in WORK:
            if path.is_symlink() or not path.is_dir() or path.stat().st_dev != folder.stat().st_dev:
                remedy = "put a folder of this disk in its place, or give another --out"
                return path, "which is no folder, a link or on another disk", remedy
            if others := [
                inner for inner in sorted(path.iterdir()) if inner.is_symlink() or not _is_in_work(inner.name)
            ]:
                return others[0], *foreign
        elif not is_ours(name) or path.is_dir() != (name == MODEL or is_fold(name)):
            return path, *foreign
        elif saved is None and not is_replaced:
            rule = f"but no {RECIPE} of slanted, without which it is no run"
            return path, rule, "move it away, or give a new or empty folder"
        elif inner := _stray(path) if is_fold(name) else _added(path, saved) if name == MODEL else None:
            return inner
    return None


def _is_in_work(name: str) -> bool:
    name = part_of(name) or name
    return name in IN_WORK or is_of_the_system(name) or name.startswith(PREFIX) or is_ours(name)


def _added(model: Path, saved: Mapping[str, Any] | None) -> tuple[Path, str, str] | None:
    """Return a file in `model` that its run does not name."""
    known = (saved or {}).get(SUMS)
    if not isinstance(known, dict):
        return None
    for path in sorted(model.rglob("*")):
        if path.is_file() and f"{path.relative_to(model.parent)}" not in known and not is_of_the_system(path.name):
            return path, "which is not a run's", "move it away, or give a new or empty folder"
    return None


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
    paths = [path for name in names for path in (folder / name, *sorted((folder / name).rglob("*")))]
    files = [path for path in paths if path.is_file() and not is_of_the_system(path.name)]
    return {path.relative_to(folder).as_posix(): sha256_of(path) for path in files}


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
    found = sums_in(folder, names) if expected else {}
    for name, value in expected.items():
        if found.get(name) != value:
            problem = "is not the file that was saved with the run" if name in found else "is missing"
            remedy = f"restore it or train again; to use what is there, delete {SUMS!r} from {RECIPE}"
            raise InputError(f"{folder / name}: {problem}; {remedy}")


def _recipe(folder: Path) -> dict[str, Any] | None:
    """Return the content of a recipe.json that slanted wrote; None if there is none."""
    try:
        saved = decoded_strictly(read_regular(folder / RECIPE).decode("utf-8"))
    except (OSError, ValueError):
        return None
    is_of_slanted = isinstance(saved, dict) and isinstance(saved.get("recipe"), dict) and "model" in saved
    return saved if is_of_slanted else None
