"""What programs, TensorBoard and `slanted watch` see of a run."""

import csv
import io
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
from filelock import FileLock

import slanted
from slanted.cli import main
from slanted.commands import watch
from slanted.errors import InputError
from slanted.text.progress import jsonl
from slanted.text.progress.jsonl import LIVE, JsonLinesView, LiveFile
from slanted.text.progress.plain import PlainView
from slanted.text.progress.progress import Progress
from slanted.text.progress.terminal import TerminalView
from slanted.text.progress.view import GroupRates

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

    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        jsonl.SECONDS_BETWEEN_STEPS = 0.0
        assert main([*words, "--out", str(place / "run"), "--json-lines", "--tensorboard"]) == 0
        jsonl.SECONDS_BETWEEN_STEPS = 1.0
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

    from slanted.text.progress.tensorboard import TensorBoardView

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
    before, jsonl.SECONDS_BETWEEN_STEPS = jsonl.SECONDS_BETWEEN_STEPS, 0.0
    for number in done:
        shown.step(number, 1, 0.5, float(groups.curve[number - 1]))
    jsonl.SECONDS_BETWEEN_STEPS = before
    shown.end()
    path = partial / LIVE
    if process is not None:
        events = [json.loads(line) for line in path.read_text().splitlines()]
        events[0]["process"] = process
        path.write_text("".join(json.dumps(event) + "\n" for event in events))
    return path


def write_events(path, *events):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(event) + "\n" for event in events))
    return path


def process(number=None):
    return {"event": "process", "process": number or os.getpid(), "host": platform.node()}


def begin(total=40, first=0):
    return {"event": "begin", "total_steps": total, "batch_size": 8, "first_step": first, "curve": [0.0, 1e-3, 0.0]}


def step(done, seconds):
    facts = {"step": done, "epoch": 1, "loss": 0.5, "learning_rate": 1e-3, "rates": {"low": 5e-4, "head": 1e-3}}
    return {"event": "step", **facts, "seconds": seconds}


@pytest.fixture
def no_waiting(monkeypatch):
    """Have a watch that would wait fail."""
    monkeypatch.setattr(watch.time, "sleep", lambda seconds: pytest.fail("waits"))


def gone():
    """Return the number of a process that is no more."""
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        ended.wait()
    return ended.pid


def test_once_shows_how_far_it_is_at_the_run_s_own_pace(tmp_path, capsys):
    said = {"event": "message", "text": "data: 100 rows"}
    epoch = {"event": "epoch", "epoch": 1, "scores": {}, "text": "epoch 1: validation loss 0.5"}
    steps = [step(done, done / 2.0) for done in range(11, 31)]
    write_events(tmp_path / ".partial" / LIVE, process(), said, begin(first=10), *steps[:-1], epoch, steps[-1])
    assert main(["watch", str(tmp_path), "--once"]) == 0
    *before, last = capsys.readouterr().out.splitlines()
    assert before == ["data: 100 rows", "epoch 1: validation loss 0.5"]
    # 20 steps of 8 in 15 s
    assert last == "step 30/40  epoch 1  loss 0.5000  rate 1.00e-03  11 examples/s  8 s left"


def test_the_terminal_shows_the_losses_from_before_one_looked(tmp_path, monkeypatch):
    monkeypatch.setenv("TERM", "xterm-256color")
    stream = io.StringIO()
    losses = [{**step(done, float(done)), "loss": 1.0 / done} for done in range(1, 21)]
    write_events(tmp_path / ".partial" / LIVE, process(), begin(), *losses)
    watch.watch(tmp_path, Progress(views=[view := TerminalView(stream, 200)]), once=True)
    assert len(view._losses) == 20
    assert stream.getvalue().count("step ") == 1 and "step 20/40  epoch 1" in stream.getvalue()
    assert "20 s left  8 examples/s" in stream.getvalue()


