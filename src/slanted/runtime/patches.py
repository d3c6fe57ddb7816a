"""Every change that slanted makes to the process it runs in, beyond its own objects, with the reason for each.

    undrawn_weights           `TruncatedNormal.__call__`, while a checkpoint is loaded
    noted_calls               `Layer.__call__`, while costs are counted
    float32_policy            Keras's dtype policy, while a model is saved
    seeded_generators         Python's, NumPy's, Keras's and the backend's random generators, from a run on
    without_packages          `sys.modules`, in a process that is the command's own
    long_csv_fields           the longest field that `csv` reads, from the first file on
    tokenizer_threads         `TOKENIZERS_PARALLELISM`, from the first tokenizer on
    kept_heap                 the C library's `mallopt`, while a model computes
    current_folder_importable `sys.path`, while the curve that the user names is imported

What is private of Keras is patched in `slanted.keras_private` (`epochs_as_long_as_their_data`).
Environment variables that Keras and its backends read as they are imported are set in `keras_startup`, signal handlers
in `deferred_signals` and by the command line. None of these is safe among threads. Keras is imported by the patches
that concern it, not with this module.
"""

import csv
import ctypes
import importlib
import os
import platform
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import numpy as np

TRIM_THRESHOLD, MMAP_THRESHOLD, MMAP_MAX = -1, -3, -4  # of mallopt(3)
NEVER = -1
LARGEST_MMAP_THRESHOLD, MOST_MMAPS = 2**25, 2**16  # what the library comes to by itself

_users = 0


@contextmanager
def undrawn_weights() -> Iterator[None]:
    """Let layers fill their kernels with NaN in place of random numbers.

    The checkpoint overwrites them all: drawing costs seconds (JAX compiles a program for each shape), and a NaN that is
    left over shows a kernel that the checkpoint lacks.
    """
    import keras

    initializer: Any = keras.initializers.TruncatedNormal
    drawing = initializer.__call__

    def fill(self: Any, shape: Any, dtype: Any = None) -> Any:
        return keras.ops.convert_to_tensor(np.full(shape, np.nan, np.float32), dtype=dtype)

    initializer.__call__ = fill
    try:
        yield
    finally:
        initializer.__call__ = drawing


@contextmanager
def noted_calls(note: Callable[[Any, tuple[Any, ...], Any], None]) -> Iterator[None]:
    """Have every call of a Keras layer noted: there is no other way to see the shapes within a subclassed model.

    Args:
        note: Is given the layer, its arguments as a flat tuple, and its output.
    """
    import keras

    layer_class: Any = keras.layers.Layer
    plain = layer_class.__call__

    def noting(layer: Any, *args: Any, **kwargs: Any) -> Any:
        output = plain(layer, *args, **kwargs)
        note(layer, tuple(keras.tree.flatten((args, kwargs))), output)
        return output

    layer_class.__call__ = noting
    try:
        yield
    finally:
        layer_class.__call__ = plain


@contextmanager
def float32_policy() -> Iterator[None]:
    """Build layers under the float32 policy, then set the policy that was: KerasHub takes it for parts of a preset."""
    import keras

    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float32")
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def seeded_generators(seed: int) -> None:
    """Seed Python's, NumPy's, Keras's and the backend's generators: a seed is to give the same run again."""
    import keras

    keras.utils.set_random_seed(seed)


def without_packages(packages: Iterable[str]) -> None:
    """Have this process do without packages that it has not imported, as if they were not installed.

    Keras and KerasHub import TensorFlow wherever they find it, whatever the backend, for half a gigabyte and seconds.
    """
    sys.modules.update({name: None for name in packages if name not in sys.modules})  # pyright: ignore[reportCallIssue, reportArgumentType]


def long_csv_fields(characters: int) -> None:
    """Have `csv` read fields of so many characters, or of more where it does already: its own limit is 131,072.

    It is not set back: two readers at work at once would set it back under each other.
    """
    if csv.field_size_limit() < characters:
        csv.field_size_limit(characters)


def tokenizer_threads() -> None:
    """Let tokenizers use every core; releases before 0.23 print a warning in every forked process otherwise."""
    if "TOKENIZERS_PARALLELISM" not in os.environ:
        os.environ["TOKENIZERS_PARALLELISM"] = "true"
        os.register_at_fork(after_in_child=lambda: os.environ.update(TOKENIZERS_PARALLELISM="false"))


@contextmanager
def kept_heap() -> Iterator[None]:
    """Keep the memory that one step frees and the next one needs again; after the outermost `with` it goes back.

    The GNU C library gives large blocks back to the system as soon as they are free. PyTorch takes the results of every
    layer from it, and each step then waits for the system to clear the same pages again: at 256 tokens for a quarter of
    its time. TensorFlow and JAX hold memory of their own. Elsewhere than with that library nothing is changed.
    """
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
    import keras

    if keras.config.backend() != "torch" or any(name.startswith("MALLOC_") for name in os.environ):
        return None
    return _gnu_library()


@cache
def _gnu_library() -> Any:
    return ctypes.CDLL(None) if platform.libc_ver()[0] == "glibc" else None


@contextmanager
def current_folder_importable() -> Iterator[None]:
    """Have imports look into the current folder too, after all other places, so that it shadows nothing.

    The console script leaves it out, unlike `python script.py`.
    """
    current = ""
    sys.path.append(current)
    importlib.invalidate_caches()
    try:
        yield
    finally:
        del sys.path[len(sys.path) - 1 - sys.path[::-1].index(current)]
