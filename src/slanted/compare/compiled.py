"""Programs that JAX compiles for one run of a comparison, kept for the others."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

_SETTINGS = {"JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0", "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1"}
_FOLDER = "JAX_COMPILATION_CACHE_DIR"


@contextmanager
def programs_kept(backend: str) -> Iterator[None]:
    """Have JAX, which is not imported yet, keep what it compiles in a folder of its own for as long as the block lasts.

    Every run makes a new model, and JAX would compile the same programs again. A folder that the user has named stays
    the user's; the other backends have nothing to keep.
    """
    if backend != "jax" or os.environ.get(_FOLDER):
        yield
        return
    before = {name: os.environ.get(name) for name in (_FOLDER, *_SETTINGS)}
    with tempfile.TemporaryDirectory(prefix="slanted-jax-", ignore_cleanup_errors=True) as folder:
        os.environ.update({_FOLDER: folder, **_SETTINGS})
        try:
            yield
        finally:
            for name, value in before.items():
                os.environ.pop(name)
                if value is not None:
                    os.environ[name] = value
