"""A real run of `slanted train` whose events are recorded, once a process, for all files that look at it.

A file of tests takes the fixtures by `place, words, run = recorded_run.place, recorded_run.words, recorded_run.run`.
"""

import contextlib
import io
import json
from functools import cache

import pytest
import tiny
from run_files import table

import slanted
from slanted.cli import main
from slanted.text.progress import jsonl
from slanted.text.progress.view import GroupRates

EPOCHS, STEPS = 3, 5
OPTIONS = f"--recipe ulmfit --lr 0.01 --epochs {EPOCHS} --batch-size 8 --max-tokens 16 --precision float32".split()
OPTIONS += ["--head-start", "random"]  # so that a later epoch than the start is the best


@pytest.fixture(scope="session")
def place(tmp_path_factory):
    """The folder of the run and its data."""
    return tmp_path_factory.getbasetemp() / "recorded"


@pytest.fixture(scope="session")
def words(place, tiny_model):
    """The command without its folder."""
    return words_of(place, tiny_model)


@pytest.fixture(scope="session")
def run(place, tiny_model):
    """A run with its events on standard output, and for TensorBoard in the default place."""
    return place / "run", recorded(place, tiny_model)


@cache
def words_of(place, model):
    """Return the command without its folder, whose data is written."""
    place.mkdir()
    train = tiny.write_rows(place / "train.csv", *tiny.examples(44))
    test = tiny.write_rows(place / "test.csv", *tiny.examples(16, seed=5))
    return ["train", train, "--test", test, "--model", model, *OPTIONS]


@cache
def recorded(place, model):
    """Train, and return the events."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        jsonl.SECONDS_BETWEEN_STEPS = 0.0
        assert main([*words_of(place, model), "--out", str(place / "run"), "--json-lines", "--tensorboard"]) == 0
        jsonl.SECONDS_BETWEEN_STEPS = 1.0
    return [json.loads(line) for line in printed.getvalue().splitlines()]


def history(folder):
    """Return the rows of history.csv."""
    return table(folder / "history.csv")


def rates_of_groups():
    """Return what the rates of the layer groups must be."""
    curve = slanted.SlantedTriangular(0.01).simulate(EPOCHS * STEPS)
    stages = [(0, ("head",)), (STEPS, ("block_0", "head")), (2 * STEPS, ("embeddings", "block_0", "head"))]
    return GroupRates(curve, {"embeddings": 2.6**-2, "block_0": 1 / 2.6, "head": 1.0}, stages)
