"""All changes that slanted makes to its process beyond its own objects, each with the reason.

    uninitialized_weights     `TruncatedNormal.__call__`, while a checkpoint is loaded
    recorded_calls            `Layer.__call__`, while operations are counted
    float32_policy            Keras's dtype policy, while a model is saved
    seeded_generators         Python's, NumPy's, Keras's and the backend's random generators, from a run on
    without_packages          `sys.modules`, in a process that runs the command `slanted` alone
    faster_imports            `sys.modules` and the garbage collector, while that process imports Keras
    postponed_torch_compiler  `sys.modules`, in that process on PyTorch, until the compiler is used
    long_csv_fields           the longest field that `csv` reads, from the first file on
    tokenizer_threads         `TOKENIZERS_PARALLELISM`, from the first tokenizer on
    retained_heap             the C library's `mallopt`, while a model computes
    one_arena                 the same, in a process that runs the command `slanted` alone on TensorFlow
    current_folder_importable `sys.path`, while the curve of a user is imported
    once_imported             `sys.meta_path`, until Keras is imported

Keras's private functions, and its saving of optimizers, are patched in `slanted.keras_private`, KerasHub's reading of
checkpoints in `text/pretrained/transformers_weights.py`. Environment variables that Keras and its backends read on
import are set in `keras_startup`, signal handlers and the hook that repeats lost signals in `deferred_signals` and by
the command line. None of these patches is thread-safe. Patches of
Keras import it themselves, so that this module does not.
"""

import csv
import ctypes
import gc
import importlib
import importlib.util
import os
import platform
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from importlib.abc import MetaPathFinder
from types import ModuleType
from typing import Any

import numpy as np

TRIM_THRESHOLD, MMAP_THRESHOLD, MMAP_MAX, ARENA_MAX = -1, -3, -4, -8  # parameters of mallopt(3)
NEVER = -1
LARGEST_MMAP_THRESHOLD, MOST_MMAPS = 2**25, 2**16  # the C library's own limits

_users = 0


@contextmanager
def uninitialized_weights() -> Iterator[None]:
    """Initialise kernels with NaN in place of random numbers while a checkpoint is loaded.

    The checkpoint overwrites all kernels. Drawing random numbers would take seconds, because JAX compiles a program for
    each shape, and a NaN that remains shows a kernel that the checkpoint lacks.
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
def recorded_calls(record: Callable[[Any, tuple[Any, ...], Any], None]) -> Iterator[None]:
    """Record every call of a Keras layer: the shapes within a subclassed model cannot be read in another way.

    Args:
        record: Called after each call with the layer, its arguments as a flat tuple, and its output.
    """
    import keras

    layer_class: Any = keras.layers.Layer
    original = layer_class.__call__

    def recording(layer: Any, *args: Any, **kwargs: Any) -> Any:
        output = original(layer, *args, **kwargs)
        record(layer, tuple(keras.tree.flatten((args, kwargs))), output)
        return output

    layer_class.__call__ = recording
    try:
        yield
    finally:
        layer_class.__call__ = original


@contextmanager
def float32_policy() -> Iterator[None]:
    """Set Keras's dtype policy to float32 and restore it on exit: KerasHub builds parts of a preset under it."""
    import keras

    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float32")
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def seeded_generators(seed: int) -> None:
    """Seed Python's, NumPy's, Keras's and the backend's generators, so that a run with this seed is reproducible."""
    import keras

    keras.utils.set_random_seed(seed)


def without_packages(packages: Iterable[str]) -> None:
    """Make packages that are not imported yet look uninstalled in this process.

    Keras and KerasHub import TensorFlow if it is installed, on every backend: this takes half a gigabyte and seconds.
    """
    sys.modules.update({name: None for name in packages if name not in sys.modules})  # pyright: ignore[reportCallIssue, reportArgumentType]


@contextmanager
def faster_imports(packages: Iterable[str]) -> Iterator[None]:
    """Import Keras without packages that it imports only because they are installed; afterwards they can be imported.

    Python's garbage collector pauses: it would go through all modules again and again, and none of them is garbage.

    Args:
        packages: Packages that look uninstalled meanwhile, unless they are imported already.
    """
    hidden = [name for name in packages if name not in sys.modules]
    enabled = gc.isenabled()
    gc.disable()
    without_packages(hidden)
    try:
        yield
    finally:
        for name in hidden:
            if sys.modules.get(name, sys) is None:
                del sys.modules[name]
        gc.freeze()  # what is imported now stays until the process ends
        if enabled:
            gc.enable()


