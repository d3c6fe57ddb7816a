"""The folder of a run: its files, how far the run in it is, its lock, and how one run replaces another."""

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from slanted.common.atomic_files import disk_errors, is_of_the_system, part_of, sync_folder, sync_tree
from slanted.common.strict_json import decoded_strictly
from slanted.errors import InputError
from slanted.text.runs.checkpoints import FOLDER as CHECKPOINTS
from slanted.text.runs.checkpoints import CheckpointPace, Checkpoints, steps_of
from slanted.text.runs.folder_lock import LOCK, locked, made, require_place

MODEL, TOKENIZER, RECIPE, LABELS = "model", "tokenizer.json", "recipe.json", "labels.json"
HISTORY, METRICS, PREDICTIONS = "history.csv", "metrics.json", "predictions.csv"
BAD_ROWS, OUT_OF_FOLD = "bad_rows.csv", "out_of_fold.csv"
REPORT, REPORT_DATA = "report.html", "report.json"
FOLD = "fold_"
PARTIAL = ".partial"
REPLACING, REPLACED = ".replacing", ".replaced"  # the replaced run: while it is moved, and after
OURS = (MODEL, TOKENIZER, RECIPE, LABELS, HISTORY, METRICS, PREDICTIONS, BAD_ROWS, OUT_OF_FOLD, REPORT, REPORT_DATA)
HISTORY_COLUMNS = ("step", "epoch", "loss", "learning_rate")


@dataclass(frozen=True)
class RunState:
    """How far the run in a folder is.

    Attributes:
        name: "finished" with scores and nothing to continue, "unfinished" with checkpoints to continue from, else
            "empty".
        progress: Of an unfinished run, `step 40` or `fold 2, step 40`; else empty.
    """

    name: Literal["empty", "unfinished", "finished"]
    progress: str = ""

    @property
    def is_finished(self) -> bool:
        """Whether the run has its scores and no other run is about to replace it."""
        return self.name == "finished"


@dataclass(frozen=True)
class RunFolder:
    """A run's folder, and what a command that writes to it may do with a run that is there.

    Args:
        path: The folder, which need not exist.
        overwrite: Whether a run in the folder is replaced.
        resume: Whether an unfinished run in the folder is continued.
    """

    path: Path
    overwrite: bool = False
    resume: bool = False

    @property
    def state(self) -> RunState:
        """How far the run in the folder is."""
        if progress := self._progress():
            return RunState("unfinished", progress)
        return RunState("finished" if (self.path / METRICS).is_file() else "empty")

    def _progress(self) -> str:
        if steps := steps_of(self.path):
            return f"step {steps[-1]}"
        for number in reversed(self._folds_begun()):
            fold = self.fold(number)
            if (fold.path / METRICS).is_file():
                return f"fold {number + 1}"
            if progress := fold._progress():
                return f"fold {number + 1}, {progress}"
        return ""

    def _folds_begun(self) -> list[int]:
        """Return the numbers, from 0, of the folds beside the checkpoints; earlier ones may be elsewhere."""
        names = [path.name.removeprefix(FOLD) for path in (self.path / CHECKPOINTS).glob(f"{FOLD}*")]
        return sorted(int(name) - 1 for name in names if name.isdigit())

    def fold(self, number: int) -> "RunFolder":
        """Return the folder of a fold, from 0, of an unfinished cross-validation; an unfinished fold is continued."""
        return RunFolder(self.path / CHECKPOINTS / fold_name(number), resume=True)

    @property
    def steps_done(self) -> int:
        """How many batches the run has been trained for: all if it is finished, else up to the last checkpoint."""
        if (self.path / METRICS).is_file():
            return self.metrics()["total_steps"]
        return max(steps_of(self.path), default=0)

    def checkpoints(self, pace: CheckpointPace) -> Checkpoints:
        """Return the run's checkpoints, to be written at `pace`."""
        return Checkpoints(self.path, pace)

    def metrics(self) -> dict[str, Any]:
        """Return what metrics.json contains.

        Raises:
            InputError: The run is not finished, or the file is damaged.
        """
        return read_json(self.path / METRICS)

    def require_writable(self) -> None:
        """Raise unless a run may be written to the folder; nothing is changed.

        Raises:
            InputError: The folder is a file, contains a run that must stay or anything foreign, or is not writable.
        """
        require_place(self.path)
        folder, ignored = self.path, (LOCK, PARTIAL, CHECKPOINTS)
        content = folder.iterdir() if folder.is_dir() else ()
        names = sorted(entry.name for entry in content if not is_of_the_system(entry.name))
        entries = [name for name in names if name not in ignored and not is_ours(part_of(name) or "")]
        foreign = [name for name in entries if name not in (REPLACING, REPLACED) and not is_ours(name)]
        if foreign:
            raise InputError(f"--out {folder}: holds {foreign[0]!r}, which is not a run's; give a new or empty folder")
        progress = self.state.progress
        if progress and not (self.overwrite or self.resume):
            remedy = "add --resume to go on with it, or --overwrite to start again"
            raise InputError(f"--out {folder}: holds a run that has come to {progress}; {remedy}")
        if entries and not (self.overwrite or (self.resume and progress)):
            raise InputError(f"--out {folder}: holds a run; give another folder, or --overwrite to replace it")

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Make the folder and lock it for one run. The operating system releases the lock when the process dies.

        The checkpoints are deleted once the block has ended without an error; after an error they stay, and the next
        command with `resume` continues from them.

        Raises:
            InputError: As `require_writable`, or another process is writing to the folder.
        """
        self.require_writable()
        with made(self.path), locked(self.path):
            _settle(self.path)
            _drop_parts(self.path)
            self.require_writable()  # another process may have finished a run since
            if not (self.resume and self.state.progress):
                _drop_checkpoints(self.path)
            try:
                yield
                _drop_checkpoints(self.path)
            finally:
                if not self.state.progress:
                    shutil.rmtree(self.path / CHECKPOINTS, ignore_errors=True)

    @contextmanager
    def replace(self, source: str = PARTIAL) -> Iterator[Path]:
        """Yield a folder inside this one, which is locked, for the new run's files.

        They take their place, and that of the run they replace, once the block has ended without an error. Until then
        the folder's own files are not changed.

        Args:
            source: The name of the folder inside: `PARTIAL`, which starts empty and is deleted after an error, or
                `CHECKPOINTS`.
        """
        partial = self.path / PARTIAL
        shutil.rmtree(partial, ignore_errors=True)
        try:
            partial.mkdir()
            (self.path / source).mkdir(exist_ok=True)
            yield self.path / source
            sync_tree(self.path / source)  # before the replaced files and the checkpoints are deleted
            _replace(self.path, self.path / source)
            with disk_errors(self.path):
                sync_folder(self.path)
        finally:
            _settle(self.path)
            shutil.rmtree(partial, ignore_errors=True)

    @contextmanager
    def claim(self) -> Iterator[Path]:
        """Lock the folder as `lock` does and yield a place for the new run's files as `replace` does.

        Raises:
            InputError: As `lock`.
        """
        with self.lock(), self.replace() as place:
            yield place


def fold_name(number: int) -> str:
    """Return the name of a fold's folder, the first being 0.

    >>> fold_name(0)
    'fold_1'
    """
    return f"{FOLD}{number + 1}"


def is_ours(name: str) -> bool:
    """Return whether a run's folder contains an entry of this name."""
    return name in OURS or re.fullmatch(rf"{FOLD}[1-9]\d*", name) is not None


