"""Have a process keep, for as long as it computes, the memory that one step frees and the next one needs again.

The GNU C library gives large blocks back to the system as soon as they are free. PyTorch takes the results of every
layer from it, and each step then waits for the system to clear the same pages again: at 256 tokens for a quarter of
its time. TensorFlow and JAX hold memory of their own. Elsewhere than with that library nothing is changed.
"""

import ctypes
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import keras

TRIM_THRESHOLD, MMAP_THRESHOLD, MMAP_MAX = -1, -3, -4  # of mallopt(3)
NEVER = -1
LARGEST_MMAP_THRESHOLD, MOST_MMAPS = 2**25, 2**16  # what the library comes to by itself

_users = 0


@contextmanager
def kept_heap() -> Iterator[None]:
    """Keep freed memory within the `with`, on PyTorch; after the outermost it goes back to the system."""
    global _users
    library = _library()
    if library is None:
        yield
        return
    _users += 1
    if _users == 1:
        library.mallopt(MMAP_MAX, 0)
        library.mallopt(TRIM_THRESHOLD, NEVER)
    try:
        yield
    finally:
        _users -= 1
        if _users == 0:
            library.mallopt(MMAP_MAX, MOST_MMAPS)
            library.mallopt(MMAP_THRESHOLD, LARGEST_MMAP_THRESHOLD)
            library.mallopt(TRIM_THRESHOLD, 2 * LARGEST_MMAP_THRESHOLD)
            library.malloc_trim(0)


def _library() -> Any:
    """Return the C library where it is to be told, None where not: the user's own settings of it stay."""
    if keras.config.backend() != "torch" or any(name.startswith("MALLOC_") for name in os.environ):
        return None
    return _gnu_library()


@cache
def _gnu_library() -> Any:
    return ctypes.CDLL(None) if platform.libc_ver()[0] == "glibc" else None
