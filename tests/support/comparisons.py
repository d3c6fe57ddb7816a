"""`slanted compare` on a model that trains in a second, and a real comparison, once a process.

A file of tests takes the fixtures by `place, finished = comparisons.place, comparisons.finished`.
"""

from functools import cache, cached_property

import pytest
import tiny
from run_files import read
from untrained import without_training

from slanted.cli import main

OPTIONS = ["--epochs", "2", "--batch-size", "8", "--max-tokens", "16", "--precision", "float32"]
COMPARED = ["--recipes", "constant,stlr:layer_decay=0.5", "--lr", "0.01", "--seeds", "2"]
SWEPT = ["--recipes", "constant,stlr:layer_decay=0.5", "--lr", "0.003,0.01", "--seeds", "2"]


class Place:
    """A folder with data, and how to compare there.

    Attributes:
        folder: Where all comparisons are.
        train: A file of 40 rows.
        test: A file of 24 others.
        words: The command without its folder and what it compares.
    """

    def __init__(self, folder, model):
        folder.mkdir()
        self.folder = folder
        self.train = tiny.write_rows(folder / "train.csv", *tiny.examples(40))
        self.test = tiny.write_rows(folder / "test.csv", *tiny.examples(24, seed=5))
        self.words = ["compare", self.train, "--test", self.test, "--model", model, *OPTIONS]

    def compare(self, name, *more, options=COMPARED):
        """Run the command and return its status."""
        return main([*self.words, "--out", str(self.folder / name), *options, *map(str, more)])

    @cached_property
    def finished(self):
        """The folder of a comparison of two recipes with two seeds."""
        assert self.compare("finished") == 0
        return self.folder / "finished"


@cache
def place_in(folder, model):
    """Return the one place of a folder, which need not exist."""
    return Place(folder, model)


@pytest.fixture(scope="session")
def place(tmp_path_factory, tiny_model):
    """A folder with data, and how to compare there."""
    return place_in(tmp_path_factory.getbasetemp() / "comparisons", tiny_model)


@pytest.fixture(scope="session")
def finished(place):
    """The folder of a comparison of two recipes with two seeds."""
    return place.finished


@pytest.fixture
def untrained(monkeypatch):
    """Have runs take no time; the names of those that were made."""
    return without_training(monkeypatch)


def result(folder):
    """Return compare.json without what depends on the clock."""
    held = read(folder / "compare.json")
    for one in held["recipes"]:
        del one["train_seconds"]
    return held


def times(folder):
    """Return when the scores of each run were written."""
    return {path.name: (path / "metrics.json").stat().st_mtime_ns for path in (folder / "runs").iterdir()}
