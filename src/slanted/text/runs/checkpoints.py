"""Checkpoints as safetensors files: written whole or not at all, the last two kept, each with a checksum.

A file's metadata has `snapshot`, which is JSON (the step, the facts, and the name, dtype and shape of each array, in
order), and `crc32`, the checksum of that text and of the arrays' bytes, sorted by name. Reading needs no Keras.
"""

import json
import os
import re
import shutil
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from slanted.common.argument_checks import positive, whole
from slanted.common.atomic_files import sync_folder
from slanted.common.regular_files import open_regular
from slanted.common.setting_fields import check_settings, documented, setting
from slanted.common.strict_json import decoded
from slanted.errors import InputError

FOLDER, PREFIX, KEPT = ".checkpoints", "checkpoint-", 2
_EARLIER_FORMAT = b"slanted checkpoint 1\n"
_PART = ".part"  # the folder of a file that is not whole yet
STEPS = 1000
_TIMES_ITS_COST = 50


@dataclass(frozen=True)
class Snapshot:
    """A state of training.

    Attributes:
        step: How many batches of the run it has behind it.
        facts: JSON's types.
        arrays: All else, by name.
    """

    step: int
    facts: dict[str, Any]
    arrays: dict[str, np.ndarray]


@documented
@dataclass(frozen=True)
class CheckpointPace:
    """How often a checkpoint is written: after so many batches or seconds, whichever comes first.

    Where a checkpoint takes long the pause is longer, so that all take at most 2 % of the time; but batches that are
    given are kept to.

    Raises:
        SettingError: One is out of its range.
    """

    steps: int | None = setting(
        None,
        f"most steps from one checkpoint to the next (default: {STEPS}, more where that costs over 2 % of the time)",
        int,
        check=whole,
        argument="checkpoint_steps",
    )
    seconds: float = setting(
        20.0,
        "most seconds from one checkpoint to the next, or more, for the same reason",
        check=positive,
        argument="checkpoint_seconds",
        metavar="N",
    )

    def __post_init__(self) -> None:
        check_settings(self)

    def due(self, steps: int, seconds: float, cost: float) -> bool:
        """Return whether one is due this long after the last, which took `cost` seconds.

        >>> pace = CheckpointPace()
        >>> pace.due(1000, 5.0, 0.1), pace.due(10, 20.0, 0.1), pace.due(1000, 20.0, 1.0)
        (True, True, False)
        >>> CheckpointPace(steps=1000).due(1000, 20.0, 1.0)
        True
        """
        if self.steps is not None and steps >= self.steps:
            return True
        often = seconds >= self.seconds or (self.steps is None and steps >= STEPS)
        return often and seconds >= _TIMES_ITS_COST * cost


class Damaged(Exception):
    """A file is not what was written."""


class Checkpoints:
    """The checkpoints of a run.

    Args:
        out: The run's folder, named in errors.
        pace: How often one is to be written.
    """

    def __init__(self, out: Path, pace: CheckpointPace) -> None:
        self.out, self.pace = out, pace
        self.folder = out / FOLDER

    def write(self, snapshot: Snapshot) -> None:
        """Write a checkpoint beside those there are, and take the oldest away once it is safe on the disk.

        Raises:
            InputError: There is no space for it, say; those there are stay.
        """
        from safetensors import SafetensorError

        name, part = f"{PREFIX}{snapshot.step:010}", self.folder / _PART
        try:
            shutil.rmtree(part, ignore_errors=True)  # of a process that was killed
            self.folder.mkdir(exist_ok=True)
            part.mkdir()
            _write(snapshot, part / name)
            (part / name).replace(self.folder / name)
            sync_folder(self.folder)
            for step in steps_of(self.out)[:-KEPT]:
                (self.folder / f"{PREFIX}{step:010}").unlink()
        except (OSError, SafetensorError) as error:
            raise self._not_written(snapshot.step, _reason(error)) from None
        finally:
            shutil.rmtree(part, ignore_errors=True)

    def _not_written(self, step: int, reason: str) -> InputError:
        kept = steps_of(self.out)
        remedy = f"free space and add --resume to go on from step {kept[-1]}" if kept else "free space and start again"
        found = f"the checkpoint of step {step} cannot be written ({reason})"
        return InputError(f"--out {self.out}: {found}; {remedy}")

    def latest(self, say: Callable[[str], None]) -> Snapshot | None:
        """Return the last checkpoint that is whole, None if there is none; those that are not are said and removed.

        Raises:
            InputError: All checkpoints are damaged, or an earlier version wrote them.
        """
        steps = steps_of(self.out)
        for step in reversed(steps):
            path = self.folder / f"{PREFIX}{step:010}"
            try:
                return read_snapshot(path)
            except Damaged as error:
                older = [kept for kept in steps if kept < step]
                if not older:
                    raise InputError(f"{path}: is damaged ({error}); start again with --overwrite") from None
                say(f"checkpoint: {path} is damaged ({error}); the older one, of step {older[-1]}, is taken")
                path.unlink()
        return None


