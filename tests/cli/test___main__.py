"""`python -m slanted.cli` is the command line: as quick, with its exit status, and without TensorFlow's chatter."""

import os
import runpy
import subprocess
import sys
import time

import pytest

pytestmark = pytest.mark.once


def test_help_is_about_as_fast_as_python_itself():
    def seconds(*words):
        taken = []
        for _ in range(3):
            start = time.perf_counter()
            subprocess.run([sys.executable, *words], capture_output=True, check=True)
            taken.append(time.perf_counter() - start)
        return min(taken)

    assert seconds("-m", "slanted.cli", "--help") < 20 * seconds("-c", "import argparse")


def test_the_exit_status_and_the_error_are_those_of_main():
    done = subprocess.run([sys.executable, "-m", "slanted.cli", "trian"], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: unknown command 'trian'") and done.stderr.count("\n") == 1


@pytest.mark.parametrize(("given", "level"), [(None, "3"), ("1", "1")])
def test_tensorflow_is_quiet_unless_the_environment_says_how_loud(given, level, monkeypatch):
    monkeypatch.delenv("TF_CPP_MIN_LOG_LEVEL", raising=False)
    if given is not None:
        monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", given)
    monkeypatch.setattr("slanted.cli.main", lambda: 7)
    with pytest.raises(SystemExit) as ended:
        runpy.run_module("slanted.cli.__main__", run_name="__main__")
    assert ended.value.code == 7 and os.environ["TF_CPP_MIN_LOG_LEVEL"] == level


def test_importing_it_runs_nothing(monkeypatch):
    monkeypatch.setattr("slanted.cli.main", lambda: pytest.fail("it ran"))
    runpy.run_module("slanted.cli.__main__")
