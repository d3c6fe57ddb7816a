"""Files that are written whole or not at all."""

import csv
import errno
import io
import json
import os
import re
import stat
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TextIO

from slanted.errors import InputError

_PART = re.compile(r"\.(.+)\.\w+\.part")
_NO_FOLDERS = (errno.EINVAL, errno.EBADF, errno.ENOTSUP)  # of file systems that sync files alone
_OF_THE_SYSTEM = (".DS_Store", "Thumbs.db", "desktop.ini")  # what file managers put into a folder that they show


def is_of_the_system(name: str) -> bool:
    """Return whether a file manager made the file of this name."""
    return name in _OF_THE_SYSTEM


def part_of(name: str) -> str | None:
    """Return the name of the file that a process was writing to one of this name, None where it is no such file.

    >>> part_of(".report.html.4711.part"), part_of("report.html")
    ('report.html', None)
    """
    found = _PART.fullmatch(name)
    return None if found is None else found.group(1)


@contextmanager
def written_whole(path: Path, follow_links: bool = False) -> Iterator[TextIO]:
    """Yield a text file that takes the place of `path` only when all is written, with the mode of what it replaces.

    Args:
        path: The file. A pipe or a device is written as it comes.
        follow_links: Where `path` is a link, whether the file that it leads to is replaced: right for a path that the
            user has typed. Else the link itself is, as a folder of somebody else's may hold one that leads anywhere.

    Raises:
        InputError: It cannot be written.
    """
    if path.exists() and not path.is_file() and (follow_links or not path.is_symlink()):
        with _unwritable(path), open(path, "w", encoding="utf-8", newline="") as file:
            yield file
        return
    whole, aside = Path(os.path.realpath(path)) if follow_links else path, None
    try:
        with _unwritable(path):
            descriptor, aside = tempfile.mkstemp(prefix=f".{whole.name}.", suffix=".part", dir=whole.parent)
            with open(descriptor, "w", encoding="utf-8", newline="") as file:
                yield file
            with suppress(OSError):  # of a mount that has no modes
                os.chmod(aside, _mode_for(whole))
            os.replace(aside, whole)
    finally:
        if aside is not None:
            Path(aside).unlink(missing_ok=True)


@contextmanager
def _unwritable(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror}); free space or give another place") from None


def _mode_for(path: Path) -> int:
    """Return the mode of the file that is replaced, or that of a new one."""
    if path.is_file() and not path.is_symlink():
        return stat.S_IMODE(path.stat().st_mode)
    umask = os.umask(0)
    os.umask(umask)
    return 0o666 & ~umask


def refuse_links(folder: Path) -> None:
    """Raise if a folder, or anything within it, is a link: what that leads to is not to be copied.

    Raises:
        InputError: Something is.
    """
    found = next((path for path in [folder, *sorted(folder.rglob("*"))] if path.is_symlink()), None)
    if found is not None:
        raise InputError(f"{found}: is a link, which no run writes; put the file itself in its place, or take it away")


@contextmanager
def disk_errors(folder: Path) -> Iterator[None]:
    """Say in one line that a library could not write to `folder`.

    Raises:
        InputError: It could not.
    """
    try:
        yield
    except OSError as error:
        reason = error.strerror or " ".join(str(error).split())
        raise InputError(f"--out {folder}: cannot be written ({reason}); free space or give another folder") from None


def write_json(path: Path, values: Any) -> None:
    """Write `values` as JSON, whole or not at all."""
    with written_whole(path) as file:
        json.dump(values, file, indent=2, ensure_ascii=False, allow_nan=False)
        file.write("\n")


class _Lines:
    """Gives a CSV writer's rows LF ends.

    Before Python 3.13 the writer quotes a cell with a line break only where the break is in its line terminator: with
    LF alone a cell that holds CR would become two ragged records.
    """

    END = "\r\n"

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def write(self, row: str) -> None:
        self._file.write(row.removesuffix(self.END) + "\n")


def csv_line(cells: Sequence[Any]) -> str:
    """Return one record of a CSV file as `write_rows` writes it."""
    line = io.StringIO()
    csv.writer(_Lines(line), lineterminator=_Lines.END).writerow(cells)
    return line.getvalue()


def write_rows(path: Path, header: Sequence[str], rows: Iterable[Sequence[Any]], follow_links: bool = False) -> None:
    """Write a CSV file (RFC 4180 quoting, LF ends), whole or not at all; links as in `written_whole`."""
    with written_whole(path, follow_links) as file:
        writer = csv.writer(_Lines(file), lineterminator=_Lines.END)
        writer.writerow(header)
        writer.writerows(rows)


def sync_tree(folder: Path) -> None:
    """Have everything in a folder reach the disk.

    Raises:
        InputError: The disk is full, say.
    """
    with disk_errors(folder):
        for path in [*folder.rglob("*"), folder]:
            if path.is_dir():
                sync_folder(path)
            elif path.is_file() and not path.is_symlink():
                with path.open("rb+") as file:
                    os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Have the names of a folder's files reach the disk, where the system can."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        except OSError as error:
            if error.errno not in _NO_FOLDERS:
                raise
        finally:
            os.close(descriptor)
