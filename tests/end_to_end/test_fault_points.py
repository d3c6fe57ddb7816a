"""Commands that are killed, or that cannot write, leave the old result or the new one, or go on when given again."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.once  # the commands run on the backends that the tests name

PROGRAM = Path(__file__).parents[1] / "support" / "fault_points.py"
COMMANDS = ("train", "overwrite", "mean", "mean-overwrite", "folds", "compare", "compare-overwrite")
COMMANDS += ("predict", "report", "pickle")
QUICK = {"killed": ("overwrite", "predict", "report", "pickle"), "full": ("overwrite", "predict")}


def tried(folder, kind, which, *commands, backend="torch"):
    """Run the program; return how many points it tried with each command. Nothing may have gone wrong at any."""
    environment = {**os.environ, "KERAS_BACKEND": backend, "OMP_NUM_THREADS": "1"}
    words = [sys.executable, str(PROGRAM), str(folder), kind, which, *commands]
    done = subprocess.run(words, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr[-2000:]
    results = [json.loads(line) for line in done.stdout.splitlines() if line.startswith('{"command"')]
    assert [result["command"] for result in results] == [*commands]
    assert not [result for result in results if result["faults"]]
    return [result["tried"] for result in results]


@pytest.mark.parametrize("kind", QUICK)
def test_one_point_of_each_command(tmp_path, kind):
    assert min(tried(tmp_path, kind, "one", *QUICK[kind])) >= 1


@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS)
def test_a_kill_at_every_rename_and_sync(tmp_path, command):
    assert min(tried(tmp_path, "killed", "all", command)) >= (0 if command == "pickle" else 1)


@pytest.mark.slow
@pytest.mark.parametrize("command", ["train", "overwrite"])
def test_a_kill_at_every_rename_and_sync_on_a_second_backend(tmp_path, command):
    tried(tmp_path, "killed", "all", command, backend="jax")


@pytest.mark.slow
@pytest.mark.parametrize("command", [command for command in COMMANDS if command != "pickle"])
def test_a_full_disk_at_the_first_the_middle_and_the_last_write_of_every_file(tmp_path, command):
    assert min(tried(tmp_path, "full", "all", command)) >= 3
