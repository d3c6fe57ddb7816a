"""Start Keras on a backend, without the log output that its native libraries print as they load."""

import importlib.util
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path

from slanted.errors import InputError, missing_extra
from slanted.runtime import threads
from slanted.runtime.backend_choice import running_backend
from slanted.runtime.deferred_signals import deferred_signals
from slanted.runtime.machine_cache import cache_folder
from slanted.runtime.patches import faster_imports, one_arena, postponed_torch_compiler, without_packages

COMPILED_BYTES = 2**30  # the size of JAX's compilation cache; the least recently used programs are evicted
BEING_WRITTEN = 60.0  # seconds
UNUSED = ("tensorflow", "tensorflow_text")  # KerasHub imports them, but needs them on the TensorFlow backend only
POSTPONED = ("jax", "matplotlib", "pandas", "sklearn")  # Keras imports them if they are installed, and needs none
NEEDED = ("keras_hub", "tokenizers", "safetensors", "sklearn", "scipy", "filelock")


command_alone = False  # whether this process runs the command `slanted` and nothing else


def check_installed(what: str) -> None:
    """Raise unless the packages of the extra `text` are installed; none of them is imported.

    Args:
        what: The feature that needs them, as the subject of the message's sentence.

    Raises:
        InputError: A package is not installed.
    """
    if any(importlib.util.find_spec(name) is None for name in NEEDED):
        raise missing_extra("text", what)


def start_keras(backend: str) -> None:
    """Import Keras and KerasHub on `backend` and run one operation, so that all libraries are loaded.

    A first SIGINT or SIGTERM meanwhile is delivered at the end.

    Raises:
        InputError: Keras already runs on another backend in this process, which cannot be changed.
    """
    running = running_backend()
    if running not in (None, backend):
        message = f"--backend {backend}: Keras runs on {running} in this process already, and keeps its backend"
        raise InputError(f"{message}; start a new process, or give --backend {running}")
    if command_alone:
        threads.limit_spinning()
    os.environ["KERAS_BACKEND"] = backend
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if backend == "jax":
        _cache_compiled_programs()
    if backend != "tensorflow" and command_alone:
        without_packages(UNUSED)
    if backend == "tensorflow" and command_alone:
        one_arena()
    postponed = faster_imports([name for name in POSTPONED if name != backend]) if command_alone else nullcontext()
    # JAX crashes if it is interrupted as it starts, and an import that is interrupted can fail with another exception.
    with deferred_signals(), captured_standard_error(), postponed:
        if backend == "torch" and command_alone:
            postponed_torch_compiler()
        import keras
        import keras_hub  # noqa: F401

        keras.ops.zeros((1,))


def _cache_compiled_programs() -> None:
    """Set JAX's compilation cache to a folder of slanted's, unless the user has set one."""
    if "JAX_COMPILATION_CACHE_DIR" not in os.environ and (folder := cache_folder("jax")) is not None:
        _drop_half_written(folder)
        os.environ["JAX_COMPILATION_CACHE_DIR"] = str(folder)
        os.environ["JAX_COMPILATION_CACHE_MAX_SIZE"] = str(COMPILED_BYTES)
        os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"
        os.environ["JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES"] = "-1"


def _drop_half_written(folder: Path) -> None:
    """Remove cached programs without an access time: a process died as it wrote them, and JAX then caches no more.

    Programs of the last minute stay: another process may be about to write their access time.
    """
    for program in folder.glob("*-cache"):
        with suppress(OSError):
            marked = program.with_name(program.name.removesuffix("-cache") + "-atime").exists()
            if not marked and time.time() - program.stat().st_mtime > BEING_WRITTEN:
                program.unlink()


@contextmanager
def captured_standard_error() -> Iterator[None]:
    """Capture output to file descriptor 2, by native code too, and print it only if an exception is raised."""
    sys.stderr.flush()
    with tempfile.TemporaryFile() as captured:
        original = os.dup(2)
        os.dup2(captured.fileno(), 2)
        try:
            yield
        except BaseException:
            captured.seek(0)
            os.write(original, captured.read())
            raise
        finally:
            sys.stderr.flush()
            os.dup2(original, 2)
            os.close(original)
