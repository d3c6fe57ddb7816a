"""Places that the command line may not write to are refused before anything is made."""

import os
from pathlib import Path

import pytest
from refusal_cases import make

from slanted.cli import main
from slanted.text.runs import folder_lock, run_folder

pytestmark = pytest.mark.once


def test_a_folder_that_cannot_be_written_to(monkeypatch, capsys, tiny_model, finished_run):
    make({"parent/": ""}, tiny_model, finished_run)
    monkeypatch.setattr(folder_lock.os, "access", lambda place, mode: str(place) != "parent")
    assert main(["train", "t.csv", "--out", "parent/o"]) == 2
    assert capsys.readouterr().err == "error: --out parent/o: parent cannot be written to; give another folder\n"
    assert main(["train", "t.csv", "--out", "parent"]) == 2
    assert capsys.readouterr().err == "error: --out parent: parent cannot be written to; give another folder\n"
    assert not list(Path("parent").iterdir())


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a file system that nobody may write to")
def test_a_file_system_that_takes_no_folders():
    with pytest.raises(run_folder.InputError) as refused, run_folder.RunFolder(Path("/proc/a/b")).claim():
        raise AssertionError("nobody can hold this folder")
    assert str(refused.value).startswith("--out /proc/a/b: ")


def test_predictions_that_cannot_be_written(monkeypatch, capsys, tiny_model, finished_run):
    make({"r": "RUN", "parent/": ""}, tiny_model, finished_run)
    monkeypatch.setattr(os, "access", lambda place, mode: Path(place).name != "parent")
    assert main(["predict", "r", "t.csv", "--out", "parent/p.csv"]) == 2
    assert capsys.readouterr().err == "error: --out parent/p.csv: cannot be written to; give another file\n"
