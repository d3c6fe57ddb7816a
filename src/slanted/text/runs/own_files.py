"""Which entries of a folder a run wrote, by their names, kinds and sums: only those may be replaced or deleted."""

from collections.abc import Collection
from pathlib import Path
from re import fullmatch
from typing import Any

from slanted.common.atomic_files import is_of_the_system, part_of
from slanted.common.regular_files import is_folder, is_regular, read_regular
from slanted.common.strict_json import decoded_strictly
from slanted.errors import InputError
from slanted.text.runs.artefacts import CARD, MODEL, RECIPE, REPLACED, REPLACING, SUMS, WORK, is_card, is_fold, is_ours
from slanted.text.runs.checkpoints import PREFIX
from slanted.text.runs.folder_lock import LOCK

PART = ".part"  # in the folder of the checkpoints
IN_WORK = ("run.json", "live.jsonl")  # in the folders to work in, beside a run's files and checkpoints
IN_MODEL = (
    r"(config|metadata|model\.weights|task|preprocessor|tokenizer)\.json|model\.keras|(model(_\d+)?|task)\.weights\.h5"
    r"|assets/tokenizer/(vocabulary\.(txt|json|spm)|merges\.txt)"
)  # the files of a model of KerasHub, and that of Keras
NOT_A_RUN_S, NEW_FOLDER = "which is not a run's", "give a new or empty folder"
MOVE_AWAY = f"move it away, or {NEW_FOLDER}"

Stray = tuple[Path, str, str]


def require_own(folder: Path, is_work: bool = False) -> None:
    """Raise unless everything in a folder was written by a run.

    The names of a run's files count only beside a recipe.json that slanted wrote, in each fold too, or while one run
    replaces another. No link, device or pipe is a run's.

    Args:
        folder: The folder of a run or of a fold.
        is_work: Whether it is a folder to work in, see `stray`.

    Raises:
        InputError: Something else is there; the message names it.
    """
    if found := stray(folder, is_work):
        path, problem, remedy = found
        raise InputError(f"--out {folder}: holds {str(path.relative_to(folder))!r}, {problem}; {remedy}")


def stray(folder: Path, is_work: bool = False) -> Stray | None:
    """Return an entry of a run's folder that no run wrote, the problem and the remedy; None if there is none.

    Args:
        folder: The folder of a run or of a fold.
        is_work: Whether it is a folder to work in, whose files count without a recipe.json.
    """
    saved = recipe_in(folder)
    counts = is_work or saved is not None or any((folder / name).exists() for name in (REPLACING, REPLACED))
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        name, inner = part_of(path.name) or path.name, None
        if path.name in WORK:
            if not is_folder(path) or path.stat().st_dev != folder.stat().st_dev:
                remedy = "put a folder of this disk in its place, or give another --out"
                return path, "which is no folder, a link or on another disk", remedy
            inner = stray(path, is_work=True)
        elif is_work and path.name == PART and is_folder(path):
            others = (file for file in sorted(path.iterdir()) if not _is_checkpoint(file))
            inner = next(((file, NOT_A_RUN_S, NEW_FOLDER) for file in others), None)
        elif not _has_known_name_and_kind(path, name, is_work):
            return path, NOT_A_RUN_S, NEW_FOLDER
        elif is_ours(name) and not counts and name == path.name:
            return path, f"but no {RECIPE} of slanted, without which it is no run", MOVE_AWAY
        elif is_fold(name):
            inner = stray(path, is_work)
        elif name == MODEL:
            inner = _added(path, (saved or {}).get(SUMS))
        if inner:
            return inner
    return None


def _has_known_name_and_kind(path: Path, name: str, is_work: bool) -> bool:
    """Return whether an entry, or a temporary file for one of this name, is a file or a folder as a run has it."""
    if name == MODEL or is_fold(name):
        return is_folder(path)
    if path.name == CARD:
        return is_card(path)
    is_known = is_ours(name) or path.name == LOCK or is_of_the_system(path.name)
    is_of_work = is_work and (name in IN_WORK or _is_checkpoint(path))
    return is_regular(path) and (is_known or is_of_work)


def _is_checkpoint(path: Path) -> bool:
    return is_regular(path) and fullmatch(rf"{PREFIX}\d+", path.name) is not None


def _added(model: Path, sums: Any) -> Stray | None:
    """Return a file in `model` that its run did not write: one without a sum, or with another name if there are none.

    Args:
        model: The folder.
        sums: The entry `SUMS` of recipe.json.
    """
    known: Collection[str] | None = sums if isinstance(sums, dict) else None
    for path in sorted(model.rglob("*")):
        name = path.relative_to(model).as_posix()
        is_known = fullmatch(IN_MODEL, name) is not None if known is None else f"{MODEL}/{name}" in known
        if not is_folder(path) and not (is_regular(path) and (is_known or is_of_the_system(path.name))):
            return path, NOT_A_RUN_S, MOVE_AWAY
    return None


def recipe_in(folder: Path) -> dict[str, Any] | None:
    """Return the content of a recipe.json that slanted wrote; None if there is none."""
    try:
        saved = decoded_strictly(read_regular(folder / RECIPE).decode("utf-8"))
    except (OSError, ValueError):
        return None
    is_of_slanted = isinstance(saved, dict) and isinstance(saved.get("recipe"), dict) and "model" in saved
    return saved if is_of_slanted else None
