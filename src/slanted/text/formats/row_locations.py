"""The file and line of each row, for messages."""

from dataclasses import dataclass
from typing import Self

import numpy as np


@dataclass(frozen=True)
class RowLocations:
    """The file and the line of every row.

    Attributes:
        files: The name of each file, and what its rows are counted by: "line", or "row" of a Parquet file.
        lines: int64 array of shape (n,): the 1-based line on which each record starts, or its row.
        file: int32 array of shape (n,): which of `files` each row is from.
    """

    files: tuple[tuple[str, str], ...]
    lines: np.ndarray
    file: np.ndarray

    def __getitem__(self, row: int) -> str:
        """Return `train.csv, line 7`."""
        name, unit = self.files[self.file[row]]
        return f"{name}, {unit} {self.lines[row]}"

    def second(self, row: int) -> str:
        """Return `line 7`, for a message that names the file already; with several files, as `__getitem__`."""
        return f"{self.files[0][1]} {self.lines[row]}" if len(self.files) == 1 else self[row]

    def take(self, indices: np.ndarray) -> Self:
        """Return the locations of the rows at these positions, in this order."""
        return type(self)(self.files, self.lines[indices], self.file[indices])
