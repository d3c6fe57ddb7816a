"""Files that are written whole or not at all."""

import csv
import json
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from slanted.errors import InputError

_PART = re.compile(r"\.(.+)\.\d+\.part")
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
def written_whole(path: Path) -> Iterator[TextIO]:
    """Yield a text file that takes the place of `path` only when all is written; a pipe is written as it comes.

    Raises:
        InputError: It cannot be written.
    """
    special = path.exists() and not path.is_file()
    whole = path if special else Path(os.path.realpath(path))  # not the link that leads to a file, but the file
    aside = path if special else whole.with_name(f".{whole.name}.{os.getpid()}.part")
    try:
        with open(aside, "w", encoding="utf-8", newline="") as file:
            yield file
        if not special:
            aside.replace(whole)
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror}); free space or give another place") from None
    finally:
        if not special:
            aside.unlink(missing_ok=True)


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


def write_rows(path: Path, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Write a CSV file (RFC 4180 quoting, LF ends), whole or not at all."""
    with written_whole(path) as file:
        writer = csv.writer(file, lineterminator="\n")
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
        finally:
            os.close(descriptor)
