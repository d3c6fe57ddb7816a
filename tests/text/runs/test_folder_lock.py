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


@pytest.mark.parametrize("content", ["mine", "12 monkeys", "\n"])
def test_a_file_of_another_program_with_the_name_of_the_lock_stays(tmp_path, content):
    lock = tmp_path / ".lock"
    lock.write_text(content)
    with pytest.raises(InputError) as refused, RunFolder(tmp_path).claim():
        pass
    assert str(refused.value) == f"--out {tmp_path}: holds '.lock', which another program wrote; move it away"
    assert lock.read_text() == content


def test_a_lock_that_a_killed_process_left_is_taken(tmp_path):
    (tmp_path / ".lock").write_text("4711\na-host\n")  # of a file system without locks
    with RunFolder(tmp_path).claim() as place:
        (place / "labels.json").write_text("new")
    assert [*tmp_path.iterdir()] == [tmp_path / "labels.json"]


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
