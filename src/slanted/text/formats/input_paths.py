"""Input files as byte streams: one file, several, a pattern, or standard input."""

import glob
import os
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path
from typing import cast

from slanted.common.messages import file_name, is_encodable
from slanted.errors import InputError

STANDARD_INPUT = "-"
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")

PathLike = str | os.PathLike[str]
Paths = PathLike | Sequence[PathLike]


def input_paths(paths: Paths) -> list[str]:
    """Return the input files: those named, in their order, and the matches of each pattern, sorted by name.

    A pattern contains `*`, `?` or `[...]` as in a shell (`**`: any folders). A file of that name has precedence.

    Raises:
        InputError: A pattern matches no file, a name is not UTF-8 or named twice, or standard input is not alone.
    """
    named = [os.fspath(path) for path in ([paths] if isinstance(paths, (str, os.PathLike)) else paths)]
    files = [path for name in named for path in _matches(name)]
    if len(files) > 1 and STANDARD_INPUT in files:
        raise InputError("-: standard input cannot be read together with files; give it alone, or files only")
    for number, path in enumerate(files):
        if _ADDRESS.match(path):
            raise InputError(f"{file_name(path)} is an address, not a file; download it first, and name the file")
        if not is_encodable(path):  # recipe.json has to hold it
            raise InputError(f"{file_name(path)}: the file's name is not UTF-8; rename it")
        if path in files[:number]:
            raise InputError(f"{file_name(path)} is named twice; name it once")
    return files


def _matches(name: str) -> list[str]:
    if _ADDRESS.match(name) or not glob.has_magic(name) or os.path.exists(name):
        return [name]
    matches = sorted(path for path in glob.iglob(name, recursive=True) if os.path.isfile(path))
    if not matches:
        raise InputError(f"{file_name(name)}: no file matches this pattern; check it")
    return matches


def source_name(path: PathLike) -> str:
    """Return the name of a file, or of standard input, in messages."""
    return "standard input" if os.fspath(path) == STANDARD_INPUT else file_name(os.fspath(path))


def sources_name(paths: Sequence[str]) -> str:
    """Return the name of several files together, in messages."""
    first = source_name(paths[0])
    return first if len(paths) == 1 else f"{first} and {len(paths) - 1} more"


def require_apart(option: str, out: Path, paths: Sequence[str]) -> None:
    """Raise if a file or folder that is read is what is written, or is within it.

    Args:
        option: The option that names what is written.
        out: The file or folder to write.
        paths: What is read.

    Raises:
        InputError: One is; the message names both.
    """
    for path in paths:
        if path != STANDARD_INPUT and Path(path).resolve().is_relative_to(out.resolve()):
            problem = f"{file_name(path)} is read, and would be replaced"
            raise InputError(f"{option} {out}: {problem}; give another place to write to")


@contextmanager
def open_source(path: PathLike) -> Iterator[BufferedReader]:
    """Open a file, or standard input for `-`; close the file at the end of the `with` block.

    Raises:
        InputError: It cannot be opened.
    """
    if os.fspath(path) == STANDARD_INPUT:
        yield cast(BufferedReader, sys.stdin.buffer)
        return
    with _open(path, source_name(path)) as stream:
        yield stream


def _open(path: PathLike, source: str) -> BufferedReader:
    try:
        return Path(path).open("rb")
    except FileNotFoundError:
        raise InputError(f"{source}: no such file; check the path") from None
    except IsADirectoryError:
        raise InputError(f"{source} is a folder; name a file in it") from None
    except OSError as error:
        raise InputError(f"{source} cannot be opened ({error.strerror}); check its permissions and path") from None
