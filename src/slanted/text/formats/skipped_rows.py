"""Rows that cannot be read: the first raises an error, or all are skipped, counted and written to a file."""

import tempfile
import weakref
from array import array
from collections.abc import Sequence
from pathlib import Path
from typing import IO

import numpy as np

from slanted.common.atomic_files import atomic_writer, csv_line
from slanted.common.messages import listed
from slanted.errors import InputError
from slanted.text.formats.row_locations import RowLocations

CHOICES = ("fail", "skip")
FORMULA_SIGNS = ("=", "+", "-", "@", "\t", "\r")
COLUMNS = ("file", "line", "reason", "record")


class BadRows:
    """Refuses or skips rows that are ragged, not JSON objects, or empty or nested where a text or a label belongs.

    A row can be skipped if the problem concerns it alone and the start of the next row is certain. A byte that is not
    in the encoding, a NUL character, a quote that is not closed and a record of more than 16,777,216 characters are
    always refused: each shows that the file is read wrongly, and skipping would silently drop every text with an
    accent, say.

    Attributes:
        skip: Whether bad rows are skipped.
        count: The number of skipped rows.
        latest: Location and reason of the last skipped row, in the order of lines.
    """

    def __init__(self, choice: str = "fail") -> None:
        """Take "fail" or "skip".

        Raises:
            InputError: `choice` is neither.
        """
        if choice not in CHOICES:
            raise InputError(f"--bad-rows {choice} is unknown; give one of {listed(CHOICES)}")
        self.skip = choice == "skip"
        self.count, self.latest, self._last = 0, "", (-1, -1)
        self._lines: dict[str, array[int]] = {}
        self._file: IO[bytes] | None = None
        self._kept = array("q")  # of each in turn: the file's number, the line, and where its row ends in `_file`

    def refuse(self, source: str, unit: str, line: int, reason: str, record: str) -> None:
        """Skip a row and record it, or raise.

        Args:
            source: The file's name.
            unit: "line" or, of a Parquet file, "row".
            line: Its number, from 1.
            reason: The problem and its remedy.
            record: The row, as far as it could be read.

        Raises:
            InputError: Bad rows are not skipped.
        """
        problem = f"{source}, {unit} {line}: {reason}"
        if not self.skip:
            raise InputError(problem)
        self.count += 1
        self._lines.setdefault(source, array("q")).append(line)
        if self._file is None:
            self._file = _temporary()
            weakref.finalize(self, self._file.close)
        self._file.write(_csv_row((source, line, reason, _without_formula(record))))
        number = list(self._lines).index(source)
        self._kept.extend((number, line, self._file.tell()))
        if (number, line) > self._last:
            self.latest, self._last = problem, (number, line)

    def all_bad(self, source: str) -> InputError:
        """Return the error for a file of which every row was skipped."""
        return InputError(f"{source}: every row is bad; the last: {self.latest}")

    def numbers(self, locations: RowLocations) -> np.ndarray:
        """Return the number of each remaining row, counted from 0 over all files, skipped rows included.

        Args:
            locations: The locations of the remaining rows, in their order.

        Returns:
            int64 array of shape (n,).
        """
        numbers, before = np.arange(len(locations.lines)), 0
        for at, (source, _) in enumerate(locations.files):
            mine, skipped = locations.file == at, np.sort(self._lines.get(source, array("q")))
            numbers[mine] += before + np.searchsorted(skipped, locations.lines[mine])
            before += len(skipped)
        return numbers

    def write(self, path: Path) -> None:
        """Write the skipped rows as a CSV file of file, line, reason and record; nothing where none was skipped.

        They are in the order of their lines, not of the passes that refused them: first those that are no records,
        then those with an empty cell.
        """
        if self._file is None:
            return
        numbers, lines, ends = np.array(self._kept).reshape(-1, 3).T
        starts = np.concatenate(([0], ends[:-1]))
        with atomic_writer(path) as file:
            file.write(csv_line(COLUMNS))
            for at in np.lexsort((lines, numbers)):
                self._file.seek(int(starts[at]))
                file.write(self._file.read(int(ends[at] - starts[at])).decode())
        self._file.seek(0, 2)


def _temporary() -> IO[bytes]:
    return tempfile.TemporaryFile()


def _without_formula(record: str) -> str:
    """Put an apostrophe before a record that a spreadsheet would calculate as a formula when the file is opened."""
    return f"'{record}" if record.startswith(FORMULA_SIGNS) else record


def _csv_row(cells: Sequence[str | int]) -> bytes:
    """Return a line of a CSV file; a lone surrogate, which JSON can hold, is written as its escape."""
    return csv_line(cells).encode("utf-8", "backslashreplace")
