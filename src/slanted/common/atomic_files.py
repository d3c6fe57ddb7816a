"""Write files atomically: a file appears complete under its name, or not at all."""

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

from slanted.common.regular_files import is_folder, is_regular
from slanted.errors import InputError

_PART = re.compile(r"\.(.+)\.\w+\.part")
_NO_FOLDERS = (errno.EINVAL, errno.EBADF, errno.ENOTSUP)  # raised by file systems that cannot sync folders
_OF_THE_SYSTEM = (".DS_Store", "Thumbs.db", "desktop.ini")  # files that file managers write


def is_of_the_system(name: str) -> bool:
    """Return whether this is the name of a file that file managers write."""
    return name in _OF_THE_SYSTEM


def part_of(name: str) -> str | None:
    """Return the target of a temporary file of `atomic_writer`, from its name; None for the name of any other file.

    >>> part_of(".report.html.4711.part"), part_of("report.html")
    ('report.html', None)
    """
    match = _PART.fullmatch(name)
    return None if match is None else match.group(1)


@contextmanager
def atomic_writer(path: Path, follow_links: bool = False) -> Iterator[TextIO]:
    """Yield a temporary text file that replaces `path` when the block ends; the mode of the replaced file is kept.

    Args:
        path: The file.
        follow_links: Whether this is a path that the user has typed. Then the target of a symbolic link is replaced,
            and a pipe or a device is written to directly; BrokenPipeError tells that a pipe has no reader. By default
            the link itself is replaced and a pipe or a device is refused, because somebody else may have put it into
            the folder: a link may point anywhere, and a pipe without a reader waits for ever.

    Raises:
        InputError: The file cannot be written.
    """
    if not follow_links and not path.is_symlink() and path.exists() and not path.is_file():
        raise InputError(f"{path}: must be a regular file to be replaced, and is none; move it away")
    if path.exists() and not path.is_file() and follow_links:
        with _unwritable(path), open(path, "w", encoding="utf-8", newline="") as file:
            yield file
        return
    target, temporary = Path(os.path.realpath(path)) if follow_links else path, None
    try:
        with _unwritable(path):
            descriptor, temporary = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".part", dir=target.parent)
            with open(descriptor, "w", encoding="utf-8", newline="") as file:
                yield file
            with suppress(OSError):  # raised by file systems without modes
                os.chmod(temporary, _mode_for(target))
            os.replace(temporary, target)
    finally:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)


@contextmanager
def _unwritable(path: Path) -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:  # of a pipe whose reader has closed it, which is no problem of the file
        raise
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({_reason(error)}); free space or give another place") from None


def _reason(error: OSError) -> str:
    """Return the system's words for an error: those of a library may have several lines."""
    return os.strerror(error.errno) if error.errno else " ".join(str(error).split())


def _mode_for(path: Path) -> int:
    """Return the mode of the file to replace, or the default mode of a new file."""
    if path.is_file() and not path.is_symlink():
        return stat.S_IMODE(path.stat().st_mode)
    umask = os.umask(0)
    os.umask(umask)
    return 0o666 & ~umask


def refuse_links(folder: Path) -> None:
    """Raise if a folder, or anything within it, is a symbolic link, a device or a pipe, which must not be copied.

    Raises:
        InputError: One was found.
    """
    for path in [folder, *sorted(folder.rglob("*"))]:
        if not is_regular(path) and not is_folder(path):
            kind = "a link" if path.is_symlink() else "a device or a pipe"
            raise InputError(f"{path}: is {kind}, which no run writes; put the file itself in its place, or remove it")


@contextmanager
def disk_errors(folder: Path) -> Iterator[None]:
    """Convert an OSError of a library that writes to `folder` to an error of one line.

    Raises:
        InputError: The folder cannot be written to.
    """
    try:
        yield
    except OSError as error:
        raise InputError(
            f"--out {folder}: cannot be written ({_reason(error)}); free space or give another folder"
        ) from None


def write_json(path: Path, values: Any) -> None:
    """Write `values` as a JSON file, atomically."""
    with atomic_writer(path) as file:
        json.dump(values, file, indent=2, ensure_ascii=False, allow_nan=False)
        file.write("\n")


class _Lines:
    """Ends the rows of a CSV writer with LF.

    Before Python 3.13 the writer quotes a cell with a line break only if its line terminator has that character: with
    LF as the terminator, a cell with CR would not be quoted and would be read as two records.
    """

    END = "\r\n"

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def write(self, row: str) -> None:
        self._file.write(row.removesuffix(self.END) + "\n")


def csv_text(rows: Iterable[Sequence[Any]], separator: str = ",") -> str:
    """Return records of a CSV file, as `write_rows` writes them."""
    text = io.StringIO()
    csv.writer(_Lines(text), delimiter=separator, lineterminator=_Lines.END).writerows(rows)
    return text.getvalue()


def csv_line(cells: Sequence[Any]) -> str:
    """Return one record of a CSV file, as `write_rows` writes it."""
    return csv_text([cells])


def write_rows(path: Path, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Write a CSV file (RFC 4180 quoting, LF line ends) atomically."""
    with atomic_writer(path) as file:
        writer = csv.writer(_Lines(file), lineterminator=_Lines.END)
        writer.writerow(header)
        writer.writerows(rows)


def sync_tree(folder: Path) -> None:
    """Flush all files and folders within a folder to the disk.

    Raises:
        InputError: The disk is full, or cannot be written to.
    """
    with disk_errors(folder):
        for path in [*folder.rglob("*"), folder]:
            if path.is_dir():
                sync_folder(path)
            elif path.is_file() and not path.is_symlink():
                with path.open("rb+") as file:
                    os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Flush the list of a folder's files to the disk, if the file system can."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        except OSError as error:
            if error.errno not in _NO_FOLDERS:
                raise
        finally:
            os.close(descriptor)
