"""Ctrl-C at any time in the first seconds of a command ends it."""

import random
import signal
import subprocess
import sys
import time

import pytest
import tiny
from applied import BACKEND

PRESSES, SECONDS = 67, 5.0
ENDS_WITHIN = 30.0


@pytest.mark.slow
def test_each_press_in_the_start_up_ends_the_command(tmp_path, tiny_model):
    """A press before the command has its handler, in the first half second, ends in Python's own way."""
    times = random.Random(0)
    train = tmp_path / "train.csv"
    tiny.write_rows(train, *tiny.examples(200))
    words = [sys.executable, "-m", "slanted.cli", "train", str(train), "--model", str(tiny_model), "--backend", BACKEND]
    ends = {}
    for number in range(PRESSES):
        out = ["--out", str(tmp_path / f"run_{number}"), "--epochs", "1000", "--max-tokens", "16"]
        with subprocess.Popen([*words, *out], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
            pressed = times.uniform(0.1, SECONDS)
            time.sleep(pressed)
            process.send_signal(signal.SIGINT)
            try:
                output = process.communicate(timeout=ENDS_WITHIN)[0]
            except subprocess.TimeoutExpired:
                process.kill()
                raise
        ends.setdefault(process.returncode, []).append((round(pressed, 2), output[-300:]))
    assert not [ends[code] for code in ends if code not in (130, -signal.SIGINT)]
