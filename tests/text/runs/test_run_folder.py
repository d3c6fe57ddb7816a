"""The folder of a run: whole or not at all, and what was there comes back."""

import itertools
import os
from contextlib import suppress
from pathlib import Path

import pytest
import run_folders
from run_folders import contents, write, write_run

from slanted.errors import InputError
from slanted.text.runs import replacement
from slanted.text.runs.run_folder import OURS, RunFolder, RunState

pytestmark = pytest.mark.once

run = run_folders.run

HOLDS_A_RUN = "--out {}: contains a run; give another folder, or --overwrite to replace it"


def test_a_run_appears_only_when_it_is_whole(tmp_path):
    folder = tmp_path / "new"
    with RunFolder(folder).claim() as place:
        write_run(place, "new")
        assert {entry.name for entry in folder.iterdir()} == {".lock", place.name}
    assert {entry.name for entry in folder.iterdir()} == set(OURS)
    assert set(contents(folder).values()) == {"new"}


def test_a_run_is_replaced_when_told(run):
    before = contents(run)
    with RunFolder(run, overwrite=True).claim() as place:
        assert contents(run) == before | {".lock": ""}
        write_run(place, "new", names=("model", "recipe.json"))
    assert contents(run) == {"model/model.weights.h5": "new", "recipe.json": "new"}


def test_a_run_is_not_replaced_by_one_that_fails(run):
    before = contents(run)
    with pytest.raises(SystemExit), RunFolder(run, overwrite=True).claim() as place:
        write_run(place, "new")
        raise SystemExit
    assert contents(run) == before


def test_a_run_is_refused_without_being_told(run):
    with pytest.raises(InputError) as refused, RunFolder(run).claim():
        raise AssertionError("the folder is taken")
    assert str(refused.value) == HOLDS_A_RUN.format(run)


@pytest.mark.parametrize("moves", range(2 * len(OURS) + 1))
def test_a_replacement_that_fails_half_way_brings_the_run_back(run, monkeypatch, moves):
    before, rename, left = contents(run), Path.rename, [moves]

    def failing(path, destination):
        left[0] -= 1
        if left[0] == -1:
            raise OSError(28, "No space left on device")
        return rename(path, destination)

    monkeypatch.setattr(Path, "rename", failing)
    rule = "cannot be written \\(No space left on device\\); free space or give another folder"
    with pytest.raises(InputError, match=rule), RunFolder(run, overwrite=True).claim() as place:
        write_run(place, "new")
    assert contents(run) == before


def test_a_replacement_whose_process_died_half_way_counts_as_a_run_and_is_undone(run):
    """What the old run did not have goes too."""
    (run / "predictions.csv").unlink()
    before = contents(run)
    (run / ".replaced").mkdir()
    for path in [path for path in run.iterdir() if path.name != ".replaced"]:
        path.rename(run / ".replaced" / path.name)
    write_run(run, "new", names=("model", "labels.json", "predictions.csv"))
    write_run(run / "fold_1", "new")
    write_run(run / ".partial", "new", names=("model", "metrics.json"))
    with pytest.raises(InputError) as refused:
        RunFolder(run).require_writable()
    assert str(refused.value) == HOLDS_A_RUN.format(run)
    with pytest.raises(KeyError), RunFolder(run, overwrite=True).claim():
        raise KeyError
    assert contents(run) == before


class Killed(BaseException):
    """Stands for a kill."""


def dies_at(monkeypatch, at):
    """Have nothing be renamed or deleted any more once so many entries were, as in a process that is killed."""
    done = itertools.count()

    def dying(real):
        def call(*arguments, **named):
            if next(done) >= at:
                raise Killed
            return real(*arguments, **named)

        return call

    for owner, name in ((Path, "rename"), (Path, "rmdir"), (Path, "mkdir"), (replacement.shutil, "rmtree")):
        monkeypatch.setattr(owner, name, dying(getattr(owner, name)))


@pytest.mark.parametrize("replaces", [False, True])
def test_a_process_may_die_anywhere_and_leaves_the_folds_or_the_whole_run(tmp_path, replaces):
    """From every rename and deletion of the replacement on, and then again from every one of what undoes it."""
    new = {**dict.fromkeys((f"fold_{number}/metrics.json" for number in (1, 2, 10)), "new"), "metrics.json": "new"}
    old = {"predictions.csv": "old", "metrics.json": "old", "fold_3/metrics.json": "old"} if replaces else {}
    new |= {f"{name.removesuffix('metrics.json')}recipe.json": "new" for name in new}
    old |= {f"{name.removesuffix('metrics.json')}recipe.json": "old" for name in old if name.endswith("metrics.json")}
    ends = set()
    for first, again in itertools.product(range(40), (1, 3, 6, 9, 100)):
        out = tmp_path / f"{first}-{again}"
        write(out, old)
        with (
            pytest.MonkeyPatch.context() as patched,
            suppress(Killed),
            RunFolder(out, overwrite=True).lock(),
            RunFolder(out).replace(".checkpoints") as place,
        ):
            write(place, new)
            dies_at(patched, first)
        with pytest.MonkeyPatch.context() as patched, suppress(Killed):
            dies_at(patched, again)
            with RunFolder(out, overwrite=True, resume=True).lock():
                raise Killed
        progress = RunFolder(out).state.progress
        with suppress(Killed), RunFolder(out, overwrite=True, resume=True).lock():
            raise Killed
        left = {name: text for name, text in contents(out).items() if name != ".lock"}
        undone = {f".checkpoints/{name}": text for name, text in new.items()}
        assert left in (new, undone | old), (first, again, left)
        assert (progress == "fold 10") or left == new
        ends.add(left == new)
    assert ends == {True, False}


