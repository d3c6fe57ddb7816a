"""The README's script runs as it stands, and trains with the rates it speaks of."""

import re
from pathlib import Path

import keras
import pytest

README = Path(__file__).parents[2] / "README.md"
SCRIPT = re.compile(r"<!-- executed by tests/end_to_end/test_readme.py -->\n```python\n(.*?)```", re.DOTALL)


@pytest.fixture
def script():
    found = SCRIPT.findall(README.read_text(encoding="utf-8"))
    assert len(found) == 1
    return found[0]


def test_the_script_is_six_lines_beside_blank_ones(script):
    assert len([line for line in script.splitlines() if line.strip()]) == 6


def test_the_script_trains_over_the_whole_curve(script, fresh_keras, capsys):
    names: dict = {}
    exec(compile(script, "README.md", "exec"), names)
    history = names["model"].history.history
    steps = names["model"].optimizer.batches_seen
    assert steps == 60
    assert history["learning_rate"][-1] == pytest.approx(0.001 / 32, rel=1e-5)
    rates = names["slanted"].SlantedTriangular(0.001).at([20, 40, 60], 60)
    assert history["learning_rate"] == pytest.approx(rates, rel=1e-5)
    assert keras.ops.convert_to_numpy(names["model"].optimizer.learning_rate) == pytest.approx(0.001 / 32, rel=1e-5)
