"""`slanted watch`: a run followed to its end, and what is left drawn from its files."""

import errno
import json
import os
import platform
import subprocess
import sys
import time

import live_events
import pytest
import recorded_run
from filelock import FileLock
from live_events import gone, live, process, write_events
from recorded_run import history

from slanted.cli import main
from slanted.commands import watch
from slanted.text.progress.jsonl import LIVE
from slanted.text.progress.progress import Progress
from slanted.text.progress.view import View

pytestmark = pytest.mark.once

place, words, run = recorded_run.place, recorded_run.words, recorded_run.run
no_waiting = live_events.no_waiting


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
    command += ["--head-start", "random"]  # with a linear start there is an epoch 0
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
    said = f"{tmp_path}: a process is writing to it, but no run is training now\n"
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
    rule = "its comparison is not finished; to continue, run its command again"
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
            "has no scores of a run; restore the file or train again",
        ),
        ("recipe.json", "{}", "does not say 'recipe' as a run's does; restore the file or train again"),
        ("history.csv", "loss\n1\n", "has no steps; restore the file or train again"),
        ("compare.json", '{"verdicts": 1}', "does not say 'verdicts' as a run's does; restore the file or train again"),
        (f".partial/{LIVE}", "[]\n", "a line is not an event of a run; this run cannot be watched"),
        (f".partial/{LIVE}", '{"event": "x"}\n', "a line is not an event of a run; this run cannot be watched"),
        (f".partial/{LIVE}", '{"event": "begin"}\n', "a line is not an event of a run; this run cannot be watched"),
        (f".partial/{LIVE}", "\0\n", "a line is not an event of a run; this run cannot be watched"),
    ],
)
def test_a_damaged_file_is_an_error_of_one_line(tmp_path, capsys, name, content, message):
    write_finished(tmp_path, steps=5)
    (tmp_path / ".partial").mkdir()
    (tmp_path / name).write_text(content)
    assert main(["watch", str(tmp_path)]) == 2
    assert capsys.readouterr().err == f"error: {tmp_path / name}: {message}\n"


def put(path, kind):
    """Put something in place of a file that is never read to its end."""
    path.parent.mkdir(exist_ok=True)
    if kind == "line":
        path.write_text("x" * 2**24)
    else:
        {"pipe": os.mkfifo, "device": lambda path: path.symlink_to("/dev/zero"), "folder": os.mkdir}[kind](path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes are POSIX")
@pytest.mark.parametrize("kind", ["pipe", "device", "folder", "line"])
def test_what_a_stranger_put_in_place_of_a_file_is_refused_at_once(tmp_path, capsys, kind):
    reasons = dict.fromkeys(("pipe", "device"), "cannot be read (it is no regular file)")
    reasons |= {"folder": "cannot be read ([Errno 21] Is a directory", "line": "a line is not an event of a run"}
    path = tmp_path / ".partial" / LIVE
    put(path, kind)
    assert main(["watch", str(tmp_path)]) == 2
    message = capsys.readouterr().err
    assert message.startswith(f"error: {path}: {reasons[kind]}") and message.count("\n") == 1


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes are POSIX")
@pytest.mark.parametrize("kind", ["pipe", "device", "folder"])
def test_what_is_in_place_of_the_lock_is_no_lock(tmp_path, capsys, kind):
    write_finished(tmp_path, steps=5)
    (tmp_path / "recipe.json").write_text(json.dumps({"recipe": {"name": "stlr\ntest: accuracy 1.0000"}}))
    put(tmp_path / ".lock", kind)
    assert main(["watch", str(tmp_path)]) == 0
    assert capsys.readouterr().out.startswith("finished: recipe stlr\\ntest: accuracy 1.0000, 5 steps in ")


HUGE = '{"event": "process", "process": 1' + "0" * 30 + f', "host": "{platform.node()}"}}\n'
BEGIN = '{"event": "begin", "total_steps": 0, "batch_size": 1, "first_step": 0, "curve": ["x"]}\n'
STEP = '{"event": "step", "step": 1, "epoch": 1, "learning_rate": 1, "rates": {}, "seconds": 1, "loss": "x"}\n'


@pytest.mark.parametrize("events", [HUGE, BEGIN + STEP], ids=["process", "step"])
def test_an_event_that_cannot_be_shown_is_an_error_of_one_line(tmp_path, capsys, events):
    (tmp_path / ".partial").mkdir()
    (tmp_path / ".partial" / LIVE).write_text(events)
    assert main(["watch", str(tmp_path)]) == 2
    assert capsys.readouterr().err.startswith(f"error: {tmp_path / '.partial' / LIVE}: cannot be used (")


def test_a_reader_that_goes_away_ends_the_watching(tmp_path):
    live(tmp_path, process=os.getpid())

    class Closed(View):
        def say(self, text):
            raise BrokenPipeError(errno.EPIPE, "Broken pipe")

        def begin(self, shape):
            self.say("")

    watch.watch(tmp_path, Progress(views=[Closed()]))


def test_what_a_killed_process_left_is_no_error_while_another_goes_on(tmp_path, monkeypatch, capsys):
    write_finished(tmp_path, steps=5)
    path = write_events(tmp_path / ".partial" / LIVE, process(gone()))
    monkeypatch.setattr(watch.time, "sleep", lambda seconds: (path.unlink(), lock.release()))
    lock = FileLock(tmp_path / ".lock")
    with lock:
        assert main(["watch", str(tmp_path)]) == 0


def test_ctrl_c_ends_the_watching_and_not_the_run(tmp_path, monkeypatch, capsys):
    live(tmp_path, process=os.getpid())

    def interrupt(seconds):
        raise KeyboardInterrupt

    monkeypatch.setattr(watch.time, "sleep", interrupt)
    assert main(["watch", str(tmp_path)]) == 0
    assert capsys.readouterr().err == ""
