"""The folder of a run: its files, how far the run in it is, its lock, and how one run replaces another."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from slanted.common.atomic_files import disk_errors, part_of, sync_folder, sync_tree
from slanted.common.regular_files import read_regular
from slanted.common.strict_json import decoded_strictly
from slanted.errors import InputError
from slanted.text.runs.artefacts import (
    BAD_ROWS,
    FOLD,
    HISTORY,
    LABELS,
    METRICS,
    MODEL,
    OURS,
    OUT_OF_FOLD,
    PARTIAL,
    PREDICTIONS,
    RECIPE,
    REPORT,
    REPORT_DATA,
    TOKENIZER,
    fold_name,
    is_ours,
)
from slanted.text.runs.checkpoints import FOLDER as CHECKPOINTS
from slanted.text.runs.checkpoints import CheckpointPace, Checkpoints, steps_of
from slanted.text.runs.folder_lock import locked, made, require_place
from slanted.text.runs.own_files import require_own
from slanted.text.runs.replacement import replace_run, settle, undo_replacement

__all__ = [
    "BAD_ROWS", "FOLD", "HISTORY", "HISTORY_COLUMNS", "LABELS", "METRICS", "MODEL", "OURS", "OUT_OF_FOLD", "PARTIAL",
    "PREDICTIONS", "RECIPE", "REPORT", "REPORT_DATA", "TOKENIZER", "RunFolder", "RunState", "fold_name", "is_ours",
    "read_json", "settle",
]  # fmt: skip

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
        """Return the content of metrics.json.

        Raises:
            InputError: The run is not finished, or the file is damaged.
        """
        return read_json(self.path / METRICS)

    def require_writable(self) -> None:
        """Raise unless a run may be written to the folder; an interrupted replacement in it is undone first.

        Raises:
            InputError: The folder is a file, contains a run that must stay or anything foreign, or is not writable.
        """
        require_place(self.path)
        require_own(self.path)
        settle(self.path)
        require_own(self.path)
        folder = self.path
        entries = any(is_ours(entry.name) for entry in folder.iterdir()) if folder.is_dir() else False
        progress = self.state.progress
        if progress and not (self.overwrite or self.resume):
            remedy = "add --resume to continue it, or --overwrite to start again"
            raise InputError(f"--out {folder}: contains an unfinished run, saved at {progress}; {remedy}")
        if entries and not (self.overwrite or (self.resume and progress)):
            raise InputError(f"--out {folder}: contains a run; give another folder, or --overwrite to replace it")

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
            undo_replacement(self.path)
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
        partial, place = self.path / PARTIAL, self.path / source
        shutil.rmtree(partial, ignore_errors=True)
        try:
            with disk_errors(self.path):
                partial.mkdir()
                place.mkdir(exist_ok=True)
            yield place
            sync_tree(place)  # before the replaced files and the checkpoints are deleted
            with disk_errors(self.path):
                replace_run(self.path, place)
                sync_folder(self.path)
        finally:
            with disk_errors(self.path):
                undo_replacement(self.path)
            shutil.rmtree(partial, ignore_errors=True)

    @contextmanager
    def claim(self) -> Iterator[Path]:
        """Lock the folder as `lock` does and yield a place for the new run's files as `replace` does.

        Raises:
            InputError: As `lock`.
        """
        with self.lock(), self.replace() as place:
            yield place


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


def read_json(path: Path) -> Any:
    """Return the content of a run's JSON file.

    Raises:
        InputError: The file is missing, is not JSON, or contains a number or a text that no run writes.
    """
    try:
        return decoded_strictly(read_regular(path).decode("utf-8"))
    except FileNotFoundError:
        progress = RunFolder(path.parent).state.progress
        resume = f"it was stopped at {progress}; to continue, add --resume to the training command" if progress else ""
        problem = resume or f"{path.name} is missing; train one first"
        raise InputError(f"{path.parent}: is not a finished run, {problem}") from None
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read as JSON ({error}); restore the file or train again") from None
