"""Read whole files of folders that somebody else wrote: regular files of a bounded size, never a device or a pipe."""

import stat
from pathlib import Path

MOST_BYTES = 2**28  # the largest files that are read whole, tokenizer.json among them, have some 20 MB


def check_regular(path: Path) -> int:
    """Return the size of a file in bytes, and raise if reading it could wait for ever or never end.

    Raises:
        ValueError: It is a device, a pipe or a socket.
        OSError: It is missing.
    """
    facts = path.stat()
    if not stat.S_ISREG(facts.st_mode) and not stat.S_ISDIR(facts.st_mode):  # opening a folder is an OSError
        raise ValueError("it is no regular file")
    return facts.st_size


def read_regular(path: Path) -> bytes:
    """Return the content of a file.

    Raises:
        ValueError: It is a device, a pipe or a socket, or has more than `MOST_BYTES` bytes.
        OSError: It is missing or cannot be read.
    """
    if (size := check_regular(path)) > MOST_BYTES:
        raise ValueError(f"its {size:,} bytes are more than {MOST_BYTES:,}")
    return path.read_bytes()
