"""`slanted train` as a whole: what repeats or replaces a run, and what stays of one that ends badly."""

import re
import shutil
import signal
import subprocess
import sys

import keras
import pytest
import trained_runs
from run_files import read, same, snapshot, table, weights
from trained_runs import FILES, OPTIONS

from slanted.cli import main
from slanted.text.training import callbacks, fine_tuning

place, run = trained_runs.place, trained_runs.run


def test_its_recipe_repeats_the_run_to_the_last_bit(run, place):
    again, status = place.run("again", "--test", place.test, options=("--recipe", str(run / "recipe.json")))
    assert status == 0
    assert same(weights(again), weights(run))
    for name in ("history.csv", "predictions.csv", "labels.json"):
        assert (again / name).read_bytes() == (run / name).read_bytes()
    assert read(again / "recipe.json")["recipe"] == read(run / "recipe.json")["recipe"]


@pytest.mark.once
def test_a_score_on_few_validation_rows_names_the_folds(place, capsys):
    note = "note: only 4 rows validated, too few to rely on; --folds 5 scores every row by a model that has not seen it"
    for more, count in ((), 1), (("--test", place.test), 0):
        _, status = place.run("validated", "--epochs", "1", "--overwrite", *more)
        assert status == 0 and capsys.readouterr().out.count(note) == count


def test_another_seed_replaces_the_run_by_another(run, place):
    taken = shutil.copytree(run, place.folder / "taken")
    _, status = place.run("taken", "--overwrite", "--seed", 1, "--valid-share", 0, "--epochs", 2, options=OPTIONS)
    assert status == 0
    assert {entry.name for entry in taken.iterdir()} == FILES - {"predictions.csv"}
    metrics = read(taken / "metrics.json")
    assert (metrics["kept_epoch"], metrics["seed"], metrics["examples"]) == (2, 1, 44)
    assert not metrics.keys() & {"valid", "test", "baselines"}
    first, other = table(run / "history.csv"), table(taken / "history.csv")
    assert first[0]["loss"] != other[0]["loss"]
    assert not same(weights(taken), weights(run))


@pytest.mark.once
@pytest.mark.parametrize("option", ["TRAIN", "--test", "--model"])
def test_no_run_replaces_what_it_reads(run, place, option, tmp_path, capsys):
    copy = shutil.copytree(run, tmp_path / "copy")
    before, read_file = snapshot(copy), str(copy if option == "--model" else copy / "predictions.csv")
    words = ["train", place.train, "--out", str(copy), "--overwrite", *OPTIONS, "--model", place.model]
    words = ["train", read_file, *words[2:]] if option == "TRAIN" else [*words, option, read_file]
    assert main(words if option != "--model" else [*words[:-4], "--model", read_file]) == 2
    rule = f"{read_file} is read, and would be replaced; give another place to write to"
    assert capsys.readouterr().err == f"error: --out {copy}: {rule}\n" and snapshot(copy) == before


@pytest.mark.once
def test_a_model_that_changes_until_it_is_loaded_is_refused(place, tmp_path, monkeypatch, capsys):
    model, load = shutil.copytree(place.model, tmp_path / "model"), fine_tuning.load_starting_model

    def change(*given):
        (model / "config.json").write_text((model / "config.json").read_text() + " ")
        return load(*given)

    monkeypatch.setattr(fine_tuning, "load_starting_model", change)
    out, status = place.run("moved", "--model", model)
    problem = "a file in it was changed since the command began; give the command again once nobody writes to it"
    assert (status, capsys.readouterr().err) == (2, f"error: --model {model}: {problem}\n") and not out.exists()


class NotFinite(keras.losses.SparseCategoricalCrossentropy):
    def call(self, y_true, y_pred):
        return super().call(y_true, y_pred) * float("nan")


def test_a_loss_that_is_not_finite_ends_the_run_and_nothing_of_it_stays(run, place, monkeypatch, capsys):
    monkeypatch.setattr(fine_tuning, "task_loss", lambda kind: NotFinite(from_logits=True))
    shutil.copytree(run, place.folder / "nan")
    out, status = place.run("nan", "--overwrite")
    assert status == 3
    assert capsys.readouterr().err == (
        "error: the loss is nan at step 0 of 40 (epoch 1, learning rate 0.000313); try a smaller --lr\n"
    )
    assert snapshot(out) == snapshot(run)


@pytest.mark.once
def test_an_interrupted_run_leaves_the_run_that_it_would_have_replaced(run, place, monkeypatch, capsys):
    def interrupt(self, batch, logs=None):
        raise KeyboardInterrupt

    monkeypatch.setattr(callbacks.StepLog, "on_train_batch_end", interrupt)
    shutil.copytree(run, place.folder / "interrupted")
    out, status = place.run("interrupted", "--overwrite")
    assert status == 130
    assert capsys.readouterr().err == f"error: interrupted; nothing was saved; the earlier run in {out} is unchanged\n"
    assert snapshot(out) == snapshot(run)


@pytest.mark.once
def test_sigterm_ends_a_real_run_and_no_other_writes_to_its_folder_before(place, capsys):
    out = place.folder / "terminated"
    options = [*OPTIONS, "--epochs", "100000", "--model", place.model]
    command = [sys.executable, "-m", "slanted.cli", "train", place.train, "--out", str(out), *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stderr is not None
        for line in process.stdout:
            if line.startswith("epoch 1: "):
                break
        else:
            raise AssertionError(process.stderr.read())
        _, status = place.run("terminated", "--overwrite")
        assert status == 2
        locked = f"error: --out {out}: another process is writing to it; wait, or give another folder\n"
        assert capsys.readouterr().err == locked
        process.send_signal(signal.SIGTERM)
        process.stdout.read()
        kept = r"error: terminated; step \d+ is saved; to continue, add --resume to the command\n"
        assert re.fullmatch(kept, process.stderr.read())
    assert process.returncode == 143
    assert {entry.name for entry in out.iterdir()} == {".checkpoints"}


@pytest.mark.once
def test_an_unknown_model_is_refused(place, capsys):
    out, status = place.run("unknown", "--model", "bert_tiny_en_uncasd", options=())
    assert status == 2
    message = (
        "unknown model `bert_tiny_en_uncasd`: use minilm, a local folder, hf://owner/name, or a KerasHub preset such as"
    )
    error = capsys.readouterr().err
    assert error.startswith(f"error: {message} bert_tiny_en_uncased") and error.count("\n") == 1
    assert not out.exists()
