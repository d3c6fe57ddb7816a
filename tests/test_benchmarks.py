"""The benchmarks' own arithmetic and pages, from figures made up here; what they measure is not measured."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.once
ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks import processes, results, sooner, steps, training  # noqa: E402


def test_a_ratio_is_that_of_the_medians_with_the_rounds_extremes():
    assert results.ratio([2.0, 4.0, 6.0], [1.0, 2.0, 2.0]) == "2.00 (2.00 to 3.00)"
    assert results.spread([1.0, 3.0], 1) == "2.0 ± 1.4" and results.spread([1.0], 1) == "1.0"


MEASURED = """
import json, sys
from benchmarks import processes
outcome = processes.run([sys.executable, "-c", sys.argv[1]])
print(json.dumps([outcome.result, outcome.seconds, outcome.peak_mb]))
"""


def test_a_program_gives_its_last_object_its_seconds_and_its_peak():
    """Measured by a small process, as by `python -m benchmarks`: a new process begins with the peak of its parent."""
    code = "import json, time; held = bytearray(300_000_000); time.sleep(0.2); print('x'); print(json.dumps({'a': 1}))"
    done = subprocess.run([sys.executable, "-c", MEASURED, code], cwd=ROOT, capture_output=True, text=True, check=True)
    result, seconds, peak_mb = json.loads(done.stdout)
    assert result == {"a": 1}
    assert seconds > 0.2
    assert 300 < peak_mb < 400


def test_a_program_that_fails_is_an_error_with_what_it_said():
    with pytest.raises(RuntimeError, match=r"status 3:\n(.*\n)*the end"):
        processes.run([sys.executable, "-c", "print('the end'); raise SystemExit(3)"])


def test_the_operations_of_a_step_by_hand():
    tokens = 32 * 128
    assert steps.useful_flops(128) == 6 * tokens * (6 * 1_774_464 + 12 * 128 * 384)
    last = 6 * 32 * 1_774_464 + 6 * (tokens - 32) * 2 * (384 * 384 + 384) + 12 * 128 * 384 * 32
    assert steps.computed_flops(128) == pytest.approx(steps.useful_flops(128) * 5 / 6 + last)


def test_pages_say_what_the_figures_say():
    def run(accuracy, seconds, **more):
        return {"accuracy": accuracy, "train_seconds": seconds, "whole_seconds": seconds + 5, "peak_mb": 1000, **more}

    programs = {
        "slanted": [
            run(0.96, 10.0, backend="torch", precision="float32"),
            run(0.97, 12.0, backend="torch", precision="x"),
        ],
        "transformers Trainer": [run(0.96, 20.0), run(0.96, 36.0)],
    }
    work = {"settings": {"epochs": 3, "max_tokens": 128}, "programs": programs}
    shown = training.page({"works": {"trec6": work}})
    assert "| trec6, 3, 128 | slanted (torch, float32) | 96.50 ± 0.71 | 11.0 ± 1.4 | 16.0 ± 1.4 | 1,000 |" in shown
    assert "- trec6, training: transformers Trainer 2.55 (2.00 to 3.00)" in shown
    found = sooner.page({"sets": {"trec6": {"fast": [run(0.963, 1.0)] * 2, "slow": [run(0.962, 9.0)] * 2}}})
    assert "| fast | 96.30 ± 0.00 | 1.0 ± 0.0 | yes |" in found and "| slow | 96.20 ± 0.00 | 9.0 ± 0.0 | no |" in found


def test_an_unknown_part_is_refused():
    done = subprocess.run([sys.executable, "-m", "benchmarks", "speed"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 2 and "there is no part speed; parts are: training" in done.stderr


def test_every_figure_kept_makes_the_page_there_is():
    page = (ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8")
    for path in (ROOT / "docs" / "benchmarks").glob("*.json"):
        figures = json.loads(path.read_text(encoding="utf-8"))
        part = __import__(f"benchmarks.{path.stem}", fromlist=["page"])
        assert part.page(figures) in page, (
            f"docs/benchmarks.md is older than {path.name}: python -m benchmarks --page-only"
        )