def _drop_parts(folder: Path) -> None:
    """Delete the temporary files of killed processes: nobody else writes to a locked folder."""
    for path in folder.iterdir():
        if is_ours(part_of(path.name) or "") and not path.is_dir():
            path.unlink()


def _drop_checkpoints(folder: Path) -> None:
    """Delete the checkpoints: a process that is killed meanwhile leaves all of them or none."""
    checkpoints, partial = folder / CHECKPOINTS, folder / PARTIAL
    shutil.rmtree(partial, ignore_errors=True)
    if checkpoints.exists():
        with suppress(OSError):
            partial.mkdir()
            checkpoints.rename(partial / CHECKPOINTS)
        for place in (partial, checkpoints):
            shutil.rmtree(place, ignore_errors=True)


def _replace(folder: Path, source: Path) -> None:
    """Replace the content of the folder by a finished run. `_settle` undoes a replacement that was interrupted."""
    _move(folder, folder / REPLACING)
    (folder / REPLACING).rename(folder / REPLACED)  # from here on the folder itself contains files of the new run only
    _move(source, folder)


def _settle(folder: Path) -> None:
    """Roll back a replacement that an error or a kill interrupted; delete what a completed one left behind.

    First the new run is moved back to where it was complete, then the old one; both moves may be interrupted again.
    """
    if (folder / REPLACED).exists():
        source = next((folder / name for name in (CHECKPOINTS, PARTIAL) if _entries(folder / name)), None)
        if source is None:  # the new run is complete
            shutil.rmtree(folder / REPLACED)
        else:
            _move(folder, source)
            (folder / REPLACED).rename(folder / REPLACING)
    if (folder / REPLACING).exists():
        _move(folder / REPLACING, folder)
        (folder / REPLACING).rmdir()


def _entries(folder: Path) -> list[str]:
    """List the run's entries in `folder`, metrics.json and fold folders last: they mark a run as complete."""
    names = [entry.name for entry in folder.iterdir() if is_ours(entry.name)] if folder.exists() else []
    return sorted(names, key=lambda name: (name.startswith(FOLD), name == METRICS, len(name), name))


def _move(source: Path, destination: Path) -> None:
    """Move the run's entries from one folder to another, replacing those of the same name."""
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
    """Return what a run's JSON file contains.

    Raises:
        InputError: The file is missing, is not JSON, or contains a number or a text that no run writes.
    """
    try:
        return decoded_strictly(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        progress = RunFolder(path.parent).state.progress
        resume = f"it has come to {progress}; to go on, add --resume to the command that trains it" if progress else ""
        problem = resume or f"{path.name} is missing; train one first"
        raise InputError(f"{path.parent}: is not a finished run, {problem}") from None
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read as JSON ({error}); restore the file or train again") from None
