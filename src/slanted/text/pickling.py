"""A model as bytes and back, through the files that `save` writes: for pickle, joblib and copy.

What is kept is the run's folder, packed. To read it back runs no code of the bytes' own, beside what pickle does.
"""

import io
import tempfile
import zipfile
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
    """Return the model of `packed`."""
    from slanted.text.model import TextModel

    with tempfile.TemporaryDirectory() as place:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            archive.extractall(place)
        return TextModel.load(Path(place))
