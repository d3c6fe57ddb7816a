"""Damaged folders through the command: each gives the undamaged result or one line, in bounded time and memory."""

import os
import shutil
import subprocess
import sys
import tempfile
import time

import damaged_folders
import pytest
import tiny
import trained_runs

pytestmark = [pytest.mark.once, pytest.mark.slow]

place, run = trained_runs.place, trained_runs.run
ROUNDS = range(10)


def given(*words):
    """Give a command; return its status, its output, its errors, its seconds and its memory in KiB."""
    command, began = [sys.executable, "-m", "slanted.cli", *map(str, words)], time.monotonic()
    environment = {**os.environ, "KERAS_BACKEND": trained_runs.BACKEND}
    with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(command, stdout=output, stderr=errors, env=environment)
        status, used = os.wait4(process.pid, 0)[1:]
        process.returncode = os.waitstatus_to_exitcode(status)
        spent = time.monotonic() - began, used.ru_maxrss
        output.seek(0)
        errors.seek(0)
        return process.returncode, output.read(), errors.read(), *spent


def check(whole, damaged, how, output=True):
    """Raise unless the damaged folder was refused in one line, or has the result of the whole one."""
    status, printed, errors, *spent = damaged
    assert status in (0, 2), (how, errors)
    assert errors.replace("\n", "").isprintable() and "Traceback" not in errors, (how, errors)
    if status == 2:
        assert errors.startswith("error: ") and errors.count("\n") == 1, (how, errors)
    elif output:
        assert printed == whole[1], how
    assert all(one <= 10 * most for one, most in zip(spent, whole[3:], strict=True)), (how, spent)


@pytest.mark.parametrize("command", ["predict", "evaluate", "report"])
def test_a_damaged_run_is_refused_or_gives_the_same(place, run, tmp_path, command):
    def words(folder):
        out = ["--out", tmp_path / "p.csv"] if command == "predict" else []
        return [command, folder, *([] if command == "report" else [place.test]), *out]

    folder = shutil.copytree(run, tmp_path / "run")
    whole, statuses = given(*words(folder)), set()
    predicted = (tmp_path / "p.csv").read_text() if command == "predict" else ""
    assert whole[0] == 0
    for seed in ROUNDS:
        shutil.rmtree(folder)
        shutil.copytree(run, folder)
        how = damaged_folders.damage(folder, 1000 + seed)
        damaged = given(*words(folder))
        check(whole, damaged, how)
        statuses.add(damaged[0])
        assert command != "predict" or (tmp_path / "p.csv").read_text() == predicted, how
    assert 2 in statuses


def test_a_damaged_model_is_refused_or_trains(place, tmp_path):
    model, out = tmp_path / "model", tmp_path / "out"

    def trained():
        shutil.rmtree(out, ignore_errors=True)
        return given("train", place.train, "--model", model, "--out", out, *tiny.RUN_OPTIONS, "--test", place.test)

    shutil.copytree(place.model, model)
    whole, statuses = trained(), set()
    assert whole[0] == 0
    for seed in ROUNDS:
        shutil.rmtree(model)
        shutil.copytree(place.model, model)
        how = damaged_folders.damage(model, seed)
        damaged = trained()
        check(whole, damaged, how, output=False)  # altered weights of the right shapes are no damage
        statuses.add(damaged[0])
        assert out.exists() == (damaged[0] == 0), how
    assert 2 in statuses
