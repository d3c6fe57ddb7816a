"""gzip and zstd streams, unpacked a piece at a time in bounded memory and time."""

import gzip
import io
import zlib
from io import BufferedReader
from typing import BinaryIO, cast

from slanted.errors import InputError, missing_extra

# Prose packs to a third or a fifth, machine-made rows to a fiftieth. What is small unpacked is safe at any ratio.
MAX_EXPANSION = 200
SMALL_BYTES = 2**24

_BUFFER_BYTES = 2**16
_REFUSED = {
    b"PK\x03\x04": "is a zip archive or a workbook; unpack it, or save the sheet as CSV",
    b"\xfd7zX": "is packed with xz, which is not read; pack it with gzip or zstd, or not at all",
}


def unpacked(stream: BufferedReader, source: str) -> BufferedReader:
    """Return the stream unpacked if it begins as gzip or zstd does, whatever its name, else the stream itself.

    Raises:
        InputError: It is packed in another way; or, from the reads: it is cut short, damaged, or unpacks to more than
            200 times its size and 16 MiB.
    """
    start = stream.peek(4)[:4]
    if start in _REFUSED:
        raise InputError(f"{source} {_REFUSED[start]}")
    packed = _Counted(stream)
    if start.startswith(b"\x1f\x8b"):
        content, kind = cast(BinaryIO, gzip.GzipFile(fileobj=packed)), "gzip"
    elif start == b"\x28\xb5\x2f\xfd":
        content, kind = _zstd(packed), "zstd"
    else:
        return stream
    return BufferedReader(_Unpacked(packed, content, source, kind), _BUFFER_BYTES)


def _zstd(packed: "_Counted") -> BinaryIO:
    try:
        import pyarrow
    except ImportError:
        raise missing_extra("text", "Reading zstd files") from None
    return cast(BinaryIO, pyarrow.CompressedInputStream(pyarrow.PythonFile(packed, mode="r"), "zstd"))


class _Counted(io.RawIOBase):
    """Counts the bytes that are read."""

    def __init__(self, stream: BinaryIO) -> None:
        self.stream, self.count = stream, 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        block = self.stream.read(len(buffer))
        buffer[: len(block)] = block
        self.count += len(block)
        return len(block)


class _Unpacked(io.RawIOBase):
    """Reads from a decompressor, and says in a line what is wrong with what it reads."""

    def __init__(self, packed: _Counted, content: BinaryIO, source: str, kind: str) -> None:
        self.packed, self.content, self.source, self.kind = packed, content, source, kind
        self.count = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        block = self._read(len(buffer))
        buffer[: len(block)] = block
        self.count += len(block)
        if self.count > SMALL_BYTES and self.count > MAX_EXPANSION * self.packed.count:
            found = f"{self.source} unpacks to more than {MAX_EXPANSION} times its size, as no file of texts does"
            raise InputError(f"{found}; if you trust it, unpack it first")
        return len(block)

    def _read(self, size: int) -> bytes:
        try:
            return self.content.read(size)
        except EOFError:
            raise self._wrong("cut short") from None
        except zlib.error:
            raise self._wrong("damaged") from None
        except OSError as error:
            if error.errno is not None:  # of the disk, not of the decompressor
                raise
            raise self._wrong("cut short" if "truncated" in str(error).lower() else "damaged") from None

    def _wrong(self, how: str) -> InputError:
        return InputError(f"{self.source}: its {self.kind} data is {how}; copy or download the file again")
