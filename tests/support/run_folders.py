"""Folders with the files of a run, each of a few letters.

A file of tests takes the fixture by `run = run_folders.run`.
"""

import pytest

from slanted.text.runs.run_folder import OURS


def contents(folder):
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


def write_run(folder, text, names=OURS):
    (folder / "model").mkdir(parents=True)
    for name in names:
        path = folder / "model" / "weights" if name == "model" else folder / name
        path.write_text(text)


def write(folder, texts):
    for name, text in texts.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


@pytest.fixture
def run(tmp_path):
    """A folder that holds a finished run."""
    write_run(tmp_path / "run", "old")
    return tmp_path / "run"
