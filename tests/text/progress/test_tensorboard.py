"""What TensorBoard reads of a run."""

import json
import sys
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import recorded_run
import tensorboardX.record_writer
from recorded_run import history, rates_of_groups

from slanted.cli import main
from slanted.text.progress.plain import PlainView
from slanted.text.progress.progress import Progress
from slanted.text.progress.tensorboard import TensorBoardView

pytestmark = pytest.mark.once

place, words, run = recorded_run.place, recorded_run.words, recorded_run.run


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


def test_tensorboard_has_the_test_scores_of_folds_and_of_the_whole(tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

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


def test_on_a_full_disk_the_run_goes_on_without_tensorboard(tmp_path, monkeypatch, capsys):
    full = Path("/dev/full").open("wb")  # noqa: SIM115
    monkeypatch.setattr(tensorboardX.record_writer, "open_file", lambda path: full)
    shown = Progress(views=[PlainView(sys.stdout), TensorBoardView(tmp_path)])
    shown.begin(300, 8)
    for done in range(1, 301):
        shown.step(done, 1, 0.5, 1e-4)
        shown.epoch(1, {"loss": 0.5}, "")
    shown.end()
    reason = "[Errno 28] No space left on device"
    note = f"note: --tensorboard {tmp_path} cannot be written ({reason}); the run goes on without it\n"
    assert capsys.readouterr().out.count(note) == 1 and len(shown.views) == 1
    with suppress(OSError):
        full.close()
