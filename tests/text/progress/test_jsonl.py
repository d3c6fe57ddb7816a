"""The events of a run as JSON lines, for programs and in the file that `slanted watch` reads."""

import io
import json
import os
import platform
import sys

import numpy as np
import pytest
import recorded_run
from live_events import live
from recorded_run import history, rates_of_groups

from slanted.text.progress import jsonl
from slanted.text.progress.jsonl import LIVE, JsonLinesView, LiveFile
from slanted.text.progress.progress import Progress

pytestmark = pytest.mark.once

place, run = recorded_run.place, recorded_run.run


def test_json_lines_say_all_that_happens(run):
    folder, events = run
    kinds = [event["event"] for event in events]
    begin = kinds.index("begin")
    assert set(kinds[:begin]) == {"message"} and kinds.count("begin") == kinds.count("result") == 1
    assert {name: events[begin][name] for name in ("total_steps", "batch_size", "first_step")} == {
        "total_steps": 15,
        "batch_size": 8,
        "first_step": 0,
    }
    groups = rates_of_groups()
    np.testing.assert_allclose(events[begin]["curve"], groups.curve, rtol=1e-12)
    steps = [event for event in events if event["event"] == "step"]
    assert [step["step"] for step in steps] == list(range(1, 16))
    for step, row in zip(steps, history(folder), strict=True):
        assert step["loss"] == float(row["loss"]) and step["epoch"] == int(row["epoch"])
        assert step["learning_rate"] == float(row["learning_rate"])
        assert step["rates"] == pytest.approx(groups.at(step["step"] - 1, step["learning_rate"]), rel=1e-9)
    assert [event["epoch"] for event in events if event["event"] == "epoch"] == [1, 2, 3]
    metrics = json.loads((folder / "metrics.json").read_text())
    result = next(event for event in events if event["event"] == "result")
    assert result["metrics"] == metrics
    scores = [event["scores"] for event in events if event["event"] == "epoch"][metrics["kept_epoch"] - 1]
    assert scores["loss"] == pytest.approx(metrics["valid"]["loss"], abs=1e-5)


def test_steps_are_written_once_a_second_and_the_last_always(capsys):
    view = JsonLinesView(sys.stdout)
    shown = Progress(views=[view])
    shown.begin(500, 8)
    for done in range(1, 501):
        shown.step(done, 1, float("nan"), 1e-4)
    *_, last = written = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert len(written) == 2 and (last["step"], last["loss"]) == (500, None)


def test_a_full_disk_or_a_missing_permission_costs_the_file_and_not_the_run(tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / LIVE).symlink_to("/dev/full")
    (tmp_path / "closed" / LIVE).mkdir(parents=True)
    for name in ("full", "closed"):
        shown = Progress(views=[LiveFile(tmp_path / name)])
        shown.begin(2, 8)
        for done in (1, 2):
            shown.step(done, 1, 0.5, 1e-3)
        shown.result({"test": {}})
        shown.end()


def test_the_file_of_a_long_run_stays_small(tmp_path, monkeypatch):
    now = [100.0]
    monkeypatch.setattr(jsonl.time, "monotonic", lambda: now[0])
    shown = Progress(views=[LiveFile(tmp_path)])
    day = 24 * 3600
    shown.begin(2 * day, 8)
    for done in range(1, 2 * day + 1):
        now[0] += 0.5
        shown.step(done, 1, 0.5, 1e-3)
    shown.end()
    events = [json.loads(line) for line in (tmp_path / LIVE).read_text().splitlines()]
    seconds = [event["seconds"] for event in events if event["event"] == "step"]
    assert sum(at <= 3600 for at in seconds) == 3600  # one a second
    assert seconds[-1] == day and len(seconds) < 16_000  # 3600 and 3600 times the logarithm of 24


def test_the_events_name_the_process(tmp_path):
    _, begin, *_ = map(json.loads, live(tmp_path).read_text().splitlines())
    assert (begin["process"], begin["host"]) == (os.getpid(), platform.node())


@pytest.mark.parametrize(("encoding", "accent"), [("utf-8", "é"), ("latin-1", "\\u00e9")])
def test_every_line_is_printable_json_in_any_encoding(encoding, accent):
    stream = io.TextIOWrapper(io.BytesIO(), encoding)
    JsonLinesView(stream).say("é \x1b\x7f\x9b \U0001f44d")
    line = stream.buffer.getvalue().decode(encoding)
    assert accent in line and line.removesuffix("\n").isprintable()
    assert json.loads(line)["text"] == "é \x1b\x7f\x9b \U0001f44d"
