"""The folder of a run: the names of its files, whether a run may be written to it, and how one run replaces another."""

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from slanted.common.atomic_files import disk_errors, is_of_the_system, part_of, sync_folder, sync_tree
from slanted.common.strict_json import decoded_strictly
from slanted.errors import InputError
from slanted.text.runs.checkpoints import FOLD, come_to
from slanted.text.runs.checkpoints import FOLDER as CHECKPOINTS
from slanted.text.runs.folder_lock import LOCK, locked, made

MODEL, TOKENIZER, RECIPE, LABELS = "model", "tokenizer.json", "recipe.json", "labels.json"
HISTORY, METRICS, PREDICTIONS = "history.csv", "metrics.json", "predictions.csv"
BAD_ROWS, OUT_OF_FOLD = "bad_rows.csv", "out_of_fold.csv"
REPORT, REPORT_DATA = "report.html", "report.json"
PARTIAL = ".partial"
REPLACING, REPLACED = ".replacing", ".replaced"  # the run that is replaced: as it moves away, and once all of it has
OURS = (MODEL, TOKENIZER, RECIPE, LABELS, HISTORY, METRICS, PREDICTIONS, BAD_ROWS, OUT_OF_FOLD, REPORT, REPORT_DATA)
HISTORY_COLUMNS = ("step", "epoch", "loss", "learning_rate")


def fold_name(number: int) -> str:
    """Return the name of a fold's folder, the first being 0.

    >>> fold_name(0)
    'fold_1'
    """
    return f"{FOLD}{number + 1}"


def is_ours(name: str) -> bool:
    """Return whether a run's folder holds an entry of this name."""
    return name in OURS or re.fullmatch(rf"{FOLD}[1-9]\d*", name) is not None


def check_free(folder: Path, overwrite: bool, resume: bool = False) -> None:
    """Raise unless a run may be written to `folder`; touches nothing.

    Args:
        folder: The run's.
        overwrite: Whether a run that it holds may be replaced.
        resume: Whether a run that it holds and that is not finished may go on.

    Raises:
        InputError: It is a file, holds a run that stays, holds anything that is not a run's, or cannot be written to.
    """
    if folder.exists() and not folder.is_dir():
        raise InputError(f"--out {folder}: is a file; give a folder")
    if folder.is_dir():
        _check_contents(folder, overwrite, resume)
    parent = next(place for place in (folder, *folder.parents) if place.exists())
    if not parent.is_dir():
        raise InputError(f"--out {folder}: {parent} is a file; give another folder")
    if not os.access(parent, os.W_OK | os.X_OK):
        raise InputError(f"--out {folder}: {parent} cannot be written to; give another folder")


def _check_contents(folder: Path, overwrite: bool, resume: bool) -> None:
    passed_over = (LOCK, PARTIAL, CHECKPOINTS)
    names = sorted(entry.name for entry in folder.iterdir() if not is_of_the_system(entry.name))
    found = [name for name in names if name not in passed_over and not is_ours(part_of(name) or "")]
    foreign = [name for name in found if name not in (REPLACING, REPLACED) and not is_ours(name)]
    if foreign:
        raise InputError(f"--out {folder}: holds {foreign[0]!r}, which is not a run's; give a new or empty folder")
    kept = come_to(folder)
    if kept and not (overwrite or resume):
        remedy = "add --resume to go on with it, or --overwrite to start again"
        raise InputError(f"--out {folder}: holds a run that has come to {kept}; {remedy}")
    if found and not (overwrite or (resume and kept)):
        raise InputError(f"--out {folder}: holds a run; give another folder, or --overwrite to replace it")


@contextmanager
def claimed(folder: Path, overwrite: bool) -> Iterator[Path]:
    """Hold `folder` for one run as `held` does, and yield a place for its files as `replaced` does.

    Raises:
        InputError: As `held`.
    """
    with held(folder, overwrite), replaced(folder) as place:
        yield place


