"""gzip and zstd streams, unpacked a piece at a time in bounded memory."""

import gzip
import io
import zlib
from io import BufferedReader
from typing import BinaryIO, cast

from slanted.errors import InputError, missing_extra

_BUFFER_BYTES = 2**16
_REFUSED = {
    b"PK\x03\x04": "is a zip archive or a workbook; unpack it, or save the sheet as CSV",
    b"\xfd7zX": "is packed with xz, which is not read; pack it with gzip or zstd, or not at all",
}


def unpacked(stream: BufferedReader, source: str) -> BufferedReader:
    """Return the decompressed stream if it begins as gzip or zstd does, else the stream itself.

    Raises:
        InputError: It is compressed in another format. Reading raises it for a truncated or damaged stream.
    """
    start = stream.peek(4)[:4]
    if start in _REFUSED:
        raise InputError(f"{source} {_REFUSED[start]}")
    if start.startswith(b"\x1f\x8b"):
        content, kind = cast(BinaryIO, gzip.GzipFile(fileobj=stream)), "gzip"
    elif start == b"\x28\xb5\x2f\xfd":
        content, kind = _zstd(stream), "zstd"
    else:
        return stream
    return BufferedReader(_Unpacked(content, source, kind), _BUFFER_BYTES)


def _zstd(stream: BinaryIO) -> BinaryIO:
    try:
        import pyarrow
    except ImportError:
        raise missing_extra("text", "Reading zstd files") from None
    return cast(BinaryIO, pyarrow.CompressedInputStream(pyarrow.PythonFile(stream, mode="r"), "zstd"))


class _Unpacked(io.RawIOBase):
    """Reads from a decompressor, whose errors become one line."""

    def __init__(self, content: BinaryIO, source: str, kind: str) -> None:
        self.content, self.source, self.kind = content, source, kind

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        block = self._read(len(buffer))
        buffer[: len(block)] = block
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
