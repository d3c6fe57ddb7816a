"""How one run replaces another in its folder, so that a process killed at any step leaves the old one or the new one.

The old run's files are moved to `.replacing`, which is then renamed to `.replaced`; then the new run's files are moved
from the folder in which they were written, metrics.json and folds last; then `.replaced` is deleted. An interrupted
replacement is undone, in the opposite order, by the next command that opens the folder.
"""

import errno
import shutil
import time
from pathlib import Path

from slanted.common.atomic_files import disk_errors, sync_tree
from slanted.errors import InputError
from slanted.text.runs.artefacts import FOLD, METRICS, PARTIAL, REPLACED, REPLACING, is_ours
from slanted.text.runs.checkpoints import FOLDER as CHECKPOINTS
from slanted.text.runs.folder_lock import locked
from slanted.text.runs.own_files import require_own

PATIENCE = 5.0  # seconds in which another process completes a replacement


def replace_run(folder: Path, source: Path) -> None:
    """Replace the run in a folder, which is locked, by the finished run in `source`, a folder inside."""
    _move(folder, folder / REPLACING)
    (folder / REPLACING).rename(folder / REPLACED)  # from here on the folder itself contains files of the new run only
    _move(source, folder)


def undo_replacement(folder: Path) -> None:
    """Undo an interrupted replacement in a folder, which is locked; delete the old run if the new one is complete.

    First the new run is moved back to where it was complete, then the old one; both moves may be interrupted again.
    """
    if (folder / REPLACED).exists():
        source = next((folder / name for name in (CHECKPOINTS, PARTIAL) if _entries(folder / name)), None)
        if source is None:  # the new run is complete
            _delete(folder / REPLACED)
        else:
            _move(folder, source)
            (folder / REPLACED).rename(folder / REPLACING)
    if (folder / REPLACING).exists():
        _move(folder / REPLACING, folder)
        _delete(folder / REPLACING)


def settle(folder: Path) -> None:
    """Undo or complete a replacement that a killed process left; every command that reads a run calls this first.

    While another process replaces the run, this waits for it.

    Raises:
        InputError: The folder cannot be written to, or another process does not complete its replacement.
    """
    last = time.monotonic() + PATIENCE
    while left := [name for name in (REPLACED, REPLACING) if (folder / name).exists()]:
        require_own(folder)
        try:
            with locked(folder), disk_errors(folder):
                undo_replacement(folder)
        except InputError as error:
            if time.monotonic() > last:
                problem = f"the replacement of its run was interrupted ({error})"
                remedy = f"make it writable and try again, or move the old run's files from {left[0]} into it"
                raise InputError(f"{folder}: {problem}; {remedy}") from None
            time.sleep(PATIENCE / 100)


def _delete(folder: Path) -> None:
    """Delete a folder of a replaced run, unless the user has put a file into it meanwhile."""
    require_own(folder, is_work=True)
    shutil.rmtree(folder)


def _entries(folder: Path) -> list[str]:
    """List the run's entries in `folder`, metrics.json and fold folders last: they mark a run as complete."""
    names = [entry.name for entry in folder.iterdir() if is_ours(entry.name)] if folder.exists() else []
    return sorted(names, key=lambda name: (name.startswith(FOLD), name == METRICS, len(name), name))


def _move(source: Path, destination: Path) -> None:
    """Move the run's entries from one folder to another, replacing those of the same name."""
    destination.mkdir(exist_ok=True)
    for name in _entries(source):
        _remove(destination / name)
        try:
            (source / name).rename(destination / name)
        except OSError as error:
            if error.errno != errno.EXDEV or not (source / name).is_dir():
                raise
            _copy(source / name, destination / name)
            shutil.rmtree(source / name)


def _copy(source: Path, destination: Path) -> None:
    """Copy a folder that cannot be renamed, as overlayfs refuses for folders of an image; complete or not at all."""
    part = destination.with_name(f".{destination.name}.copy.part")
    _remove(part)
    shutil.copytree(source, part, symlinks=True)
    sync_tree(part)
    part.rename(destination)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