@contextmanager
def held(folder: Path, overwrite: bool, resume: bool = False) -> Iterator[None]:
    """Hold `folder` for one run, alone. The lock is the operating system's and dies with the process.

    The run's checkpoints go once the block has ended well. Of one that has not they stay, and another with `resume`
    finds them.

    Raises:
        InputError: As `check_free`, or another process is writing to the folder.
    """
    check_free(folder, overwrite, resume)
    with made(folder), locked(folder):
        _settle(folder)
        _drop_parts(folder)
        check_free(folder, overwrite, resume)  # a run may have ended since
        if not (resume and come_to(folder)):
            _drop_checkpoints(folder)
        try:
            yield
            _drop_checkpoints(folder)
        finally:
            if not come_to(folder):
                shutil.rmtree(folder / CHECKPOINTS, ignore_errors=True)


@contextmanager
def replaced(folder: Path, source: str = PARTIAL) -> Iterator[Path]:
    """Yield a folder inside `folder`, which is held, for the run's files.

    They take their place, and that of the run they replace, once the block has ended well. Until then the folder's own
    files are not touched.

    Args:
        folder: The run's.
        source: Which folder inside it: `PARTIAL`, empty and gone after a run that does not end well, or `CHECKPOINTS`.
    """
    partial = folder / PARTIAL
    shutil.rmtree(partial, ignore_errors=True)
    try:
        partial.mkdir()
        (folder / source).mkdir(exist_ok=True)
        yield folder / source
        sync_tree(folder / source)  # before anything that it replaces, and its checkpoints, are gone
        _replace(folder, folder / source)
        with disk_errors(folder):
            sync_folder(folder)
    finally:
        _settle(folder)
        shutil.rmtree(partial, ignore_errors=True)


def _drop_parts(folder: Path) -> None:
    """Take away what processes that were killed were writing to: nobody else writes to a folder that is held."""
    for path in folder.iterdir():
        if is_ours(part_of(path.name) or "") and not path.is_dir():
            path.unlink()


def _drop_checkpoints(folder: Path) -> None:
    """Take the checkpoints away, all of them at once for whoever is killed meanwhile."""
    checkpoints, partial = folder / CHECKPOINTS, folder / PARTIAL
    shutil.rmtree(partial, ignore_errors=True)
    if checkpoints.exists():
        with suppress(OSError):
            partial.mkdir()
            checkpoints.rename(partial / CHECKPOINTS)
        for place in (partial, checkpoints):
            shutil.rmtree(place, ignore_errors=True)


def _replace(folder: Path, source: Path) -> None:
    """Put a finished run in the place of what the folder holds; where that is cut short, `_settle` undoes it."""
    _move(folder, folder / REPLACING)
    (folder / REPLACING).rename(folder / REPLACED)  # from here on all that the folder holds is of the new run
    _move(source, folder)


def _settle(folder: Path) -> None:
    """Undo a replacement that was cut short, by the end of the process too; take away what one that was not has left.

    The new run goes back to where it was whole, then the old one to where it was; either can be cut short again.
    """
    if (folder / REPLACED).exists():
        source = next((folder / name for name in (CHECKPOINTS, PARTIAL) if _entries(folder / name)), None)
        if source is None:  # all of the new run is in place
            shutil.rmtree(folder / REPLACED)
        else:
            _move(folder, source)
            (folder / REPLACED).rename(folder / REPLACING)
    if (folder / REPLACING).exists():
        _move(folder / REPLACING, folder)
        (folder / REPLACING).rmdir()


def _entries(folder: Path) -> list[str]:
    """Return what is a run's in a folder, last what tells most of how far it has come: its scores and its folds."""
    names = [entry.name for entry in folder.iterdir() if is_ours(entry.name)] if folder.exists() else []
    return sorted(names, key=lambda name: (name.startswith(FOLD), name == METRICS, len(name), name))


def _move(source: Path, destination: Path) -> None:
    """Move what is a run's from one folder to another, in place of what is there."""
    destination.mkdir(exist_ok=True)
    for name in _entries(source):
        _remove(destination / name)
        (source / name).rename(destination / name)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def read_json(path: Path) -> Any:
    """Return what a run's JSON file holds.

    Raises:
        InputError: The file is missing, holds no JSON, or a number or a text that no run writes.
    """
    try:
        return decoded_strictly(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        kept = come_to(path.parent)
        done = f"it has come to {kept}; to go on, add --resume to the command that trains it" if kept else ""
        found = done or f"{path.name} is missing; train one first"
        raise InputError(f"{path.parent}: is not a finished run, {found}") from None
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read as JSON ({error}); restore the file or train again") from None