def postponed_torch_compiler() -> None:
    """Import PyTorch's compiler when it is first used, not with Keras, which only marks functions for it to leave out.

    It takes as long to import as the rest of PyTorch, and no model of slanted is compiled on PyTorch.
    """
    importlib.import_module("torch")
    sys.modules.setdefault(_UnusedCompiler.NAME, _UnusedCompiler(_UnusedCompiler.NAME))


class _UnusedCompiler(ModuleType):
    """A stand-in for `torch._dynamo`, which loads the module itself when anything but a mark is asked of it."""

    NAME = "torch._dynamo"

    def disable(self, function: Any = None, *_: Any, **__: Any) -> Any:
        """Return the function as it is, or a decorator that does."""
        return (lambda function: function) if function is None else function

    def reset(self) -> None:
        """Forget the compiled functions, of which there are none."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name != "__path__":
            raise AttributeError(name)
        if sys.modules.get(self.NAME) is self:
            del sys.modules[self.NAME]
        return getattr(importlib.import_module(self.NAME), name)


def long_csv_fields(characters: int) -> None:
    """Raise the longest field that `csv` reads to `characters`, if it is below; Python's default is 131,072.

    The limit is not restored: of two readers at work, one would restore it while the other still needs it.
    """
    if csv.field_size_limit() < characters:
        csv.field_size_limit(characters)


def tokenizer_threads() -> None:
    """Let `tokenizers` use every core, but not in forked processes, where releases before 0.23 print a warning."""
    if "TOKENIZERS_PARALLELISM" not in os.environ:
        os.environ["TOKENIZERS_PARALLELISM"] = "true"
        os.register_at_fork(after_in_child=lambda: os.environ.update(TOKENIZERS_PARALLELISM="false"))


@contextmanager
def retained_heap() -> Iterator[None]:
    """Retain freed memory for the next training step; the outermost `with` returns it to the system on exit.

    The GNU C library returns large blocks to the system as soon as they are freed. PyTorch and TensorFlow allocate the
    output of every layer with it, and each step then waits until the system has cleared the same pages again: a quarter
    of a step's time at 256 tokens on PyTorch. On JAX, whose peak memory would rise by a fifth, and with another C
    library nothing changes.
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


def one_arena() -> None:
    """Allocate the memory of all threads from one heap, before TensorFlow starts its threads.

    The C library otherwise gives each thread an arena, whose heaps return to the system as soon as they are empty,
    whatever `retained_heap` sets: the threads of TensorFlow free the gradient of the embeddings at each step.
    """
    if (library := _gnu_library()) is not None and not _is_set_by_user():
        library.mallopt(ARENA_MAX, 1)


def _is_set_by_user() -> bool:
    return any(name.startswith("MALLOC_") for name in os.environ)


def _library() -> Any:
    """Return the C library if its settings should change; None on JAX, or if the user has set them."""
    import keras

    if keras.config.backend() == "jax" or _is_set_by_user():
        return None
    return _gnu_library()


@cache
def _gnu_library() -> Any:
    return ctypes.CDLL(None) if platform.libc_ver()[0] == "glibc" else None


@contextmanager
def current_folder_importable() -> Iterator[None]:
    """Append the current folder to `sys.path`, as the last entry, so that it cannot shadow other modules.

    A console script does not have the current folder in `sys.path`, in contrast to `python -m`.
    """
    current = ""
    sys.path.append(current)
    importlib.invalidate_caches()
    try:
        yield
    finally:
        del sys.path[len(sys.path) - 1 - sys.path[::-1].index(current)]


def once_imported(name: str, call: Callable[[], None]) -> None:
    """Call `call` as soon as the module `name` is imported; now, if it is already."""
    if name in sys.modules:
        call()
    else:
        sys.meta_path.insert(0, _Waiting(name, call))


class _Waiting(MetaPathFinder):
    """Finds a module as the other finders do, and calls a function after its code has run."""

    def __init__(self, name: str, call: Callable[[], None]) -> None:
        self._name, self._call, self._is_searching = name, call, False

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> Any:
        """Return the spec of the module it waits for, and None for all others."""
        if fullname != self._name or self._is_searching:
            return None
        self._is_searching = True
        try:
            spec = importlib.util.find_spec(fullname)
        finally:
            self._is_searching = False
        loader: Any = None if spec is None else spec.loader
        if loader is not None:
            execute = loader.exec_module
            loader.exec_module = lambda module: self._execute(loader, execute, module)
        return spec

    def _execute(self, loader: Any, execute: Callable[[ModuleType], None], module: ModuleType) -> None:
        if module.__name__ != self._name:  # a loader may be that of several modules
            execute(module)
            return
        vars(loader).pop("exec_module", None)  # two searches replace it twice
        execute(module)
        if self in sys.meta_path:
            sys.meta_path.remove(self)
            self._call()
