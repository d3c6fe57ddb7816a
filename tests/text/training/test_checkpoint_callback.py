"""`--resume`: a run killed at any step goes on, and ends as the run that nothing interrupted, to the last bit."""

import json
import os
import random
import signal

import keras
import numpy as np
import pytest
from resumable import PLAIN, STEPS, Killed, Place, assert_same, drawn, resumed_from

from slanted.text.models.text_model import TextModel
from slanted.text.runs import checkpoints
from slanted.text.runs.checkpoints import steps_of
from slanted.text.training import callbacks
from slanted.text.training.callbacks import History, LastBatchLoss
from slanted.text.training.checkpoint_callback import Checkpointing

# The head alone, then all, within an epoch; checkpoints within an accumulation.
STAGED = (
    "--lr 0.01 --batch-size 16 --max-tokens 16 --precision mixed_bfloat16 --epochs 2 --recipe ulmfit "
    "--unfreeze-every 1 --unfreeze-at 0,4 --gradient-accumulation 3 --head-start random"
)

# Frozen embeddings, no dropout.
QUICK = "--batch-size 16 --max-tokens 16 --precision mixed_bfloat16 --recipe quick --head-start random"


@pytest.mark.once
def test_without_checkpoints_signals_are_not_deferred():
    handler = signal.getsignal(signal.SIGINT)
    with Checkpointing(None, None, History(), None, 10, 5).deferring_signals():
        assert signal.getsignal(signal.SIGINT) is handler


@pytest.fixture(scope="module")
def place(tmp_path_factory, tiny_model):
    """Where to train."""
    return Place(tmp_path_factory.mktemp("resume"), tiny_model)


@pytest.fixture(scope="module")
def reference(place):
    """A run that nothing interrupted."""
    assert place.run("reference", PLAIN) == 0
    return place.folder / "reference"


@pytest.fixture(scope="module")
def staged(place):
    """One with stages of unfreezing, accumulation and mixed precision."""
    assert place.run("staged", STAGED) == 0
    return place.folder / "staged"


def killed_and_resumed(place, reference, options, at, begun_from):
    name = f"{reference.name}-{at}"
    place.killed(name, options, at)
    assert place.run(name, f"{options} --resume") == 0
    assert resumed_from(place.folder / name) == begun_from
    assert_same(place.folder / name, reference)


def test_an_uninterrupted_run_says_so_and_leaves_no_checkpoint(reference):
    metrics = json.loads((reference / "metrics.json").read_text())
    assert (metrics["resumed_from_step"], metrics["kept_epoch"]) == (None, 1)
    assert not [entry.name for entry in reference.iterdir() if entry.name.startswith(".")]


def test_killed_with_one_batch_of_an_epoch_left(place, reference):
    """That batch alone does not show that lengths differ."""
    killed_and_resumed(place, reference, PLAIN, STEPS, STEPS - 1)


def test_killed_while_weights_are_averaged(place):
    options = f"{PLAIN} --valid-share 0 --average 0.6"
    assert place.run("averaged", options) == 0
    reference = place.folder / "averaged"
    assert json.loads((reference / "metrics.json").read_text())["is_averaged"] is True
    killed_and_resumed(place, reference, options, 28, 25)  # of 36 steps, the last 22 are averaged
    assert place.run("last", f"{PLAIN} --valid-share 0") == 0
    last, mean = (TextModel.load(folder).classifier.get_weights() for folder in (place.folder / "last", reference))
    assert max(np.abs(one - other).max() for one, other in zip(last, mean, strict=True)) > 1e-5


def test_killed_within_a_stage_and_an_accumulation(place, staged):
    killed_and_resumed(place, staged, STAGED, 9, 5)


def test_a_resumed_run_traces_the_same_programs(place, monkeypatch):
    """TensorFlow's arithmetic may differ in the last bits where it traces a step in another way."""
    traced, plain = [], LastBatchLoss.update_state

    def counted(self, *arguments, **named):
        traced.append(1)
        return plain(self, *arguments, **named)

    monkeypatch.setattr(LastBatchLoss, "update_state", counted)
    assert place.run("traced", PLAIN) == 0
    whole = len(traced)
    place.killed("traced-again", PLAIN, 9)
    del traced[:]
    assert place.run("traced-again", f"{PLAIN} --resume") == 0
    done_before = 5 if keras.config.backend() == "torch" else 0  # PyTorch traces nothing and calls it at every step
    assert len(traced) == whole - done_before


def test_the_report_of_a_run_killed_in_its_last_epoch_shows_the_stages_where_they_were(place):
    options = f"{QUICK} --recipe ulmfit --epochs 2"
    assert place.run("opened", options) == 0
    place.killed("opened-11", options, 11)
    assert place.run("opened-11", f"{options} --resume") == 0
    assert [step for step, _ in drawn(place.folder / "opened")["stages"]] == [0, 6]
    assert drawn(place.folder / "opened-11") == drawn(place.folder / "opened")


def test_killed_with_a_frozen_group(place):
    assert place.run("quick", QUICK) == 0
    killed_and_resumed(place, place.folder / "quick", QUICK, 9, 5)