def test_a_cross_validation_is_followed_from_fold_to_fold(tmp_path, monkeypatch, capsys):
    """The lock stays held between two folds; the scores that the folder holds are of the run that is replaced."""
    write_finished(tmp_path, steps=1)
    lock = FileLock(tmp_path / ".lock")
    lock.acquire()
    fold = tmp_path / ".checkpoints" / "fold_2" / ".partial" / LIVE

    def fold_begins():
        write_events(fold, process(), {"event": "message", "text": "the second"})

    def all_ends():
        write_finished(tmp_path, steps=7)
        (tmp_path / ".lock").unlink()
        lock.release()

    looks = iter([lambda: None, fold_begins, lambda: None, fold.unlink, lambda: None, all_ends])
    monkeypatch.setattr(watch.time, "sleep", lambda seconds: next(looks)())
    assert main(["watch", str(tmp_path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "the second" and lines[1].startswith("finished: recipe stlr, 7 steps in ")


def test_once_between_two_folds(tmp_path, capsys):
    write_finished(tmp_path, steps=1)
    with FileLock(tmp_path / ".lock"):
        assert main(["watch", str(tmp_path), "--once"]) == 0
    said = f"{tmp_path}: is being written to, and no run of it is training now\n"
    assert capsys.readouterr().out == said


def test_the_lock_of_a_process_that_was_killed_is_not_waited_for(tmp_path, no_waiting, capsys):
    write_finished(tmp_path, steps=5)
    (tmp_path / ".lock").touch()
    assert main(["watch", str(tmp_path)]) == 0
    assert capsys.readouterr().out.startswith("finished: recipe stlr, 5 steps in ")


def test_a_comparison_is_followed_and_then_what_it_showed(tmp_path, monkeypatch, capsys):
    """The run that takes the place of another's file is shown from its beginning."""
    path = tmp_path / "runs" / "linear_seed0" / ".partial" / LIVE
    write_events(path, process(), {"event": "message", "text": "first"})
    (tmp_path / "compare.json").write_text('{"verdicts": {"linear": "better"}}')
    again = write_events(tmp_path / "again", process(), {"event": "message", "text": "again"})
    looks = iter([lambda: again.replace(path), path.unlink])
    monkeypatch.setattr(watch.time, "sleep", lambda seconds: next(looks)())
    assert main(["watch", str(tmp_path)]) == 0
    assert capsys.readouterr().out.splitlines() == ["first", "again", f"finished: {tmp_path}", "linear: better"]
    (tmp_path / "compare.json").write_text("{}")
    assert main(["watch", str(tmp_path)]) == 2
    rule = "is a comparison that is not finished; to go on, give its command again"
    assert capsys.readouterr().err == f"error: {tmp_path}: {rule}\n"


def test_a_file_that_is_gone_between_two_looks_is_no_error(tmp_path, monkeypatch, capsys):
    write_finished(tmp_path, steps=5)
    missing = tmp_path / ".partial" / LIVE
    monkeypatch.setattr(watch.Path, "glob", lambda self, pattern: [missing])
    assert main(["watch", str(tmp_path)]) == 0
    found = iter([missing, None])
    monkeypatch.setattr(watch, "_live_file", lambda folder: next(found))
    assert main(["watch", str(tmp_path)]) == 0
    assert capsys.readouterr().out.count("finished: recipe stlr, 5 steps in ") == 2


def write_finished(folder, steps):
    folder.mkdir(exist_ok=True)
    metrics = {"total_steps": steps, "train_seconds": 2.0, "epochs": 1, "test": {"accuracy": 0.5}}
    (folder / "metrics.json").write_text(json.dumps(metrics))
    (folder / "recipe.json").write_text('{"recipe": {"name": "stlr"}}')


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("metrics.json", "{}", "does not say 'total_steps' as a run's does; restore the file or train again"),
        ("metrics.json", "[]", "holds no JSON object; restore the file or train again"),
        (
            "metrics.json",
            '{"total_steps": 1, "train_seconds": 1, "epochs": 1, "test": 3}',
            "holds no scores of a run; restore the file or train again",
        ),
        ("recipe.json", "{}", "does not say 'recipe' as a run's does; restore the file or train again"),
        ("history.csv", "loss\n1\n", "cannot be read ('learning_rate'); restore the file or train again"),
        ("compare.json", '{"verdicts": 1}', "does not say 'verdicts' as a run's does; restore the file or train again"),
        (f".partial/{LIVE}", "[]\n", "holds a line that is no event of a run; it cannot be watched"),
        (f".partial/{LIVE}", '{"event": "x"}\n', "holds a line that is no event of a run; it cannot be watched"),
        (f".partial/{LIVE}", '{"event": "begin"}\n', "holds a line that is no event of a run; it cannot be watched"),
        (f".partial/{LIVE}", "\0\n", "holds a line that is no event of a run; it cannot be watched"),
    ],
)
def test_a_damaged_file_is_an_error_of_one_line(tmp_path, capsys, name, content, message):
    write_finished(tmp_path, steps=5)
    (tmp_path / ".partial").mkdir()
    (tmp_path / name).write_text(content)
    assert main(["watch", str(tmp_path)]) == 2
    assert capsys.readouterr().err == f"error: {tmp_path / name}: {message}\n"


def test_a_process_that_is_gone(tmp_path, no_waiting, capsys):
    live(tmp_path, process=gone())
    assert main(["watch", str(tmp_path)]) == 2
    rule = "the process of this run is gone; go on with `slanted train --resume`"
    assert capsys.readouterr().err == f"error: {tmp_path}: {rule}\n"


def test_a_process_that_was_gone_before_it_began(tmp_path, no_waiting, capsys):
    path = write_events(tmp_path / ".partial" / LIVE, process(gone()))
    assert main(["watch", str(tmp_path)]) == 2
    assert "the process of this run is gone" in capsys.readouterr().err
    path.unlink()
    LiveFile(path.parent).end()
    assert [json.loads(line) for line in path.read_text().splitlines()] == [process()]


def test_what_a_killed_process_left_is_no_error_while_another_goes_on(tmp_path, monkeypatch, capsys):
    write_finished(tmp_path, steps=5)
    path = write_events(tmp_path / ".partial" / LIVE, process(gone()))
    monkeypatch.setattr(watch.time, "sleep", lambda seconds: (path.unlink(), lock.release()))
    lock = FileLock(tmp_path / ".lock")
    with lock:
        assert main(["watch", str(tmp_path)]) == 0


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


def test_tensorboard_has_the_test_scores_of_folds_and_of_the_whole(tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    from slanted.text.progress.tensorboard import TensorBoardView
    from slanted.text.progress.view import FoldView

    view = TensorBoardView(tmp_path)
    whole = Progress(views=[view])
    for number in (1, 2):
        shown = Progress(views=[FoldView(view, f"fold {number} of 2", number == 1)])
        shown.begin(1, 8)
        shown.step(1, 1, 0.5, 1e-3)
        shown.result({"test": {"accuracy": number / 4}})
        shown.end()
    whole.result({"test": {"accuracy": 0.625}})
    whole.end()
    for folder, score in (("fold-1-of-2", 0.25), ("fold-2-of-2", 0.5), (".", 0.625)):
        read = EventAccumulator(str(tmp_path / folder))
        read.Reload()
        assert [event.value for event in read.Scalars("test/accuracy")] == [score]


def test_a_fold_that_was_trained_before_says_no_more_than_another(capsys):
    from slanted.text.progress.view import FoldView

    shown = Progress(views=[FoldView(PlainView(sys.stdout), "fold 1 of 2", first=True)])
    shown.say("model: tiny")
    shown.result({"test": {}})
    shown.say("next: slanted predict DIR FILE")
    assert capsys.readouterr().out == "model: tiny\n"


def test_half_a_line_waits_for_its_other_half(tmp_path, monkeypatch):
    path = live(tmp_path, process=os.getpid())
    whole = path.read_bytes()
    cut = whole.rindex(b'"step"') + 3
    path.write_bytes(whole[:cut])
    stream = io.StringIO()
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
    _, begin, *_ = map(json.loads, live(tmp_path).read_text().splitlines())
    assert (begin["process"], begin["host"]) == (os.getpid(), platform.node())
