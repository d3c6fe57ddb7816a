"""Text storage in little memory: a list for few texts, else a temporary file that is read in pieces.

A string of Python costs some 50 bytes beside its characters, and up to four bytes a character; two million texts of
500 characters take 1.2 GB. In the file they are UTF-8. It is read by position rather than mapped: the pages of a map
count as memory of the process for as long as it likes, those of the system's cache do not.
"""

import os
import tempfile
import weakref
from array import array
from collections.abc import Iterator, Sequence
from typing import overload

import numpy as np

from slanted.errors import InputError

# Lone halves of surrogate pairs, which JSON can hold, have no UTF-8; so encoded they come back as they were.
_ERRORS = "surrogatepass"

IN_MEMORY_BYTES = 2**25
_BYTES_BESIDE_A_TEXT = 50
_BLOCK_BYTES = 2**20
_TEXTS_AT_ONCE = 512
_GAP_BYTES = 2**16


class TextStore:
    """Collects texts one by one into a sequence."""

    def __init__(self) -> None:
        self._texts: list[str] = []
        self._size = 0
        self._file: _Scratch | None = None
        self._ends = array("q")

    def append(self, text: str) -> None:
        """Add a text at the end.

        Raises:
            InputError: The folder of temporary files is full or cannot be written to.
        """
        self._texts.append(text)
        self._size += len(text) + _BYTES_BESIDE_A_TEXT
        if self._size > (IN_MEMORY_BYTES if self._file is None else _BLOCK_BYTES):
            self._spill()

    def texts(self) -> Sequence[str]:
        """Return all texts: a list if they are few, else `StoredTexts`. No text can be added afterwards."""
        if self._file is None:
            return self._texts
        self._spill()
        ends = np.frombuffer(self._ends, dtype=np.int64)
        return StoredTexts(self._file, np.concatenate([[0], ends[:-1]]), ends)

    def _spill(self) -> None:
        end = self._ends[-1] if self._ends else 0
        encoded = [text.encode("utf-8", _ERRORS) for text in self._texts]
        for piece in encoded:
            end += len(piece)
            self._ends.append(end)
        self._texts, self._size = [], 0
        try:
            if self._file is None:
                self._file = _Scratch()
            self._file.append(b"".join(encoded))
        except OSError as error:
            problem = f"the texts, {end:,} bytes so far, cannot be stored in {tempfile.gettempdir()} ({error.strerror})"
            raise InputError(f"{problem}; free space there, or name another folder in TMPDIR") from None


class _Scratch:
    """A temporary file without a name: its space is freed with the last reference, however the process ends."""

    def __init__(self) -> None:
        with tempfile.TemporaryFile() as file:
            self._descriptor = os.dup(file.fileno())
        weakref.finalize(self, os.close, self._descriptor)

    def append(self, content: bytes) -> None:
        view = memoryview(content)
        while view:
            view = view[os.write(self._descriptor, view) :]

    def read(self, start: int, end: int) -> bytes:
        block = os.pread(self._descriptor, end - start, start)
        while len(block) < end - start:  # the system reads 2 GB at once at most
            block += os.pread(self._descriptor, end - start - len(block), start + len(block))
        return block


class StoredTexts(Sequence[str]):
    """Texts in a file, read-only; the file goes with the last sequence that reads it.

    Args:
        file: Holds the texts in UTF-8.
        starts: int64, shape (n,): the byte at which each text begins.
        ends: int64, shape (n,): the byte before which it ends.
    """

    def __init__(self, file: _Scratch, starts: np.ndarray, ends: np.ndarray) -> None:
        self._file, self._starts, self._ends = file, starts, ends

    def __len__(self) -> int:
        """Return the number of texts."""
        return len(self._starts)

    @overload
    def __getitem__(self, index: int) -> str: ...

    @overload
    def __getitem__(self, index: slice) -> list[str]: ...

    def __getitem__(self, index: int | slice) -> str | list[str]:
        """Return a text, or a list of texts."""
        if isinstance(index, slice):
            return list(self.take(np.arange(len(self))[index]))
        start = int(self._starts[index])
        return self._file.read(start, int(self._ends[index])).decode("utf-8", _ERRORS)

    def __iter__(self) -> Iterator[str]:
        """Yield the texts, reading some hundred at a time."""
        for at in range(0, len(self), _TEXTS_AT_ONCE):
            yield from self._several(self._starts[at : at + _TEXTS_AT_ONCE], self._ends[at : at + _TEXTS_AT_ONCE])

    def take(self, indices: Sequence[int] | np.ndarray) -> "StoredTexts":
        """Return the texts at these positions, in this order, without reading them."""
        index = np.asarray(indices, dtype=np.int64)
        return StoredTexts(self._file, self._starts[index], self._ends[index])

    def _several(self, starts: np.ndarray, ends: np.ndarray) -> list[str]:
        first, last = int(starts.min()), int(ends.max())
        if last - first > 2 * int((ends - starts).sum()) + _GAP_BYTES:  # scattered
            blocks = [self._file.read(start, end) for start, end in zip(starts.tolist(), ends.tolist(), strict=True)]
            return [block.decode("utf-8", _ERRORS) for block in blocks]
        block = self._file.read(first, last)
        pairs = zip((starts - first).tolist(), (ends - first).tolist(), strict=True)
        return [block[start:end].decode("utf-8", _ERRORS) for start, end in pairs]


def take_texts(texts: Sequence[str], indices: Sequence[int] | np.ndarray) -> Sequence[str]:
    """Return the texts at these positions, in this order; those in a file stay there."""
    return texts.take(indices) if isinstance(texts, StoredTexts) else [texts[index] for index in indices]
