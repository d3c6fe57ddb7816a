"""Bytes of a text file -> its physical lines, in bounded memory, with no character changed; and fastText's lines."""

import codecs
import io
import re
from collections.abc import Iterator
from typing import BinaryIO

from slanted.common.messages import shown
from slanted.errors import InputError
from slanted.text.formats.cells import UNLABELLED, Record, Unusable

# A million words are about six million characters. Beyond this the cause is a quote that never closes, or no text file.
MAX_RECORD_CHARS = 2**24

_BLOCK_BYTES = 2**20
_LABEL = re.compile(r"(?<!\S)__label__(\S+)\s*")  # of fastText
_LABELLED_FIRST = re.compile(r"\s*__label__[^\s,;|\"]+(?:\s|$)")  # and no field of a CSV file
_NUL = "a NUL character stands here; remove it or, if the file is UTF-16, say so: --encoding {}"
_MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


def check_encoding(encoding: str) -> None:
    """Raise unless Python can decode text in this encoding piece by piece.

    Raises:
        InputError: The name is unknown, or is not a text encoding.
    """
    try:
        codecs.getincrementaldecoder(encoding)
        "a".encode(encoding)
    except (LookupError, UnicodeError):
        known = "give one such as utf-8, utf-16, cp1252 or shift_jis"
        raise InputError(f"--encoding {shown(encoding)} is unknown; {known}") from None


def physical_lines(stream: BinaryIO, source: str, encoding: str) -> Iterator[str]:
    r"""Yield the lines of a stream with their line ends: `\r\n`, `\n` or `\r`, also mixed.

    A byte-order mark at the start is dropped; every other character is unchanged. Only these three line ends split a
    line, not U+2028, form feeds and others that `str.splitlines` splits at.

    Args:
        stream: Read forward only, a block at a time, so that pipes and decompressors serve as well.
        source: The stream's name in messages.
        encoding: A name that `check_encoding` accepts.

    Yields:
        One line at a time. Of a line of more than `MAX_RECORD_CHARS` characters only a part longer than that bound is
        yielded; the caller must stop there.

    Raises:
        InputError: A byte is not in the encoding, or a character is NUL; the lines before it are yielded first.
    """
    count, pending = 0, ""
    for text, problem in _decoded(_blocks(stream, source), encoding):
        lines = io.StringIO(pending + text, newline="").readlines()
        # A closing "\r" may be half of a "\r\n" that the next block completes.
        pending = lines.pop() if lines and not lines[-1].endswith("\n") else ""
        yield from lines
        count += len(lines)
        if problem:
            line = count + (2 if pending.endswith("\r") else 1)
            raise InputError(f"{source}, line {line}: {problem}")
        if len(pending) > MAX_RECORD_CHARS:
            yield pending
    if pending:
        yield pending


def is_labelled(line: str, is_text: bool) -> bool:
    """Return whether the first line of a file is one of fastText's, with labels such as `__label__sport`.

    Args:
        line: The line.
        is_text: Whether lines of such files are texts, not fields: then a label may stand anywhere.

    >>> [is_labelled(line, False) for line in ("__label__a well", "__label__a,well", "well __label__a")]
    [True, False, False]
    """
    return bool(_LABEL.search(line) if is_text else _LABELLED_FIRST.match(line))


def labelled_lines(lines: Iterator[str], source: str) -> Iterator[Record]:
    """Yield the text and the labels of each line of fastText, which are its words that begin with `__label__`.

    Args:
        lines: The lines; blank ones are skipped.
        source: The file's name in messages.

    Raises:
        InputError: A line is longer than `MAX_RECORD_CHARS`.
    """
    for number, line in enumerate(lines, start=1):
        if len(line) > MAX_RECORD_CHARS:
            problem = f"{source}, line {number}: is longer than {MAX_RECORD_CHARS:,} characters"
            raise InputError(f"{problem}; give a file with a text a line")
        if line.isspace():
            continue
        labels = tuple(sorted(set(_LABEL.findall(line))))
        yield number, [_LABEL.sub("", line).strip(), Unusable("a list", labels) if labels else UNLABELLED]


def begins_with(stream: io.BufferedReader, mark: str, encoding: str) -> bool:
    """Return whether the text of a stream, of which nothing is read, begins with a mark, white space aside."""
    try:
        start = codecs.getincrementaldecoder(encoding)("replace").decode(stream.peek(64)[:64])
    except UnicodeError:
        return False
    return start.removeprefix("\ufeff").lstrip().startswith(mark)


def decoded_blocks(stream: BinaryIO, source: str, encoding: str) -> Iterator[str]:
    """Yield the text of a stream in blocks, without a byte-order mark at the start.

    Raises:
        InputError: A byte is not in the encoding, or a character is NUL; the text before it is yielded first.
    """
    line = 1
    for text, problem in _decoded(_blocks(stream, source), encoding):
        yield text
        line += text.count("\n")
        if problem:
            raise InputError(f"{source}, line {line}: {problem}")


def _blocks(stream: BinaryIO, source: str) -> Iterator[bytes]:
    """Yield the stream's bytes, an empty block at its end."""
    block = b" "
    while block:
        try:
            block = stream.read(_BLOCK_BYTES)
        except OSError as error:
            raise InputError(f"{source} cannot be read ({error.strerror}); check the disk or the connection") from None
        yield block


def _decoded(blocks: Iterator[bytes], encoding: str) -> Iterator[tuple[str, str | None]]:
    """Yield blocks of text, each with the problem that follows it, or None."""
    decoder = codecs.getincrementaldecoder(encoding)()
    at_start = True
    for block in blocks:
        text, problem = _decode_block(decoder, block, encoding)
        if at_start and text:
            text, at_start = text.removeprefix("\ufeff"), False
        if (nul := text.find("\0")) >= 0:
            text, problem = text[:nul], _NUL.format(_two_bytes(block))
        yield text, problem


def _two_bytes(block: bytes) -> str:
    """Return the encoding of text whose ASCII characters have a NUL before them, or after them."""
    before, after = block[0:1000:2].count(0), block[1:1000:2].count(0)
    if block.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or 8 * max(before, after) < len(block[:1000]):
        return "utf-16"
    return "utf-16-be" if before > after else "utf-16-le"


def _decode_block(decoder: codecs.IncrementalDecoder, block: bytes, encoding: str) -> tuple[str, str | None]:
    held_back = len(decoder.getstate()[0])  # bytes of a character that the last block cut in two
    try:
        try:
            return decoder.decode(block, final=not block), None
        except UnicodeDecodeError as error:
            good = block[: max(0, error.start - held_back)]
            byte = error.object[error.start]
            return decoder.decode(good), f"byte 0x{byte:02x} is not {_named(encoding)}; {_remedy(block, encoding)}"
    except UnicodeError as error:  # UTF-16 and UTF-32 that do not say their byte order, and codecs of no files
        return "", f"{error}; say the byte order, such as --encoding utf-16-le"


def _named(encoding: str) -> str:
    return "UTF-8" if _is_utf8(encoding) else encoding


def _is_utf8(encoding: str) -> bool:
    return codecs.lookup(encoding).name in ("utf-8", "utf-8-sig")


def _remedy(block: bytes, encoding: str) -> str:
    for mark, name in _MARKS.items():
        if block.startswith(mark):
            return f"the file begins as {name.upper()} does: --encoding {name}"
    if _is_utf8(encoding):
        return "save the file as UTF-8 or name its encoding, such as --encoding cp1252"
    return "name the encoding that the file is in with --encoding"
