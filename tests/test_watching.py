"""What programs, TensorBoard and `slanted watch` see of a run."""

import csv
import json
import os
import platform
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
import tiny

import slanted
from slanted.cli import main
from slanted.errors import InputError
from slanted.text import json_view, watch
from slanted.text.json_view import LIVE, JsonLinesView, LiveFile
from slanted.text.plain_view import PlainView
from slanted.text.progress import Progress
from slanted.text.views import GroupRates

pytestmark = pytest.mark.once

EPOCHS, STEPS = 3, 5
OPTIONS = f"--recipe ulmfit --lr 0.01 --epochs {EPOCHS} --batch-size 8 --max-tokens 16 --precision float32".split()


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("place")


@pytest.fixture(scope="module")
def words(place, tiny_model):
    train = tiny.write_rows(place / "train.csv", *tiny.examples(44))
    test = tiny.write_rows(place / "test.csv", *tiny.examples(16, seed=5))
    return ["train", train, "--test", test, "--model", tiny_model, *OPTIONS]


@pytest.fixture(scope="module")
def run(place, words):
    """A run with its events on standard output, and for TensorBoard in the default place."""
    import contextlib
    import io

    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        json_view.SECONDS_BETWEEN_STEPS = 0.0
        assert main([*words, "--out", str(place / "run"), "--json-lines", "--tensorboard"]) == 0
        json_view.SECONDS_BETWEEN_STEPS = 1.0
    return place / "run", [json.loads(line) for line in printed.getvalue().splitlines()]


