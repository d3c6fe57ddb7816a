"""Two runs of the command with one number of threads have the same weights; the number is recorded."""

import json
import os
import subprocess
import sys

import tiny
from applied import BACKEND

PROGRAM = """
import os, sys
from slanted.cli import main
status = main()
print("waiting:", os.environ.get("OMP_WAIT_POLICY"), os.environ.get("GOMP_SPINCOUNT"))
sys.exit(status)
"""

WAITING = ("waiting: passive None\n", "waiting: None 10000\n")  # beside another process, and alone


def test_two_runs_with_two_threads_have_the_same_weights(tmp_path, tiny_model):
    train = tiny.write_rows(tmp_path / "train.csv", *tiny.examples(48))
    options = ["--model", tiny_model, "--precision", "float32", "--epochs", "2", "--max-tokens", "32", "--threads", "2"]
    environment = os.environ | {"KERAS_BACKEND": BACKEND}
    histories, weights = [], []
    for name in ("first", "second"):
        command = [sys.executable, "-c", PROGRAM, "train", train, *options, "--out", str(tmp_path / name)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert "; 2 threads\n" in done.stdout and done.stdout.endswith(WAITING)
        recipe = json.loads((tmp_path / name / "recipe.json").read_text())
        assert recipe["threads"] == 2
        histories.append((tmp_path / name / "history.csv").read_bytes())
        weights.append((tmp_path / name / "model" / "task.weights.h5").read_bytes())
    assert histories[0] == histories[1] and weights[0] == weights[1]
