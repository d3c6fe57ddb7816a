"""The examples run, say how to run them, and print what they promise."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.name)
def test_an_example_is_short_and_says_its_usage(path):
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) < 100
    assert f"Usage: python examples/{path.name}" in text.split('"""')[1]


def test_digits_carries_a_network_over():
    command = [sys.executable, str(EXAMPLES / "digits.py"), "--seeds", "1"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    scores = dict(
        re.findall(r"^(from scratch|plain fine-tuning|slanted) +accuracy ([\d.]+)", done.stdout, re.MULTILINE)
    )
    assert set(scores) == {"from scratch", "plain fine-tuning", "slanted"}
    assert all(float(score) > 0.5 for score in scores.values())  # five classes: chance is 0.2
    assert "of a full step" in done.stdout
