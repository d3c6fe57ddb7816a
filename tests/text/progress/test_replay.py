"""The events of a run read back from its file and shown, before and after one looked."""

import io
import json
import os
import platform
import threading
import time

import live_events
import pytest
from live_events import begin, gone, live, process, step, write_events

from slanted.cli import main
from slanted.commands import watch
from slanted.errors import InputError
from slanted.text.progress.jsonl import LIVE, LiveFile
from slanted.text.progress.plain import PlainView
from slanted.text.progress.progress import Progress
from slanted.text.progress.replay import Player, read_events
from slanted.text.progress.terminal import TerminalView
from slanted.text.progress.view import View

pytestmark = pytest.mark.once

no_waiting = live_events.no_waiting


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


def test_a_process_that_is_gone(tmp_path, no_waiting, capsys):
    live(tmp_path, process=gone())
    assert main(["watch", str(tmp_path)]) == 2
    rule = "the process of this run has ended; continue it with `slanted train --resume`"
    assert capsys.readouterr().err == f"error: {tmp_path}: {rule}\n"


def test_a_process_that_was_gone_before_it_began(tmp_path, no_waiting, capsys):
    path = write_events(tmp_path / ".partial" / LIVE, process(gone()))
    assert main(["watch", str(tmp_path)]) == 2
    assert "the process of this run has ended" in capsys.readouterr().err
    path.unlink()
    LiveFile(path.parent).end()
    assert [json.loads(line) for line in path.read_text().splitlines()] == [process()]


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
    with pytest.raises(InputError, match="no run in it is running or finished"):
        watch.watch(tmp_path, Progress(views=[view]))
    writer.join()
    assert view.shape.total_steps == 4 and view.shape.groups.multipliers == {
        "low": 0.0,
        "head": pytest.approx(2e-3 / 3),
    }


class Seen(View):
    """Keeps the steps that it is told to show."""

    def __init__(self):
        self.steps = []

    def step(self, step):
        self.steps.append((step.done, step.is_shown))


def test_events_are_read_once_and_half_a_line_later(tmp_path):
    path = write_events(tmp_path / "live.jsonl", begin(), step(1, 1.0))
    half = json.dumps(step(2, 2.0))
    with path.open("a+", encoding="utf-8") as file:
        file.seek(0)
        assert [event["event"] for event in read_events(file, path)] == ["begin", "step"]
        file.write(half[:20])
        file.seek(file.tell() - 20)
        assert not list(read_events(file, path))
        with path.open("a", encoding="utf-8") as other:
            other.write(half[20:] + "\n")
        assert [event["step"] for event in read_events(file, path)] == [2]


def test_of_the_steps_before_one_looked_the_last_is_shown():
    player = Player(Progress(views=[view := Seen()]))
    player.catch_up([begin(), step(1, 1.0), {"event": "message", "text": "between"}, step(2, 2.0), step(3, 3.0)])
    player.show(step(4, 4.0))
    assert view.steps == [(1, False), (2, False), (3, True), (4, None)]


def test_steps_of_a_run_whose_beginning_is_not_known_are_not_drawn():
    player = Player(Progress(views=[view := Seen()]))
    player.catch_up([step(1, 1.0), step(2, 2.0)])
    assert not view.steps


def test_a_process_of_another_machine_is_not_called_dead():
    player = Player(Progress(views=[]))
    assert not player.is_dead()
    player.show({**process(gone()), "host": f"not-{platform.node()}"})
    assert not player.is_dead()
    player.show(process(gone()))
    assert player.is_dead()
