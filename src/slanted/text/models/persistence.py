"""A model as bytes and back, through the files that `save` writes: for pickle, joblib and copy.

What is kept is the run's folder, packed; of a cross-validation those of all its folds. To read it back runs no code of
the bytes' own, beside what pickle does.
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
    """Return the files that the model's `save` writes, in a zip archive."""
    content = io.BytesIO()
    with tempfile.TemporaryDirectory() as place:
        model.save(Path(place))
        refuse_links(Path(place))
        with zipfile.ZipFile(content, "w") as archive:
            for path in sorted(Path(place).rglob("*")):
                archive.write(path, path.relative_to(place))
    return content.getvalue()


def unpacked(load: Callable[[Path], Any], content: bytes) -> Any:
    """Return the model of `packed`.

    Args:
        load: Reads it from the folder that the files are unpacked to. A model that reads them again later has
            `needs_files`: they then live as long as it does.
        content: What `packed` returned.
    """
    with ExitStack() as stack:
        place = tempfile.mkdtemp()
        stack.callback(_remove, place, os.getpid())
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            archive.extractall(place)
        model = load(Path(place))
        if model.needs_files:
            weakref.finalize(model, stack.pop_all().close)
    return model


def _remove(place: str, process: int) -> None:
    """Delete a folder, in the process that made it alone: finalizers run as a forked child ends, too."""
    if os.getpid() == process:
        shutil.rmtree(place, ignore_errors=True)
