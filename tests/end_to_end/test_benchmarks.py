"""The benchmarks' own arithmetic and pages, from figures made up here; what they measure is not measured."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.once
ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from benchmarks import busy, few, page, processes, results, sooner, steps, training  # noqa: E402


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
    shown = training.page({"sets": {"trec6": work}})
    assert "| trec6, 3, 128 | slanted (torch, float32) | 96.50 ± 0.71 | 11.0 ± 1.4 | 16.0 ± 1.4 | 1,000 |" in shown
    assert "- trec6, training: transformers Trainer 2.55 (2.00 to 3.00)" in shown


def runs_of(accuracy, *seconds):
    return [{"accuracy": accuracy, "train_seconds": value} for value in seconds]


def test_the_soonest_of_either_side_are_compared():
    candidates = {
        "slanted slow": runs_of(0.97, 30.0, 30.0),
        "slanted quick": runs_of(0.963, 10.0, 12.0),
        "slanted short": runs_of(0.962, 1.0, 1.0),
        "Trainer, 2 epochs": runs_of(0.963, 20.0, 18.0),
        "Trainer, 3 epochs": runs_of(0.97, 40.0, 40.0),
    }
    found = sooner.page({"sets": {"trec6": candidates}})
    assert "| slanted quick | 2 | 96.30 ± 0.00 | 11.0 ± 1.4 | yes |" in found
    assert "| slanted short | 2 | 96.20 ± 0.00 | 1.0 ± 0.0 | no |" in found
    ratio = "1.73 (1.50 to 2.00)"
    assert f"are slanted quick and Trainer, 2 epochs, which takes {ratio} times as long." in found
    del candidates["Trainer, 2 epochs"], candidates["Trainer, 3 epochs"]
    assert "Not reached by the Trainer." in sooner.page({"sets": {"trec6": candidates}})


def test_a_candidate_far_below_the_target_is_run_once():
    asked = []

    def candidate(name, accuracy):
        def train(seed):
            asked.append((name, seed))
            return runs_of(accuracy, 1.0)[0]

        return train

    found = sooner.in_turn({"far": candidate("far", 0.92), "near": candidate("near", 0.94)}, 3, 0.963)
    assert asked == [("far", 0), ("near", 0), ("near", 1), ("near", 2)]
    assert [len(runs) for runs in found.values()] == [1, 3]


def test_an_unknown_part_is_refused():
    done = subprocess.run([sys.executable, "-m", "benchmarks", "speed"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 2 and "there is no part speed; parts are: training" in done.stderr


def test_an_unknown_set_is_refused():
    command = [sys.executable, "-m", "benchmarks", "sooner", "--sets", "trec6,trec"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 2 and "sooner has no set trec; it has: trec6, imdb_2k" in done.stderr


def test_every_figure_kept_makes_the_page_there_is():
    page = (ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8")
    for path in (ROOT / "docs" / "benchmarks").glob("*/*.json"):
        figures = json.loads(path.read_text(encoding="utf-8"))
        part = __import__(f"benchmarks.{path.stem}", fromlist=["page"])
        assert part.page(figures) in page, (
            f"docs/benchmarks.md is older than {path.name}: python -m benchmarks --page-only"
        )


def test_another_kind_of_processor_adds_its_figures_and_leaves_the_others(tmp_path, monkeypatch):
    monkeypatch.setattr(results, "FOLDER", tmp_path)
    monkeypatch.setattr(page, "PAGE", tmp_path / "page.md")
    monkeypatch.setattr(results, "LOAD", 0.25)
    programs = {"torch": {"idle": [10.0], "busy": [21.0]}, busy.TRAINER: {"idle": [20.0], "busy": [80.0]}}
    for processor, bfloat16 in (("2 x Intel(R) Xeon(R) Processor", True), ("2 x AMD EPYC 7R13 Processor", False)):
        monkeypatch.setattr(results, "processor", lambda processor=processor: processor)
        monkeypatch.setattr(results, "has_bfloat16", lambda bfloat16=bfloat16: bfloat16)
        results.save("busy", {"data": "trec6", "programs": programs})
    assert results.kinds() == ["2_amd_epyc_7r13_float32", "2_intel_xeon_bfloat16"]
    page.write({"busy": busy})
    shown = (tmp_path / "page.md").read_text()
    assert "## 2 x AMD EPYC 7R13 Processor, without bfloat16 products" in shown
    assert "## 2 x Intel(R) Xeon(R) Processor, with bfloat16 products" in shown
    assert shown.count("| slanted (torch) | 10.0 | 21.0 | 2.10 (2.10 to 2.10) |") == 2
    assert shown.count("| transformers Trainer | 20.0 | 80.0 | 4.00 (4.00 to 4.00) |") == 2
    assert ", load 0.25 before it with keras " in shown


def test_the_grid_of_few_rows_continues_where_it_stopped(tmp_path, monkeypatch):
    monkeypatch.setattr(results, "FOLDER", tmp_path)
    trained = []

    def run(data, name, size, seed):
        trained.append((size, seed))
        if len(trained) == 4:
            raise KeyboardInterrupt
        scores = {"slanted": 0.9, "tfidf": 0.5, "frozen_encoder": 0.7}
        return {**scores, "epochs": 3, "train_seconds": 10.0 + seed}

    monkeypatch.setattr(few, "_trained", run)
    with pytest.raises(KeyboardInterrupt):
        few.measure(2, ["trec6"])
    figures = few.measure(2, ["trec6"])
    cells = [(size, seed) for size in list(few.SIZES)[:3] for seed in (0, 1)] + [("all rows", 0)]
    assert trained == [*cells[:4], *cells[3:]]
    assert "| trec6 | 8 a class | 90.0 ± 0.0 | 50.0 ± 0.0 | 70.0 ± 0.0 | 3 | 10 ± 1 | – | – |" in few.page(figures)


def test_a_draw_has_as_many_rows_of_each_class(tmp_path):
    train = tmp_path / "train.csv"
    train.write_text("text,label\n" + "".join(f"t {at},{'abbb'[at % 4]}\n" for at in range(4000)))
    for size, counts in {"8 a class": (8, 8), "1,000 rows": (250, 750), "all rows": (1000, 3000)}.items():
        few.draw(train, tmp_path / "drawn.csv", size, 0)
        lines = (tmp_path / "drawn.csv").read_text().split()
        assert tuple(sum(line.endswith(f",{label}") for line in lines) for label in "ab") == counts
