"""A model as bytes and back, through the files that `save` writes: for pickle, joblib and copy.

What is kept is the run's folder, packed; of a cross-validation those of all its folds. To read it back runs no code of
the bytes' own, beside what pickle does.
"""

import io
import tempfile
import weakref
import zipfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any


def packed(model: Any) -> bytes:
    """Return the files that the model's `save` writes, in a zip archive."""
    content = io.BytesIO()
    with tempfile.TemporaryDirectory() as place:
        model.save(Path(place))
        with zipfile.ZipFile(content, "w") as archive:
            for path in sorted(Path(place).rglob("*")):
                archive.write(path, path.relative_to(place))
    return content.getvalue()


def unpacked(content: bytes) -> Any:
    """Return the model of `packed`. Those of several folds are loaded as they are needed: their files live with it."""
    from slanted.text.models.fold_ensemble import StoredFolds, load_model

    with ExitStack() as stack:
        place = stack.enter_context(tempfile.TemporaryDirectory())
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            archive.extractall(place)
        model = load_model(Path(place))
        if isinstance(model, StoredFolds):
            weakref.finalize(model, stack.pop_all().close)
    return model