def history(folder):
    with open(folder / "history.csv", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def rates_of_groups():
    curve = slanted.SlantedTriangular(0.01).simulate(EPOCHS * STEPS)
    stages = [(0, ("head",)), (STEPS, ("block_0", "head")), (2 * STEPS, ("embeddings", "block_0", "head"))]
    return GroupRates(curve, {"embeddings": 2.6**-2, "block_0": 1 / 2.6, "head": 1.0}, stages)


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


def test_tensorboard_reads_the_run(run):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    folder, _ = run
    read = EventAccumulator(str(folder.parent / "tensorboard" / "run"))
    read.Reload()
    rows, groups = history(folder), rates_of_groups()
    losses = read.Scalars("train/loss")
    assert [event.step for event in losses] == list(range(15))
    np.testing.assert_allclose([event.value for event in losses], [float(row["loss"]) for row in rows], rtol=1e-6)
    for name in ("embeddings", "block_0", "head"):
        written = [event.value for event in read.Scalars(f"rate/{name}")]
        expected = [groups.at(step, float(row["learning_rate"]))[name] for step, row in enumerate(rows)]
        np.testing.assert_allclose(written, expected, rtol=1e-6)
    metrics = json.loads((folder / "metrics.json").read_text())
    assert [event.step for event in read.Scalars("valid/accuracy")] == [4, 9, 14]
    assert read.Scalars("test/accuracy")[0].value == pytest.approx(metrics["test"]["accuracy"])


def test_a_run_that_starts_again_takes_the_place_of_the_first_in_tensorboard(tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    from slanted.text.tensorboard import TensorBoardView

    for first, loss in ((0, 1.0), (3, 2.0)):
        shown = Progress(views=[TensorBoardView(tmp_path)])
        shown.begin(6, 8, first)
        for done in range(first + 1, 7):
            shown.step(done, 1, loss, 1e-4)
        shown.end()
        time.sleep(1.1)  # the files are told apart by the second
    read = EventAccumulator(str(tmp_path))
    read.Reload()
    assert [(event.step, event.value) for event in read.Scalars("train/loss")] == [
        *((step, 1.0) for step in range(3)),
        *((step, 2.0) for step in range(3, 6)),
    ]
    assert len(read.Scalars("rate/curve")) == 6


def test_a_missing_tensorboardx_is_said_before_anything_is_read(words, place, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    assert main([*words, "--out", str(place / "none"), "--tensorboard"]) == 2
    rule = 'pip install "slanted[tensorboard]"'
    expected = f"error: --tensorboard needs the extra `tensorboard`, which is not installed: {rule}\n"
    assert capsys.readouterr().err == expected and not (place / "none").exists()


def test_quiet_prints_nothing(words, place, capfd):
    capfd.readouterr()
    assert main([*words, "--out", str(place / "quiet"), "--quiet"]) == 0
    assert capfd.readouterr() == ("", "")


def test_a_finished_run_is_drawn_from_its_files(run, capsys):
    folder, _ = run
    capsys.readouterr()
    assert main(["watch", str(folder)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("finished: recipe ulmfit, 15 steps in ")
    rates = [float(row["learning_rate"]) for row in history(folder)]
    assert lines[1].endswith(f"highest {max(rates):.3g}") and len(lines[1].split()[1]) == 15
    assert lines[2].startswith("loss  ")
    assert lines[3].startswith("valid: loss ") and lines[4].startswith("test: loss ")


def test_a_running_run_is_followed_to_its_end(place, words, capsys):
    """Another process trains; this one watches it from its first second to what it leaves."""
    out = place / "running"
    command = [sys.executable, "-m", "slanted.cli", *words, "--out", str(out), "--epochs", "40", "--quiet"]
    with subprocess.Popen(command, env=os.environ) as process:
        until = time.monotonic() + 120.0
        while not list(out.rglob(LIVE)) and time.monotonic() < until and process.poll() is None:
            time.sleep(0.01)
        capsys.readouterr()
        assert main(["watch", str(out)]) == 0
        assert process.wait() == 0
    lines = capsys.readouterr().out.splitlines()
    epochs = [line for line in lines if line.startswith("epoch ")]
    assert [line.split(":")[0] for line in epochs] == [f"epoch {number}" for number in range(1, 41)]
    assert any(line.startswith("step 200/200  epoch 40") for line in lines)
    assert any(line.startswith("finished: recipe ulmfit, 200 steps") for line in lines)


def live(folder, process=None, done=(1, 2)):
    """Write what a run writes while it goes on."""
    partial = folder / ".partial"
    partial.mkdir(parents=True)
    view = LiveFile(partial)
    shown = Progress(views=[view])
    groups = GroupRates(np.linspace(1e-3, 0.0, 4), {"low": 0.5, "head": 1.0}, [(0, ("head",)), (2, ("low", "head"))])
    shown.begin(4, 8, groups=groups)
    view._every.seconds = 0.0
    for number in done:
        shown.step(number, 1, 0.5, float(groups.curve[number - 1]))
    shown.end()
    path = partial / LIVE
    if process is not None:
        events = [json.loads(line) for line in path.read_text().splitlines()]
        events[0]["process"] = process
        path.write_text("".join(json.dumps(event) + "\n" for event in events))
    return path


def test_once_shows_how_far_it_is(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(watch, "Progress", lambda: Progress(views=[JsonLinesView(sys.stdout)]))
    monkeypatch.setattr(json_view, "SECONDS_BETWEEN_STEPS", 0.0)
    live(tmp_path, done=(1, 3))
    assert main(["watch", str(tmp_path), "--once"]) == 0
    _, first, last = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert first["step"] == 1 and first["rates"] == {"low": 0.0, "head": 1e-3}
    assert last["step"] == 3 and last["rates"] == pytest.approx({"low": 1e-3 / 6, "head": 1e-3 / 3})


def test_a_process_that_is_gone(tmp_path, capsys):
    with subprocess.Popen([sys.executable, "-c", ""]) as gone:
        gone.wait()
    live(tmp_path, process=gone.pid)
    assert main(["watch", str(tmp_path)]) == 2
    rule = "the process of this run is gone; go on with `slanted train --resume`"
    assert capsys.readouterr().err == f"error: {tmp_path}: {rule}\n"


def test_half_a_line_waits_for_its_other_half(tmp_path, monkeypatch):
    path = live(tmp_path, process=os.getpid())
    whole = path.read_bytes()
    cut = whole.rindex(b'"step"') + 3
    path.write_bytes(whole[:cut])
    stream = __import__("io").StringIO()
    monkeypatch.setattr(watch, "SECONDS_BETWEEN_LOOKS", 0.01)

    def finish():
        time.sleep(0.2)
        with path.open("ab") as file:
            file.write(whole[cut:])
        time.sleep(0.2)
        path.unlink()

    writer = threading.Thread(target=finish)
    writer.start()
    view = PlainView(stream)
    with pytest.raises(InputError, match="holds no run that is going on or finished"):
        watch.watch(tmp_path, Progress(views=[view]))
    writer.join()
    assert view.shape.total_steps == 4 and view.shape.groups.multipliers == {
        "low": 0.0,
        "head": pytest.approx(2e-3 / 3),
    }


def test_ctrl_c_ends_the_watching_and_not_the_run(tmp_path, monkeypatch, capsys):
    live(tmp_path, process=os.getpid())

    def interrupt(seconds):
        raise KeyboardInterrupt

    monkeypatch.setattr(watch.time, "sleep", interrupt)
    assert main(["watch", str(tmp_path)]) == 0
    assert capsys.readouterr().err == ""


def test_the_events_name_the_process(tmp_path):
    begin = json.loads(live(tmp_path).read_text().splitlines()[0])
    assert (begin["process"], begin["host"]) == (os.getpid(), platform.node())
