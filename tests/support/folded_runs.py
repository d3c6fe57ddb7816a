"""A real cross-validation on a model that trains in seconds, once a process, for all files that look at it.

A file of tests takes the fixtures by `place, run = folded_runs.place, folded_runs.run`.
"""

import csv

import numpy as np
import pytest
import trained_runs
from trained_runs import LABELS, place_in

FOLDS = (1, 2)
OPTIONS = [*trained_runs.OPTIONS, "--epochs", "2", "--folds", "2"]


@pytest.fixture(scope="session")
def place(tmp_path_factory, tiny_model):
    """A folder with data, and how to train two folds there."""
    return place_in(tmp_path_factory.getbasetemp() / "folds", tiny_model, tuple(OPTIONS))


@pytest.fixture(scope="session")
def run(place):
    """The folder of a finished cross-validation with a test file."""
    return place.finished


def probabilities(rows):
    """Return the probabilities of a table of predictions, (n, labels)."""
    return np.array([[float(row[f"probability_{label}"]) for label in LABELS] for row in rows])


def write_table(path, header, rows):
    """Write a CSV file."""
    with open(path, "w", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return str(path)
