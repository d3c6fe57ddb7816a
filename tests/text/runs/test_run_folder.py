"""The folder of a run: one process at a time, whole or not at all, and what was there comes back."""

import csv
import itertools
import json
import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from slanted.common import atomic_files
from slanted.common.atomic_files import write_json, write_rows, written_whole
from slanted.errors import InputError
from slanted.text.runs import run_folder
from slanted.text.runs.checkpoints import come_to
from slanted.text.runs.run_folder import OURS, check_free, claimed, held, read_json, replaced

pytestmark = pytest.mark.once

HOLDS_A_RUN = "--out {}: holds a run; give another folder, or --overwrite to replace it"
IS_LOCKED = "--out {}: another process is writing to it; wait, or give another folder"


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


def test_a_run_appears_only_when_it_is_whole(tmp_path):
    folder = tmp_path / "new"
    with claimed(folder, overwrite=False) as place:
        write_run(place, "new")
        assert {entry.name for entry in folder.iterdir()} == {".lock", place.name}
    assert {entry.name for entry in folder.iterdir()} == set(OURS)
    assert set(contents(folder).values()) == {"new"}


def test_a_failed_run_leaves_nothing_not_even_the_folders_around_it(tmp_path):
    with pytest.raises(KeyboardInterrupt), claimed(tmp_path / "a" / "b" / "c", overwrite=False) as place:
        write_run(place, "new")
        raise KeyboardInterrupt
    assert not list(tmp_path.iterdir())


def test_an_empty_folder_that_was_there_stays(tmp_path):
    with pytest.raises(ZeroDivisionError), claimed(tmp_path, overwrite=False):
        raise ZeroDivisionError
    assert tmp_path.is_dir() and not list(tmp_path.iterdir())


def test_a_run_is_replaced_when_told(run):
    before = contents(run)
    with claimed(run, overwrite=True) as place:
        assert contents(run) == before | {".lock": ""}
        write_run(place, "new", names=("model", "recipe.json"))
    assert contents(run) == {"model/weights": "new", "recipe.json": "new"}


def test_a_run_is_not_replaced_by_one_that_fails(run):
    before = contents(run)
    with pytest.raises(SystemExit), claimed(run, overwrite=True) as place:
        write_run(place, "new")
        raise SystemExit
    assert contents(run) == before


def test_a_run_is_refused_without_being_told(run):
    with pytest.raises(InputError) as refused, claimed(run, overwrite=False):
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
    with pytest.raises(OSError, match="No space left"), claimed(run, overwrite=True) as place:
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
        check_free(run, overwrite=False)
    assert str(refused.value) == HOLDS_A_RUN.format(run)
    with pytest.raises(KeyError), claimed(run, overwrite=True):
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

    for owner, name in ((Path, "rename"), (Path, "rmdir"), (Path, "mkdir"), (run_folder.shutil, "rmtree")):
        monkeypatch.setattr(owner, name, dying(getattr(owner, name)))


@pytest.mark.parametrize("replaces", [False, True])
def test_a_process_may_die_anywhere_and_leaves_the_folds_or_the_whole_run(tmp_path, replaces):
    """From every rename and deletion of the replacement on, and then again from every one of what undoes it."""
    new = {**dict.fromkeys((f"fold_{number}/metrics.json" for number in (1, 2, 10)), "new"), "metrics.json": "new"}
    old = {"predictions.csv": "old", "metrics.json": "old", "fold_3/metrics.json": "old"} if replaces else {}
    ends = set()
    for first, again in itertools.product(range(40), (1, 3, 6, 9, 100)):
        out = tmp_path / f"{first}-{again}"
        write(out, old)
        with (
            pytest.MonkeyPatch.context() as patched,
            suppress(Killed),
            held(out, overwrite=True),
            replaced(out, ".checkpoints") as place,
        ):
            write(place, new)
            dies_at(patched, first)
        with pytest.MonkeyPatch.context() as patched, suppress(Killed):
            dies_at(patched, again)
            with held(out, overwrite=True, resume=True):
                raise Killed
        kept = come_to(out)
        with suppress(Killed), held(out, overwrite=True, resume=True):
            raise Killed
        left = {name: text for name, text in contents(out).items() if name != ".lock"}
        undone = {f".checkpoints/{name}": text for name, text in new.items()}
        assert left in (new, undone | old), (first, again, left)
        assert (kept == "fold 10") or left == new
        ends.add(left == new)
    assert ends == {True, False}


