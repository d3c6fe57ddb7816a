"""Start Keras on a backend, without the chatter that its native libraries print as they load."""

import importlib.util
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from slanted.errors import InputError, missing_extra
from slanted.runtime.backend_choice import cache_folder, running_backend
from slanted.runtime.patches import without_packages

COMPILED_BYTES = 2**30  # of JAX's programs; those not used for longest make room
BEING_WRITTEN = 60.0  # seconds
UNUSED = ("tensorflow", "tensorflow_text")  # of KerasHub's own needs, where TensorFlow is not the backend
NEEDED = ("keras_hub", "tokenizers", "safetensors", "sklearn", "scipy", "filelock")


command_alone = False  # whether this process is the command's own, which needs no more than the command does


def check_installed(what: str) -> None:
    """Raise unless all that the extra `text` brings is there; nothing of it is imported.

    Raises:
        InputError: Something is not installed.
    """
    if any(importlib.util.find_spec(name) is None for name in NEEDED):
        raise missing_extra("text", what)


def start_keras(backend: str) -> None:
    """Import Keras and KerasHub on `backend` and run one operation, so that everything has loaded.

    Raises:
        InputError: Keras runs on another backend in this process already, which cannot be changed.
    """
    running = running_backend()
    if running not in (None, backend):
        found = f"--backend {backend}: Keras runs on {running} in this process already, and keeps its backend"
        raise InputError(f"{found}; start a new process, or give --backend {running}")
    os.environ["KERAS_BACKEND"] = backend
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if backend == "jax":
        _keep_compiled_programs()
    if backend != "tensorflow" and command_alone:
        without_packages(UNUSED)
    with _standard_error_held():
        import keras
        import keras_hub  # noqa: F401

        keras.ops.zeros((1,))


def _keep_compiled_programs() -> None:
    """Have JAX keep what it compiles on disk, and find it there the next time, unless the user has said where."""
    if "JAX_COMPILATION_CACHE_DIR" not in os.environ:
        _drop_half_written(cache_folder() / "jax")
        os.environ["JAX_COMPILATION_CACHE_DIR"] = str(cache_folder() / "jax")
        os.environ["JAX_COMPILATION_CACHE_MAX_SIZE"] = str(COMPILED_BYTES)
        os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"
        os.environ["JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES"] = "-1"


def _drop_half_written(folder: Path) -> None:
    """Remove the programs that were never marked as used: a process died as it kept them, and JAX then keeps no more.

    Those of the last minute may be another process's that is about to mark them.
    """
    for program in folder.glob("*-cache"):
        with suppress(OSError):
            marked = program.with_name(program.name.removesuffix("-cache") + "-atime").exists()
            if not marked and time.time() - program.stat().st_mtime > BEING_WRITTEN:
                program.unlink()


@contextmanager
def _standard_error_held() -> Iterator[None]:
    """Hold back what is written to file descriptor 2, by native code too, and print it only if an exception comes."""
    sys.stderr.flush()
    with tempfile.TemporaryFile() as held:
        outside = os.dup(2)
        os.dup2(held.fileno(), 2)
        try:
            yield
        except BaseException:
            held.seek(0)
            os.write(outside, held.read())
            raise
        finally:
            sys.stderr.flush()
            os.dup2(outside, 2)
            os.close(outside)