def test_checkpoints_stay_until_what_follows_the_run_is_done(run):
    write(run, {".checkpoints/checkpoint-0000000007": "state"})
    with pytest.raises(KeyError), RunFolder(run, overwrite=True, resume=True).lock():
        with RunFolder(run).replace() as place:
            write(place, {"metrics.json": "new", "recipe.json": "new"})
        raise KeyError
    assert contents(run) == {"metrics.json": "new", "recipe.json": "new", ".checkpoints/checkpoint-0000000007": "state"}
    with RunFolder(run, resume=True).lock():
        assert RunFolder(run).state == RunState("unfinished", "step 7")
    assert contents(run) == {"metrics.json": "new", "recipe.json": "new"}


def test_what_a_killed_process_left_is_no_run(tmp_path):
    write_run(tmp_path / ".partial", "killed")
    (tmp_path / ".lock").touch()
    with RunFolder(tmp_path).claim() as place:
        assert not list(place.iterdir())
        (place / "labels.json").write_text("new")
    assert contents(tmp_path) == {"labels.json": "new"}


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_folder_with_other_files_is_never_taken(run, overwrite):
    (run / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match=r"holds 'notes\.txt', which is not a run's; give a new or empty folder"):
        RunFolder(run, overwrite=overwrite).require_writable()


def test_the_state_of_a_folder(tmp_path):
    folder = RunFolder(tmp_path / "run")
    assert folder.state == RunState("empty") and folder.steps_done == 0
    write(folder.path, {"metrics.json": '{"total_steps": 30}'})
    assert folder.state == RunState("finished") and folder.state.is_finished and folder.steps_done == 30
    write(folder.path, {".checkpoints/checkpoint-0000000007": "", ".checkpoints/checkpoint-0000000012": ""})
    assert folder.state == RunState("unfinished", "step 12")  # another run is about to replace the finished one
    assert not folder.state.is_finished


def test_the_state_of_a_cross_validation(tmp_path):
    folder = RunFolder(tmp_path)
    write(tmp_path, {".checkpoints/fold_1/metrics.json": '{"total_steps": 30}'})
    assert folder.state == RunState("unfinished", "fold 1")
    write(tmp_path, {".checkpoints/fold_2/.checkpoints/checkpoint-0000000012": ""})
    assert folder.state == RunState("unfinished", "fold 2, step 12")
    assert [folder.fold(number).steps_done for number in range(3)] == [30, 12, 0]
    assert folder.fold(1).resume and folder.fold(0).state.is_finished


@pytest.mark.parametrize("stray", [".report.html.4711.part", ".metrics.json.12.part", ".DS_Store", "Thumbs.db"])
def test_what_a_killed_process_or_a_file_manager_left_blocks_no_folder(run, stray):
    (run / stray).write_text("half")
    with RunFolder(run, overwrite=True).lock(), RunFolder(run).replace() as place:
        write_run(place, "new")
    assert set(contents(run).values()) == ({"new"} if stray.endswith(".part") else {"new", "half"})
    RunFolder(run, overwrite=True).require_writable()
    empty = run.parent / "empty"
    empty.mkdir()
    (empty / stray).write_text("half")
    RunFolder(empty).require_writable()


def test_a_temporary_file_of_another_program_is_not_ours(run):
    (run / ".thesis.tex.12.part").write_text("mine")
    with pytest.raises(InputError, match=r"holds '\.thesis\.tex\.12\.part', which is not a run's"):
        RunFolder(run, overwrite=True).require_writable()


# -- what reaches the disk, and when ----------------------------------------------------------------------------------


def test_every_file_of_a_run_reaches_the_disk_before_anything_of_the_old_one_moves(run, monkeypatch):
    synced, moved, sync, rename = set(), [], os.fsync, Path.rename

    def note_sync(descriptor):
        synced.add(os.readlink(f"/proc/self/fd/{descriptor}"))
        sync(descriptor)

    def note_rename(path, destination):
        moved.append((path.name, set(synced)))
        return rename(path, destination)

    monkeypatch.setattr(os, "fsync", note_sync)
    monkeypatch.setattr(Path, "rename", note_rename)
    with RunFolder(run, overwrite=True).claim() as place:
        write_run(place, "new")
        files = {str(path) for path in place.rglob("*")} | {str(place)}
    assert moved and files <= moved[0][1]
    assert str(run) in synced
