"""What the tests of reports share: the pages of fake runs, and copies of their folders that a test may break."""

import csv
import json
import shutil
from types import SimpleNamespace

import fake_runs
import pytest
import tiny

from slanted.cli import main


class Pages(dict):
    """The page of a run or cross-validation by its name in `fake_runs`; it is written when it is first asked for."""

    def __init__(self, folder):
        super().__init__()
        self.folder = folder

    def __missing__(self, name):
        self[name] = {**fake_runs.RUNS, **fake_runs.FOLDS}[name](self.folder / name)
        return self[name]


@pytest.fixture(scope="session")
def pages(tmp_path_factory):
    """The pages of runs and cross-validations of every kind. No test changes them."""
    return Pages(tmp_path_factory.mktemp("pages"))


@pytest.fixture
def run(pages, tmp_path):
    """A copy of a run's files that a test may break."""
    source = pages["single"].parent
    for path in source.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    return tmp_path


@pytest.fixture
def whole(pages, tmp_path):
    """A copy of a cross-validation's folder that a test may break."""
    return shutil.copytree(pages["single_folds"].parent, tmp_path / "whole")


@pytest.fixture(scope="module")
def place(tmp_path_factory, tiny_model):
    """Where real runs are trained by `run`, and their folder."""
    folder = tmp_path_factory.mktemp("reports")

    def run(name, header, rows, *more, test=None):
        for part, content in (("train", rows), ("test", test or [])):
            with open(folder / f"{name}-{part}.csv", "w", encoding="utf-8", newline="") as file:
                csv.writer(file).writerows([header, *content])
        files = [str(folder / f"{name}-train.csv"), *(["--test", str(folder / f"{name}-test.csv")] if test else [])]
        out = folder / name
        assert main(["train", *files, "--out", str(out), "--model", tiny_model, *tiny.RUN_OPTIONS, *more]) == 0
        data = json.loads((out / "report.json").read_text(encoding="utf-8"))
        page = (out / "report.html").read_text(encoding="utf-8")
        metrics = json.loads((out / "metrics.json").read_text(encoding="utf-8"))
        return SimpleNamespace(out=out, data=data, page=page, metrics=metrics)

    return SimpleNamespace(folder=folder, run=run)
