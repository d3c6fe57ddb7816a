"""Rows that cannot be read: the first is refused, or they are skipped, counted and kept for the user to look at."""

import csv
import shutil
import tempfile
import weakref
from array import array
from pathlib import Path
from typing import IO

import numpy as np

from slanted.errors import InputError
from slanted.text.places import Places
from slanted.text.wording import listed

CHOICES = ("fail", "skip")
COLUMNS = ("file", "line", "reason", "record")


class BadRows:
    """What becomes of a row that is ragged, no JSON object, empty or nested where a text or a label belongs.

    Only what concerns one row and leaves no doubt where the next begins can be skipped. A byte that is not in the
    encoding, a NUL character, a quote that is not closed and a record of more than 16,777,216 characters are always
    refused: each points to a file read wrongly, and skipping would drop every text with an accent, say, in silence.

    Attributes:
        skip: Whether bad rows are skipped.
        count: How many were.
        latest: Place and reason of the last one.
    """

    def __init__(self, choice: str = "fail") -> None:
        """Take "fail" or "skip".

        Raises:
            InputError: `choice` is neither.
        """
        if choice not in CHOICES:
            raise InputError(f"--bad-rows {choice} is unknown; give one of {listed(CHOICES)}")
        self.skip = choice == "skip"
        self.count, self.latest = 0, ""
        self._lines: dict[str, array[int]] = {}
        self._file: IO[str] | None = None

    def refuse(self, source: str, unit: str, line: int, reason: str, record: str) -> None:
        """Skip a row and keep it, or raise.

        Args:
            source: The file's name.
            unit: "line" or, of a Parquet file, "row".
            line: Its number, from 1.
            reason: What is wrong and what to do.
            record: The row as far as it can be had.

        Raises:
            InputError: Bad rows are not to be skipped.
        """
        self.latest = f"{source}, {unit} {line}: {reason}"
        if not self.skip:
            raise InputError(self.latest)
        self.count += 1
        self._lines.setdefault(source, array("q")).append(line)
        if self._file is None:
            self._file = _temporary()
            weakref.finalize(self, self._file.close)
            csv.writer(self._file, lineterminator="\n").writerow(COLUMNS)
        csv.writer(self._file, lineterminator="\n").writerow((source, line, reason, record))

    def all_bad(self, source: str) -> InputError:
        """Return the error for a file of which no row is left."""
        return InputError(f"{source}: every row is bad; the last: {self.latest}")

    def numbers(self, places: Places) -> np.ndarray:
        """Return the number of every row that is left: from 0, skipped rows counted too, from one file to the next.

        Args:
            places: Of the rows that are left, in their order.

        Returns:
            int64 array of shape (n,).
        """
        numbers, before = np.arange(len(places.lines)), 0
        for at, (source, _) in enumerate(places.files):
            mine, skipped = places.file == at, np.sort(self._lines.get(source, array("q")))
            numbers[mine] += before + np.searchsorted(skipped, places.lines[mine])
            before += len(skipped)
        return numbers

    def write(self, path: Path) -> None:
        """Write the skipped rows as a CSV file of file, line, reason and record; nothing where none was skipped."""
        if self._file is None:
            return
        self._file.seek(0)
        with open(path, "w", encoding="utf-8", newline="") as file:
            shutil.copyfileobj(self._file, file)
        self._file.seek(0, 2)


def _temporary() -> IO[str]:
    # A lone surrogate, which JSON can hold, is written as its escape.
    return tempfile.TemporaryFile("w+", encoding="utf-8", errors="backslashreplace", newline="")
