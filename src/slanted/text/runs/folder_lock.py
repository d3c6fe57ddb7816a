"""The lock of a folder that a command writes to, and the checks before it is made."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from slanted.common.regular_files import read_regular
from slanted.errors import InputError, missing_extra

LOCK = ".lock"


def require_place(folder: Path) -> None:
    """Raise unless there is a folder that can be written to, or one can be made; nothing is changed.

    Raises:
        InputError: The folder, or one around it, is a file or not writable.
    """
    if folder.exists() and not folder.is_dir():
        raise InputError(f"--out {folder}: is a file; give a folder")
    parent = next(place for place in (folder, *folder.parents) if place.exists())
    if not parent.is_dir():
        raise InputError(f"--out {folder}: {parent} is a file; give another folder")
    if not os.access(parent, os.W_OK | os.X_OK):
        raise InputError(f"--out {folder}: {parent} cannot be written to; give another folder")


@contextmanager
def made(folder: Path) -> Iterator[None]:
    """Make the folder and its parents; after an error in the block, delete those that are new and empty."""
    new = [place for place in (folder, *folder.parents) if not place.exists()]
    try:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"--out {folder}: cannot be made ({error.strerror}); give another folder") from None
        yield
    except BaseException:
        for place in new:
            with suppress(OSError):
                place.rmdir()
        raise


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Lock a folder for this process. The operating system releases the lock when the process dies.

    Raises:
        InputError: Another process has locked it, it is not writable, or another program's file has the lock's name.
    """
    try:
        import filelock
    except ImportError:
        raise missing_extra("text", "A run folder") from None
    if _is_of_another_program(folder / LOCK):
        raise InputError(f"--out {folder}: holds {LOCK!r}, which another program wrote; move it away")
    lock = filelock.FileLock(folder / LOCK, timeout=0)
    try:
        lock.acquire()
    except filelock.Timeout:
        raise InputError(f"--out {folder}: another process is writing to it; wait, or give another folder") from None
    except OSError as error:
        raise InputError(f"--out {folder}: cannot be written to ({error.strerror}); give another folder") from None
    try:
        yield
    finally:
        (folder / LOCK).unlink(missing_ok=True)  # before the release: a waiting process then sees it
        lock.release()


def _is_of_another_program(lock: Path) -> bool:
    """Return whether a file has content: a lock is empty, or names a process where the file system has no locks."""
    try:
        content = read_regular(lock)
    except ValueError:
        return True
    except OSError:  # none, or one that cannot be locked either
        return False
    return content != b"" and re.match(rb"\d+\n", content) is None
