"""Checkpoints as files: written whole or not at all, the last two kept, each with a checksum, without pickles.

A file is one line that names the format, the length of the header in eight bytes, the header in JSON, the arrays, each
from a multiple of 64 bytes on, and the CRC-32 of all that. Keras is not needed to read it.
"""

import json
import os
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from slanted.common.argument_checks import positive, whole
from slanted.common.atomic_files import sync_folder
from slanted.errors import InputError

FOLDER, PREFIX, KEPT = ".checkpoints", "checkpoint-", 2
_FORMAT = b"slanted checkpoint 1\n"
_ALIGNMENT = 64
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


@dataclass(frozen=True)
class Pace:
    """How often a checkpoint is written: after so many batches or seconds, whichever comes first.

    Where a checkpoint takes long the pause is longer, so that all take at most 2 % of the time; but batches that are
    given are kept to.

    Args:
        steps: Batches from one to the next, at least 1; None: 1000, or more where those take little time.
        seconds: From one to the next, or more.

    Raises:
        SettingError: One is out of its range.
    """

    steps: int | None = None
    seconds: float = 20.0

    def __post_init__(self) -> None:
        if self.steps is not None:
            whole("checkpoint_steps", self.steps)
        positive("checkpoint_seconds", self.seconds)

    def due(self, steps: int, seconds: float, cost: float) -> bool:
        """Return whether one is due this long after the last, which took `cost` seconds.

        >>> Pace().due(1000, 5.0, 0.1), Pace().due(10, 20.0, 0.1), Pace().due(1000, 20.0, 1.0)
        (True, True, False)
        >>> Pace(steps=1000).due(1000, 20.0, 1.0)
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

    def __init__(self, out: Path, pace: Pace) -> None:
        self.out, self.pace = out, pace
        self.folder = out / FOLDER

    def write(self, snapshot: Snapshot) -> None:
        """Write a checkpoint beside those there are, and take the oldest away once it is safe on the disk.

        Raises:
            InputError: There is no space for it, say; those there are stay.
        """
        path = self.folder / f"{PREFIX}{snapshot.step:010}"
        aside = path.with_name(f"{path.name}.part")
        try:
            self.folder.mkdir(exist_ok=True)
            with open(aside, "wb") as file:
                checksum = 0
                for piece in _pieces(snapshot):
                    file.write(piece)
                    checksum = zlib.crc32(piece, checksum)
                file.write(checksum.to_bytes(4, "little"))
                file.flush()
                os.fsync(file.fileno())
            aside.replace(path)
            sync_folder(self.folder)
            for step in steps_of(self.out)[:-KEPT]:
                (self.folder / f"{PREFIX}{step:010}").unlink()
        except OSError as error:
            raise self._not_written(snapshot.step, error) from None
        finally:
            _take_away(aside)

    def _not_written(self, step: int, error: OSError) -> InputError:
        kept = steps_of(self.out)
        remedy = f"free space and add --resume to go on from step {kept[-1]}" if kept else "free space and start again"
        found = f"the checkpoint of step {step} cannot be written ({error.strerror or error})"
        return InputError(f"--out {self.out}: {found}; {remedy}")

    def latest(self, say: Callable[[str], None]) -> Snapshot | None:
        """Return the last checkpoint that is whole, None if there is none; those that are not are said and removed.

        Raises:
            InputError: There are checkpoints, and all are damaged.
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
    """Return what a checkpoint holds.

    Raises:
        Damaged: It is not as it was written.
    """
    try:
        content = np.fromfile(path, np.uint8)
    except OSError as error:
        raise Damaged(f"it cannot be read: {error.strerror}") from None
    start = len(_FORMAT)
    if content[:start].tobytes() != _FORMAT or len(content) < start + 12:
        raise Damaged("it does not begin as one")
    if zlib.crc32(content[:-4].data) != int.from_bytes(content[-4:].tobytes(), "little"):
        raise Damaged("its checksum is wrong")
    at = start + 8
    end = at + int.from_bytes(content[start:at].tobytes(), "little")
    header = json.loads(content[at:end].tobytes())
    arrays = {}
    for name, dtype, shape in header["arrays"]:
        end += -end % _ALIGNMENT
        size = int(np.prod(shape)) * np.dtype(dtype).itemsize
        arrays[name] = content[end : end + size].view(dtype).reshape(shape)
        end += size
    return Snapshot(header["step"], header["facts"], arrays)


def _pieces(snapshot: Snapshot) -> Iterator[bytes | memoryview]:
    """Give a file's bytes but for its checksum."""
    table = [[name, array.dtype.name, list(array.shape)] for name, array in snapshot.arrays.items()]
    header = json.dumps({"step": snapshot.step, "facts": snapshot.facts, "arrays": table}).encode()
    first = _FORMAT + len(header).to_bytes(8, "little") + header
    yield first
    written = len(first)
    for array in snapshot.arrays.values():
        padding = -written % _ALIGNMENT
        yield bytes(padding)
        yield np.ascontiguousarray(array).reshape(-1).view(np.uint8).data
        written += padding + array.nbytes


def _take_away(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError:
        return  # in a folder that cannot be written to there is nothing to take away
