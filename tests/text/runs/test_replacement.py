"""Every reader finds the old run or the new one, whatever a killed process left."""

import errno
import threading

import pytest
import run_folders
from run_folders import contents, write, write_run

from slanted.commands import watch
from slanted.errors import InputError
from slanted.report.write_report import write_page
from slanted.text.runs import replacement
from slanted.text.runs.folder_lock import locked
from slanted.text.runs.replacement import settle
from slanted.text.runs.run_folder import RunFolder
from slanted.text.runs.saved_run import read_run

pytestmark = pytest.mark.once

run = run_folders.run


def interrupt(run):
    """Leave what a process leaves that is killed within a replacement."""
    (run / ".replaced").mkdir()
    for path in [path for path in run.iterdir() if path.name != ".replaced"]:
        path.rename(run / ".replaced" / path.name)
    write(run, {"tokenizer.json": "new", ".partial/metrics.json": "new"})


@pytest.mark.parametrize("read", [settle, read_run, write_page, watch.finished])
def test_every_reader_restores_the_old_run_first(run, read):
    before = contents(run)
    interrupt(run)
    if read is settle:
        settle(run)
    else:  # the files of the run are no real ones
        with pytest.raises(InputError) as refused:
            read(run)
        assert "is missing" not in str(refused.value)
    left = contents(run)
    assert {name: text for name, text in left.items() if not name.startswith(".")} == before
    assert not (run / ".replaced").exists() and not (run / ".replacing").exists()


def test_a_reader_waits_for_a_replacement_that_goes_on(run):
    interrupt(run)
    started, release = threading.Event(), threading.Event()

    def replace():
        with locked(run):
            started.set()
            release.wait(10)
            replacement.undo_replacement(run)

    writer = threading.Thread(target=replace)
    writer.start()
    started.wait(10)
    threading.Timer(0.2, release.set).start()
    settle(run)
    writer.join()
    assert contents(run)["metrics.json"] == "old" and not (run / ".replaced").exists()


def test_a_reader_names_the_old_run_where_it_cannot_restore_it(run, monkeypatch):
    interrupt(run)
    left = contents(run)
    monkeypatch.setattr(replacement, "PATIENCE", 0.1)
    with locked(run), pytest.raises(InputError) as refused:
        settle(run)
    reason = f"--out {run}: another process is writing to it; wait, or give another folder"
    problem = f"the replacement of its run was interrupted ({reason})"
    remedy = "make it writable and try again, or move the old run's files from .replaced into it"
    assert str(refused.value) == f"{run}: {problem}; {remedy}"
    assert contents(run) == left


def test_a_file_that_the_user_adds_while_a_run_is_trained_stays(run):
    with pytest.raises(InputError) as refused, RunFolder(run, overwrite=True).claim() as place:
        write(place, {"recipe.json": "new", "metrics.json": "new"})
        write(run, {"model/notes.txt": "mine"})
    problem = "holds 'model/notes.txt', which is not a run's; move it away, or give a new or empty folder"
    assert str(refused.value) == f"--out {run / '.replaced'}: {problem}"
    left = contents(run)
    assert left[".replaced/model/notes.txt"] == "mine" and left["metrics.json"] == left["recipe.json"] == "new"
    (run / ".replaced" / "model" / "notes.txt").unlink()
    settle(run)
    assert contents(run) == {"recipe.json": "new", "metrics.json": "new"}


@pytest.mark.parametrize("fails", [None, "copytree"])
def test_a_folder_that_cannot_be_renamed_is_copied(run, monkeypatch, fails):
    before, rename = contents(run), replacement.Path.rename

    def crossing(path, destination):
        if path == run / "model":
            raise OSError(errno.EXDEV, "Invalid cross-device link")
        return rename(path, destination)

    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(replacement.Path, "rename", crossing)
    if fails is None:
        with RunFolder(run, overwrite=True).claim() as place:
            write_run(place, "new")
        assert {*contents(run).values()} == {"new"}
        return
    with pytest.raises(InputError, match="No space left"), RunFolder(run, overwrite=True).claim() as place:
        write_run(place, "new")
        monkeypatch.setattr(replacement.shutil, fails, full)
    monkeypatch.undo()
    settle(run)
    assert {name: text for name, text in contents(run).items() if not name.startswith(".")} == before
