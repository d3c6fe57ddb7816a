"""What the tests of reports share: the pages of fake runs, and copies of their folders that a test may break."""

import shutil

import fake_runs
import pytest


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
