"""Read files of folders that somebody else wrote: regular files of a bounded size, never a device or a pipe."""

import os
import stat
from pathlib import Path
from typing import BinaryIO

MOST_BYTES = 2**28  # the largest files that are read whole, tokenizer.json among them, have some 20 MB


def is_regular(path: Path) -> bool:
    """Return whether this is a regular file, and no link to one."""
    return stat.S_ISREG(_mode(path))


def is_folder(path: Path) -> bool:
    """Return whether this is a folder, and no link to one."""
    return stat.S_ISDIR(_mode(path))


def _mode(path: Path) -> int:
    try:
        return path.lstat().st_mode
    except FileNotFoundError:
        return 0


def open_regular(path: Path) -> BinaryIO:
    """Open a file to read it, and raise if reading it could wait for ever or never end.

    Raises:
        ValueError: It is a device, a pipe or a socket.
        OSError: It is missing, a folder or cannot be read.
    """
    file = open(path, "rb", opener=_without_waiting)  # noqa: SIM115 - the caller closes it
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise ValueError("it is no regular file")
    return file


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))  # else opening a pipe waits for its writer


def read_regular(path: Path) -> bytes:
    """Return the content of a file.

    Raises:
        ValueError: It is a device, a pipe or a socket, or has more than `MOST_BYTES` bytes.
        OSError: It is missing or cannot be read.
    """
    with open_regular(path) as file:
        if (size := os.fstat(file.fileno()).st_size) > MOST_BYTES:
            raise ValueError(f"its {size:,} bytes are more than {MOST_BYTES:,}")
        return file.read(size)
