"""A folder for one process: made where it is missing, and locked while it is written to."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from slanted.errors import InputError, missing_extra

LOCK = ".lock"


@contextmanager
def made(folder: Path) -> Iterator[None]:
    """Make the folder and those around it; unless the block ends well, those that are new and empty go again."""
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
    """Hold a folder for this process; the lock dies with it.

    Raises:
        InputError: Another process holds it.
    """
    try:
        import filelock
    except ImportError:
        raise missing_extra("text", "A run folder") from None
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
        (folder / LOCK).unlink(missing_ok=True)  # before the release: whoever waits on this file sees that it is gone
        lock.release()
