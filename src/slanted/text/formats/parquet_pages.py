"""The sizes of the pages of a Parquet file, read from their headers before Arrow unpacks a page as a whole.

A column chunk is a sequence of pages, each a header in Thrift's compact protocol and its packed content. The sizes in
the footer may be wrong; a page whose content does not have the size in its header is refused by Arrow.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

_LEAST_READ, _MOST_READ = 2**9, 2**24  # bytes of a header; it may have the least and the greatest value of its page
_TYPE, _UNPACKED, _PACKED = 1, 2, 3  # the fields of a header
_DICTIONARY = 2
_BOOLEANS, _BYTE, _INTEGERS, _DOUBLE, _BINARY, _LISTS, _STRUCT = (1, 2), 3, (4, 5, 6), 7, 8, (9, 10), 12
_DEEPEST = 8


@dataclass(frozen=True)
class Page:
    """A page of a column chunk.

    Attributes:
        is_dictionary: Whether it has the distinct values of the chunk, which the other pages refer to.
        unpacked: The size of its unpacked content in bytes.
    """

    is_dictionary: bool
    unpacked: int


def pages_of(stream: "pa.NativeFile", chunk: Any) -> Iterator[Page]:
    """Yield the pages of a column chunk, up to the first damaged header, which Arrow refuses when it is read.

    Args:
        stream: The file.
        chunk: The metadata of the chunk, a `pyarrow.parquet.ColumnChunkMetaData`.
    """
    at = chunk.dictionary_page_offset or chunk.data_page_offset
    end = min(at + chunk.total_compressed_size, stream.size())
    while 0 <= at < end:
        fields, length = _header_at(stream, at, end)
        packed = fields.get(_PACKED, -1)
        if packed < 0:
            return
        yield Page(fields.get(_TYPE) == _DICTIONARY, fields.get(_UNPACKED, 0))
        at += length + packed


def _header_at(stream: "pa.NativeFile", at: int, end: int) -> tuple[dict[int, int], int]:
    """Return the integers of the header at a position, by field, and its length; ({}, 0) if it is damaged."""
    size = _LEAST_READ
    while size <= _MOST_READ:
        content = stream.read_at(min(size, end - at), at)
        reader = _Compact(content)
        try:
            return reader.struct(), reader.at
        except IndexError:
            if len(content) < size:  # the file ends here
                break
            size *= 8
        except ValueError:
            break
    return {}, 0


class _Compact:
    """Reads Thrift's compact protocol; raises IndexError at the end of the bytes, ValueError for what it is not."""

    def __init__(self, content: bytes) -> None:
        self.content, self.at = content, 0

    def struct(self, depth: int = 0) -> dict[int, int]:
        """Read a structure and return its integers; all else is skipped."""
        if depth > _DEEPEST:
            raise ValueError("nested too deeply")
        field, integers = 0, {}
        while head := self._byte():
            field = field + (head >> 4) if head >> 4 else self._integer()
            if head & 15 in _INTEGERS:
                integers[field] = self._integer()
            elif head & 15 not in _BOOLEANS:  # which are in their type
                self._skip(head & 15, depth)
        return integers

    def _skip(self, kind: int, depth: int) -> None:
        if kind in _INTEGERS:
            self._varint()
        elif kind == _STRUCT:
            self.struct(depth + 1)
        elif kind in _LISTS:
            head = self._byte()
            for _ in range(self._varint() if head >> 4 == 15 else head >> 4):
                self._skip(head & 15, depth + 1)
        elif kind in (_BYTE, _DOUBLE, _BINARY, *_BOOLEANS):
            length = self._varint() if kind == _BINARY else 8 if kind == _DOUBLE else 1
            self.at += length
            if self.at > len(self.content):
                raise IndexError
        else:
            raise ValueError("a type that no header has")

    def _byte(self) -> int:
        self.at += 1
        return self.content[self.at - 1]

    def _varint(self) -> int:
        value = shift = 0
        while True:
            byte = self._byte()
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value
            if shift > 63:
                raise ValueError("no number of 64 bits")

    def _integer(self) -> int:
        value = self._varint()
        return (value >> 1) ^ -(value & 1)
