"""`slanted compare` on a model that trains in a second, looked at from outside."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import comparisons
import keras
import pytest
from comparisons import COMPARED, SWEPT, result, times
from run_files import read

from slanted.cli import main
from slanted.compare.run_grid import Runner
from slanted.errors import TrainingFailed
from slanted.text.training import train_run

place, finished, untrained = comparisons.place, comparisons.finished, comparisons.untrained

BACKEND = keras.backend.backend()
NEW = (("linear", 0), ("linear", 1), ("constant", 2), ("linear", 2))


def test_started_again_it_trains_nothing_and_says_the_same(finished, place, monkeypatch, capsys):
    before, held = times(finished), result(finished)
    capsys.readouterr()
    assert place.compare("finished") == 0
    first = capsys.readouterr().out
    monkeypatch.setattr(Runner, "train", lambda self, run: pytest.fail(run.title))
    assert place.compare("finished") == 0
    assert capsys.readouterr().out == first
    assert "4 runs to compare, 4 of them finished before" in first
    assert times(finished) == before and result(finished) == held


@pytest.mark.once
def test_more_seeds_rates_and_recipes_train_only_what_is_new(place, untrained):
    wider = place.folder / "wider"
    assert place.compare("wider", options=SWEPT) == 0
    before = times(wider)
    untrained.clear()
    assert place.compare("wider", options=["--recipes", "constant,linear", "--lr", "0.01", "--seeds", "3"]) == 0
    assert untrained == [f"{name}_lr0.01_seed{seed}" for name, seed in NEW]
    assert times(wider).items() >= before.items()
    assert [one["name"] for one in result(wider)["recipes"]] == ["constant", "linear"]


@pytest.mark.once
def test_stopped_half_way_it_ends_with_the_same_table_and_repeats_no_finished_run(
    place, untrained, monkeypatch, capsys
):
    assert place.compare("whole", options=SWEPT) == 0
    train, started = Runner.train, []

    def stopping(self, run):
        started.append(run.title)
        if len(started) == 4:
            raise KeyboardInterrupt
        train(self, run)

    monkeypatch.setattr(Runner, "train", stopping)
    capsys.readouterr()
    assert place.compare("stopped", options=SWEPT) == 130
    error = "error: interrupted; 3 finished runs saved; to continue, run the command again\n"
    assert capsys.readouterr().err == error
    before = times(place.folder / "stopped")
    assert len(before) == 3
    assert place.compare("stopped", options=SWEPT) == 0
    assert started[4] == started[3] and len(set(started)) == 8 and len(started) == 4 + 5
    assert times(place.folder / "stopped").items() >= before.items()
    assert result(place.folder / "stopped") == result(place.folder / "whole")


@pytest.mark.once
def test_killed_half_way_it_ends_with_the_same_table_and_repeats_no_finished_run(place, finished):
    out = place.folder / "killed"
    words = [sys.executable, "-m", "slanted.cli", *place.words, "--out", str(out), *COMPARED]
    with subprocess.Popen(words, stdout=subprocess.DEVNULL, env={**os.environ, "KERAS_BACKEND": BACKEND}) as process:
        until = time.monotonic() + 120.0
        while len(list(out.glob("runs/*/metrics.json"))) < 1 and time.monotonic() < until and process.poll() is None:
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
    before = {path: path.stat().st_mtime_ns for path in out.glob("runs/*/metrics.json")}
    assert 1 <= len(before) < 4
    assert place.compare("killed") == 0
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert result(out) == result(finished)


@pytest.mark.once
def test_no_comparison_replaces_what_it_reads(place, tmp_path, capsys):
    rows = shutil.copy(place.train, tmp_path / "compare.csv")
    assert main(["compare", str(rows), "--out", str(tmp_path), "--recipes", "constant,linear", *place.words[2:]]) == 2
    rule = f"{rows} is read, and would be replaced; give another place to write to"
    assert capsys.readouterr().err == f"error: --out {tmp_path}: {rule}\n"
    assert [*tmp_path.iterdir()] == [tmp_path / "compare.csv"]


@pytest.mark.once
def test_overwrite_starts_again(place, untrained):
    small = ["--recipes", "constant,linear", "--seeds", "1"]
    assert place.compare("again", options=small) == 0
    before = times(place.folder / "again")
    assert place.compare("again", "--overwrite", "--batch-size", 4, options=small) == 0
    after = times(place.folder / "again")
    assert before.keys() == after.keys() and not set(before.values()) & set(after.values())


@pytest.mark.once
def test_json_is_all_that_is_printed(place, untrained, capsys):
    small = ["--recipes", "constant,linear", "--seeds", "1", "--score", "loss"]
    assert place.compare("json", "--json", options=small) == 0
    printed = json.loads(capsys.readouterr().out)
    held = read(place.folder / "json" / "compare.json")
    assert printed.items() <= held.items()
    assert printed["score"] == "loss"
    said = "no difference shown: with one seed a difference cannot be told from noise; give --seeds 3 or more"
    assert printed["verdicts"] == {"linear": said}


@pytest.mark.once
def test_a_rate_at_which_training_fails_is_left_out_and_not_tried_again(place, untrained, monkeypatch, capsys):
    write = train_run.train_here

    def failing(request, *more, **named):
        if request.settings.recipe.lr_max == 0.01 and request.settings.seed == 1:
            raise TrainingFailed("the loss is nan at step 3 of 10")
        return write(request, *more, **named)

    monkeypatch.setattr(train_run, "train_here", failing)
    assert place.compare("failing", options=SWEPT) == 0
    first = capsys.readouterr().out
    assert "constant lr 0.01 seed 1: failed: the loss is nan at step 3 of 10\n" in first
    assert "note: 1 run of constant failed at other rates: the loss was not finite\n" in first
    assert [one["rate"] for one in result(place.folder / "failing")["recipes"]] == [0.003, 0.003]
    untrained.clear()
    assert place.compare("failing", options=SWEPT) == 0
    assert not untrained and capsys.readouterr().out.splitlines()[-8:] == first.splitlines()[-8:]


@pytest.mark.once
@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes are POSIX")
def test_a_named_pipe_is_refused_by_its_name(tmp_path, capsys):
    os.mkfifo(tmp_path / "pipe")
    words = ["compare", str(tmp_path / "pipe"), "--recipes", "constant,stlr", "--out", str(tmp_path / "out")]
    assert main(words) == 2
    rule = "compare reads the rows once for each seed; save them to a file and give its path"
    assert capsys.readouterr().err == f"error: {tmp_path / 'pipe'}: {rule}\n"
    assert not (tmp_path / "out").exists()


@pytest.mark.once
def test_overwrite_says_what_it_cannot_move_aside(place, untrained, monkeypatch, capsys):
    small = ["--recipes", "constant,linear", "--seeds", "1"]
    assert place.compare("stuck", options=small) == 0
    untrained.clear()
    capsys.readouterr()

    def busy(path, destination):
        raise OSError(16, "Device or resource busy")

    monkeypatch.setattr(Path, "rename", busy)
    assert place.compare("stuck", "--overwrite", options=small) == 2
    rule = "cannot be written (Device or resource busy); free space or give another folder"
    assert capsys.readouterr().err == f"error: --out {place.folder / 'stuck'}: {rule}\n" and not untrained