def steps_of(out: Path) -> list[int]:
    """Return the steps of a folder's checkpoints, ascending; whether they are whole is not looked at."""
    names = [path.name.removeprefix(PREFIX) for path in (out / FOLDER).glob(f"{PREFIX}*")]
    return sorted(int(name) for name in names if name.isdigit())


def read_snapshot(path: Path) -> Snapshot:
    """Return the snapshot that a checkpoint holds.

    Raises:
        Damaged: It is not as it was written.
        InputError: An earlier version wrote it, in another format.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with open_regular(path) as file:
            is_of_earlier_version = file.read(len(_EARLIER_FORMAT)) == _EARLIER_FORMAT
    except (OSError, ValueError) as error:
        raise Damaged(f"it cannot be read: {getattr(error, 'strerror', error)}") from None
    if is_of_earlier_version:
        remedy = "finish the run with that version, or start again with --overwrite"
        raise InputError(f"{path}: an earlier version of slanted wrote this checkpoint; {remedy}")
    try:
        with safe_open(path, "np", backend="pread") as file:
            metadata, arrays = file.metadata() or {}, file.get_tensors()
    except OSError as error:
        raise Damaged(f"it cannot be read: {error.strerror}") from None
    except SafetensorError as error:
        raise Damaged(f"it is no safetensors file: {error}") from None
    text = metadata.get("snapshot", "")
    if metadata.get("crc32") != _checksum(text, arrays):
        raise Damaged("its checksum is wrong")
    try:
        header = decoded(text)
        if sorted(_table(arrays)) != sorted(header["arrays"]):
            raise ValueError
        return Snapshot(header["step"], header["facts"], {name: arrays[name] for name, *_ in header["arrays"]})
    except (ValueError, LookupError, TypeError):
        raise Damaged("its header is wrong") from None


def _write(snapshot: Snapshot, path: Path) -> None:
    """Write a snapshot to the disk, as readable to others as the folder of the checkpoints."""
    from safetensors.numpy import save_file

    arrays = {name: np.asarray(array, order="C") for name, array in snapshot.arrays.items()}
    text = json.dumps({"step": snapshot.step, "facts": snapshot.facts, "arrays": _table(arrays)})
    save_file(arrays, path, {"snapshot": text, "crc32": _checksum(text, arrays)})
    path.chmod(path.parent.parent.stat().st_mode & 0o666)
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def _table(arrays: Mapping[str, np.ndarray]) -> list[list[Any]]:
    return [[name, array.dtype.name, list(array.shape)] for name, array in arrays.items()]


def _checksum(text: str, arrays: Mapping[str, np.ndarray]) -> str:
    checksum = zlib.crc32(text.encode())
    for name in sorted(arrays):
        checksum = zlib.crc32(arrays[name].reshape(-1).view(np.uint8).data, checksum)
    return str(checksum)


def _reason(error: Exception) -> str:
    """Return the system's words for an error; safetensors has only its number in the text."""
    number = re.search(r"\(os error (\d+)\)", str(error))
    return os.strerror(int(number[1])) if number else getattr(error, "strerror", None) or str(error)
