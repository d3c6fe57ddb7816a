"""Convert a model to bytes and back, for pickle, joblib and copy.

The bytes are a zip archive of the files that `save` writes, for a cross-validation those of all folds. Reading the
archive does not run any code from it; unpickling itself does what pickle does.
"""

import io
import os
import shutil
import tempfile
import weakref
import zipfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from slanted.common.atomic_files import refuse_links


def packed(model: Any) -> bytes:
    """Return a zip archive of the files that the model's `save` writes."""
    content = io.BytesIO()
    with tempfile.TemporaryDirectory() as folder:
        model.save(Path(folder))
        refuse_links(Path(folder))
        with zipfile.ZipFile(content, "w") as archive:
            for path in sorted(Path(folder).rglob("*")):
                archive.write(path, path.relative_to(folder))
    return content.getvalue()


def unpacked(load: Callable[[Path], Any], content: bytes) -> Any:
    """Return the model of an archive from `packed`.

    Args:
        load: Loads the model from the temporary folder of the unpacked files. If the model has `needs_files`, the
            folder is deleted with the model, else at once.
        content: The archive.
    """
    with ExitStack() as stack:
        folder = tempfile.mkdtemp()
        stack.callback(_remove, folder, os.getpid())
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            archive.extractall(folder)
        model = load(Path(folder))
        if model.needs_files:
            weakref.finalize(model, stack.pop_all().close)
    return model


def _remove(folder: str, process: int) -> None:
    """Delete a folder, but only in the process that created it: finalizers also run when a forked child exits."""
    if os.getpid() == process:
        shutil.rmtree(folder, ignore_errors=True)