def test_a_process_that_is_really_killed(place, reference):
    """And one that goes on gets a signal, in an epoch after the one that the first was killed in."""
    out = place.folder / "twice"
    place.killed_for_good("twice", PLAIN, 14)
    assert {".lock", ".checkpoints", ".partial"} == {entry.name for entry in out.iterdir()}
    assert steps_of(out) == [5, 10]
    assert place.run("twice", f"{PLAIN} --resume", 28, lambda: signal.raise_signal(signal.SIGTERM)) == 143
    assert steps_of(out) == [25, 28]
    assert place.run("twice", f"{PLAIN} --resume") == 0
    assert resumed_from(out) == 28
    assert_same(out, reference)


@pytest.mark.once
def test_interrupted_as_the_run_is_written(place, reference, monkeypatch):
    """Training is over: it is not done again."""

    def interrupted(self, *arguments, **named):
        raise Killed

    with monkeypatch.context() as patched, pytest.raises(Killed):
        patched.setattr(TextModel, "save", interrupted)
        place.run("written", PLAIN)
    assert place.run("written", f"{PLAIN} --resume", 3 * STEPS) == 0
    assert resumed_from(place.folder / "written") == 3 * STEPS
    assert_same(place.folder / "written", reference)


@pytest.mark.slow
@pytest.mark.parametrize("at", range(1, 13))
def test_killed_at_every_step_of_a_run_in_stages(place, staged, at):
    killed_and_resumed(place, staged, STAGED, at, 5 * ((at - 1) // 5) or None)


@pytest.mark.slow
@pytest.mark.parametrize("at", range(1, 3 * STEPS + 1))
def test_killed_at_every_step(place, reference, at):
    killed_and_resumed(place, reference, PLAIN, at, 5 * ((at - 1) // 5) or None)


@pytest.mark.slow
@pytest.mark.parametrize("at", [8, 13, 19])
def test_killed_under_loss_scaling_that_skips_batches(place, monkeypatch, at):
    """Neither the curve nor a stage that is counted in batches goes by the optimizer's count alone."""
    scaled = STAGED.replace("mixed_bfloat16", "mixed_float16").replace("--gradient-accumulation 3", "--epochs 4")
    _, *others = keras.optimizers.LossScaleOptimizer.__init__.__defaults__
    monkeypatch.setattr(keras.optimizers.LossScaleOptimizer.__init__, "__defaults__", (2.0**24, *others))
    out = place.folder / "scaled"
    if not out.exists():
        assert place.run("scaled", scaled) == 0
    rates = [line.split(",")[3] for line in (out / "history.csv").read_text().splitlines()[1:]]
    assert rates[0] == rates[1] == rates[4] != rates[-1]
    killed_and_resumed(place, out, scaled, at, 5 * ((at - 1) // 5))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5))
def test_processes_killed_at_random_steps(place, reference, seed):
    at = random.Random(seed).randrange(1, 3 * STEPS + 1)
    place.killed_for_good(f"random-{seed}", PLAIN, at)
    assert place.run(f"random-{seed}", f"{PLAIN} --resume") == 0
    assert_same(place.folder / f"random-{seed}", reference)


@pytest.mark.once
def test_a_damaged_checkpoint_gives_way_to_the_older_one(place, capsys):
    place.killed("damaged", PLAIN, 13)
    newest = place.folder / "damaged" / ".checkpoints" / "checkpoint-0000000010"
    content = bytearray(newest.read_bytes())
    content[len(content) // 2] ^= 16
    newest.write_bytes(content)
    place.killed("damaged", f"{PLAIN} --resume", 6)  # the first step after the fifth
    said = f"checkpoint: {newest} is damaged (its checksum is wrong); the older one, of step 5, is taken\n"
    assert said in capsys.readouterr().out
    assert steps_of(place.folder / "damaged") == [5]


@pytest.mark.once
def test_a_full_disk_during_training(place, monkeypatch, capsys):
    written = []

    def full(descriptor):
        written.append(descriptor)
        if len(written) > 4:  # each of two checkpoints is synchronised with its folder
            raise OSError(28, os.strerror(28))

    monkeypatch.setattr(checkpoints.os, "fsync", full)
    assert place.run("full", PLAIN) == 2
    found = "the checkpoint of step 15 cannot be written (No space left on device)"
    line = f"--out {place.folder / 'full'}: {found}; free space and add --resume to go on from step 10"
    assert capsys.readouterr().err == f"error: {line}\n"
    assert steps_of(place.folder / "full") == [5, 10]


@pytest.mark.once
def test_a_loss_that_is_not_finite_keeps_the_last_good_checkpoint(place, monkeypatch, capsys):
    """The loss of the step that spoils the weights is finite still: it is not kept."""
    ends = callbacks.StepLog.on_train_batch_end

    def spoil(self, batch, logs=None):
        ends(self, batch, logs)
        if len(self.history.steps) == 10:
            weights = self.model.get_weights()
            self.model.set_weights([np.full_like(weights[0], np.nan), *weights[1:]])

    monkeypatch.setattr(callbacks.StepLog, "on_train_batch_end", spoil)
    assert place.run("nan", PLAIN) == 3
    rate = "epoch 1, learning rate 0.00781"
    advice = "try a smaller --lr; the checkpoint of step 5 is saved, --overwrite starts again"
    assert capsys.readouterr().err == f"error: the loss is nan at step 10 of 33 ({rate}); {advice}\n"
    assert steps_of(place.folder / "nan") == [5]