def test_checkpoints_stay_until_what_follows_the_run_is_done(run):
    write(run, {".checkpoints/checkpoint-0000000007": "state"})
    with pytest.raises(KeyError), held(run, overwrite=True, resume=True):
        with replaced(run) as place:
            write(place, {"metrics.json": "new"})
        raise KeyError
    assert contents(run) == {"metrics.json": "new", ".checkpoints/checkpoint-0000000007": "state"}
    with held(run, overwrite=False, resume=True):
        assert come_to(run) == "step 7"
    assert contents(run) == {"metrics.json": "new"}


def test_what_a_killed_process_left_is_no_run(tmp_path):
    write_run(tmp_path / ".partial", "killed")
    (tmp_path / ".lock").touch()
    with claimed(tmp_path, overwrite=False) as place:
        assert not list(place.iterdir())
        (place / "labels.json").write_text("new")
    assert contents(tmp_path) == {"labels.json": "new"}


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_folder_with_other_files_is_never_taken(run, overwrite):
    (run / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match=r"holds 'notes\.txt', which is not a run's; give a new or empty folder"):
        check_free(run, overwrite)


HOLDER = """
import sys, time
from pathlib import Path
from slanted.text.runs.run_folder import claimed
with claimed(Path(sys.argv[1]), overwrite=True):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_one_process_at_a_time_and_the_lock_dies_with_its_process(run):
    before = contents(run)
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(run)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None and holder.stdout.readline() == "held\n"
        with pytest.raises(InputError) as refused, claimed(run, overwrite=True):
            raise AssertionError("the folder is held")
        assert str(refused.value) == IS_LOCKED.format(run)
        holder.send_signal(signal.SIGKILL)
    assert {name: text for name, text in contents(run).items() if name != ".lock"} == before
    with claimed(run, overwrite=True) as place:
        write_run(place, "new")
    assert set(contents(run).values()) == {"new"} and len(contents(run)) == len(OURS)


def test_a_text_file_is_whole_or_as_it_was(tmp_path):
    path = tmp_path / "p.csv"
    path.write_text("old")
    with pytest.raises(ZeroDivisionError), written_whole(path) as file:
        file.write("half")
        raise ZeroDivisionError
    assert contents(tmp_path) == {"p.csv": "old"}
    with written_whole(path) as file:
        file.write("new\r\n")
    assert path.read_bytes() == b"new\r\n" and len(list(tmp_path.iterdir())) == 1


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "there").mkdir()
    target, link = tmp_path / "there" / "p.csv", tmp_path / "p.csv"
    target.write_text("old")
    link.symlink_to(target)
    with written_whole(link) as file:
        file.write("new")
    assert link.is_symlink() and target.read_text() == "new"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes are POSIX")
def test_a_pipe_is_written_as_it_comes_and_stays_a_pipe(tmp_path):
    pipe, read = tmp_path / "pipe", []
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: read.append(pipe.read_text()))
    reader.start()
    write_rows(pipe, ["row"], [[0]])
    reader.join()
    assert read == ["row\n0\n"] and pipe.is_fifo()


def test_no_place_to_write(tmp_path):
    with pytest.raises(InputError) as refused:
        write_json(tmp_path / "none" / "x.json", {})
    assert str(refused.value).endswith(
        "cannot be written (No such file or directory); free space or give another place"
    )


def test_rows_come_back_from_csv(tmp_path):
    rows = [["0", 'a "b", c', "x\ny"], ["1", "", " z "]]
    write_rows(tmp_path / "p.csv", ["row", "a", "b"], rows)
    with open(tmp_path / "p.csv", encoding="utf-8", newline="") as file:
        assert list(csv.reader(file)) == [["row", "a", "b"], *rows]


def test_json_keeps_every_character_and_refuses_nan(tmp_path):
    path = tmp_path / "x.json"
    write_json(path, {"labels": ["שלום", "🎉", 1]})
    assert read_json(path) == {"labels": ["שלום", "🎉", 1]} and "שלום" in path.read_text(encoding="utf-8")
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(path, {"loss": float("nan")})
    assert json.loads(path.read_text(encoding="utf-8"))["labels"] and len(list(tmp_path.iterdir())) == 1


def test_a_full_disk_is_one_line(tmp_path):
    with pytest.raises(InputError) as refused, atomic_files.disk_errors(tmp_path):
        raise OSError("Can't write data\n(No space left on device)")
    expected = f"--out {tmp_path}: cannot be written (Can't write data (No space left on device)); free space or give "
    assert str(refused.value) == expected + "another folder"
