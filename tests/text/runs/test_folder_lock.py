"""A folder for one process: what is made for it goes again where nothing comes of it, and nobody else writes to it."""

import signal
import subprocess
import sys

import pytest
import run_folders
from resumable import PLAIN, Place
from run_folders import contents, write_run

from slanted.errors import InputError
from slanted.text.runs.run_folder import OURS, RunFolder

pytestmark = pytest.mark.once

run = run_folders.run

IS_LOCKED = "--out {}: another process is writing to it; wait, or give another folder"


def test_a_failed_run_leaves_nothing_not_even_the_folders_around_it(tmp_path):
    with pytest.raises(KeyboardInterrupt), RunFolder(tmp_path / "a" / "b" / "c").claim() as place:
        write_run(place, "new")
        raise KeyboardInterrupt
    assert not list(tmp_path.iterdir())


def test_an_empty_folder_that_was_there_stays(tmp_path):
    with pytest.raises(ZeroDivisionError), RunFolder(tmp_path).claim():
        raise ZeroDivisionError
    assert tmp_path.is_dir() and not list(tmp_path.iterdir())


HOLDER = """
import sys, time
from pathlib import Path
from slanted.text.runs.run_folder import RunFolder
with RunFolder(Path(sys.argv[1]), overwrite=True).claim():
    print("held", flush=True)
    sys.stdin.read()
"""


def test_one_process_at_a_time_and_the_lock_dies_with_its_process(run):
    before = contents(run)
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(run)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None and holder.stdout.readline() == "held\n"
        with pytest.raises(InputError) as refused, RunFolder(run, overwrite=True).claim():
            raise AssertionError("the folder is held")
        assert str(refused.value) == IS_LOCKED.format(run)
        holder.send_signal(signal.SIGKILL)
    assert {name: text for name, text in contents(run).items() if name != ".lock"} == before
    with RunFolder(run, overwrite=True).claim() as place:
        write_run(place, "new")
    assert set(contents(run).values()) == {"new"} and len(contents(run)) == len(OURS)


@pytest.fixture(scope="module")
def place(tmp_path_factory, tiny_model):
    """Where to train."""
    return Place(tmp_path_factory.mktemp("resume"), tiny_model)


def test_the_folder_is_held_until_the_report_is_left(place, monkeypatch):
    out, tried = place.folder / "held", []

    def another(run):
        with (
            pytest.raises(InputError, match="another process is writing to it"),
            RunFolder(out, overwrite=True).claim(),
        ):
            raise AssertionError("two runs are mixed")
        tried.append(run.out)
        return run.out

    monkeypatch.setattr("slanted.report.write_report.write_report", another)
    assert place.run("held", PLAIN) == 0
    assert tried == [out]
