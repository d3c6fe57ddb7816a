"""A real run of `slanted train` on a model that trains in seconds, once a process, for all files that look at it.

A file of tests takes the fixtures by `place, run = trained_runs.place, trained_runs.run`.
"""

from functools import cache, cached_property

import keras
import pytest
import tiny

from slanted.cli import main

EPOCHS, STEPS = 8, 5
OPTIONS = ["--lr", "0.01", "--batch-size", "8", "--max-tokens", "16", "--precision", "float32", "--recipe", "stlr"]
OPTIONS += ["--head-start", "random"]
LABELS = ("alpha", "beta")
FILES = {"model", "tokenizer.json", "labels.json", "recipe.json", "history.csv", "metrics.json", "predictions.csv"}
FILES |= {"report.html", "report.json", "README.md"}
BACKEND = keras.backend.backend()


class Place:
    """A folder with data, and how to train there.

    Attributes:
        folder: Where all runs are.
        model: The folder of the model.
        train: A file of 44 rows.
        test: A file of 16 others.
    """

    def __init__(self, folder, model, options):
        folder.mkdir()
        self.folder, self.model, self._options = folder, model, options
        self.train = tiny.write_rows(folder / "train.csv", *tiny.examples(44, LABELS))
        self.test = tiny.write_rows(folder / "test.csv", *tiny.examples(16, LABELS, seed=5))

    def run(self, name, *more, options=None, data=None):
        """Run the command; return the run's folder and the status."""
        out, options = self.folder / name, self._options if options is None else options
        command = ["train", data or self.train, "--out", str(out), "--model", self.model, *options, *map(str, more)]
        return out, main(command)

    @cached_property
    def finished(self):
        """The folder of a finished run with a test file."""
        out, status = self.run("run", "--test", self.test)
        assert status == 0
        return out


@cache
def place_in(folder, model, options):
    """Return the one place of a folder, which need not exist."""
    return Place(folder, model, options)


@pytest.fixture(scope="session")
def place(tmp_path_factory, tiny_model):
    """A folder with data, and how to train there."""
    return place_in(tmp_path_factory.getbasetemp() / "trained", tiny_model, (*OPTIONS, "--epochs", str(EPOCHS)))


@pytest.fixture(scope="session")
def run(place):
    """A finished run with a test file, of one shape of batch: 40 rows of 44 are trained on, 8 at a time."""
    return place.finished
