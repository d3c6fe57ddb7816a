"""The data that the benchmarks run on: the folder that SLANTED_DATA names, else the bundled sample."""

import os
from dataclasses import dataclass
from pathlib import Path

SAMPLE = Path("examples/data")


@dataclass(frozen=True)
class DataSet:
    """A data set with a split.

    Attributes:
        name: As it is called in the tables.
        train: A CSV file with the columns text and label.
        test: The same.
    """

    name: str
    train: Path
    test: Path


def data_set(name: str) -> DataSet:
    """Return a data set of SLANTED_DATA, or the sample in its place where that is unset."""
    folder = os.environ.get("SLANTED_DATA")
    if not folder:
        return DataSet("sample", SAMPLE / "messages_train.csv", SAMPLE / "messages_test.csv")
    return DataSet(name, Path(folder) / name / "train.csv", Path(folder) / name / "test.csv")
