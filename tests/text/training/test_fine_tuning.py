"""A run in mixed precision with accumulation: its rates, its updates, the epoch that is kept and what is saved.

And the rates of runs that do not follow their curve.
"""

import json
from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np
import pytest
import tiny
import trained_runs
from odd_texts import TEXTS
from run_files import read, same, table, weights
from trained_runs import STEPS

import slanted
from slanted.cli import main
from slanted.text.models.text_model import TextModel
from slanted.text.training import callbacks, fine_tuning

place = trained_runs.place


@pytest.fixture(scope="module")
def odd_run(place, tmp_path_factory):
    """A run in mixed precision with accumulation, a validation file, odd labels and texts; its first epoch is best."""
    labels = ("'; DROP TABLE x; --", "<b>10</b>")
    texts, answers = tiny.examples(40, labels)
    folder = tmp_path_factory.mktemp("odd")
    train = tiny.write_rows(folder / "odd.csv", texts, answers)
    content = Path(train).read_text(encoding="utf-8").replace("\r\n", "\n").replace("\n", "\r\n")
    Path(train).write_bytes(("\ufeff" + content).encode())
    test = tiny.write_rows(folder / "odd_test.csv", TEXTS.values(), [labels[at % 2] for at in range(len(TEXTS))])
    seen = SimpleNamespace(weights=[], rates=[], updates=[], labels=labels)

    def getting_worse(self, model):
        seen.weights.append(model.get_weights())
        seen.rates.append(float(keras.ops.convert_to_numpy(model.optimizer.learning_rate)))
        seen.updates.append(int(model.optimizer._iterations) // model.optimizer.gradient_accumulation_steps)
        return {"loss": float(len(seen.weights)), "accuracy": 0.5}

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(fine_tuning.FineTuningRun, "_validate", getting_worse)
        mixed = (
            "--lr 0.01 --batch-size 8 --max-tokens 16 --epochs 3 --precision mixed_bfloat16 --gradient-accumulation 2 "
            "--head-start random"
        )
        options = [*mixed.split(), "--valid", train, "--test", test]
        command = ["train", train, "--out", str(folder / "odd"), "--model", place.model, *options]
        assert main(command) == 0
    seen.folder = folder / "odd"
    return seen


def test_the_best_epoch_is_kept(odd_run):
    assert read(odd_run.folder / "metrics.json")["kept_epoch"] == 1
    kept = weights(odd_run.folder)
    assert same(kept, odd_run.weights[0]) and not same(kept, odd_run.weights[-1])


def test_a_run_in_mixed_precision_is_saved_in_float32(odd_run):
    assert read(odd_run.folder / "metrics.json")["precision"] == "mixed_bfloat16"
    saved = "".join(path.read_text() for path in (odd_run.folder / "model").glob("*.json"))
    assert "float32" in saved and "bfloat16" not in saved
    assert TextModel.load(odd_run.folder).classifier.backbone.dtype_policy.name == "float32"


def test_the_optimizer_follows_the_curve_by_batches_and_updates_every_second(odd_run):
    curve = slanted.SlantedTriangular(0.01).simulate(3 * STEPS)
    np.testing.assert_allclose(odd_run.rates, curve[STEPS - 1 :: STEPS], rtol=1e-5)
    rows = table(odd_run.folder / "history.csv")
    np.testing.assert_allclose([float(row["learning_rate"]) for row in rows], curve, rtol=1e-5)
    assert odd_run.updates == [2, 5, 7]


def test_a_validation_file_leaves_all_rows_to_train_on(odd_run):
    assert read(odd_run.folder / "metrics.json")["examples"] == 40
    assert read(odd_run.folder / "recipe.json")["files"]["valid"].endswith("odd.csv")


def test_odd_labels_come_back_unchanged(odd_run, tmp_path):
    assert read(odd_run.folder / "labels.json")["labels"] == list(odd_run.labels)
    rows = table(odd_run.folder / "predictions.csv")
    assert list(rows[0]) == ["row", "prediction", *(f"probability_{label}" for label in odd_run.labels)]
    assert len(rows) == len(TEXTS) and {row["prediction"] for row in rows} <= set(odd_run.labels)
    odd_test = str(odd_run.folder.parent / "odd_test.csv")
    assert main(["predict", str(odd_run.folder), odd_test, "--out", str(tmp_path / "p.csv")]) == 0
    assert (tmp_path / "p.csv").read_bytes() == (odd_run.folder / "predictions.csv").read_bytes()


# -- history.csv has the rates that were applied ----------------------------------------------------------------------

CURVE = slanted.SlantedTriangular(0.01).simulate(STEPS)


def rates_of(folder):
    return [float(row["learning_rate"]) for row in table(folder / "history.csv")]


def trained(place, name, *more):
    """Train for one epoch, and return its rates."""
    options = ["--lr", "0.01", "--batch-size", "8", "--max-tokens", "16", "--epochs", "1", "--recipe", "stlr"]
    folder, status = place.run(name, *more, options=options)
    assert status == 0
    return rates_of(folder)


def test_a_curve_that_was_not_bound_shows(place, monkeypatch):
    monkeypatch.setattr(slanted.RunScheduler, "on_epoch_begin", lambda self, epoch, logs=None: None)
    assert trained(place, "unbound", "--precision", "float32") == [0.01] * STEPS


def test_a_rate_that_is_set_within_the_run_shows_to_those_who_watch_too(place, monkeypatch, capsys):
    recorded = callbacks.StepLog.on_train_batch_end

    def then_set(self, batch, logs=None):
        recorded(self, batch, logs)
        if batch == 1:
            self.model.optimizer.learning_rate = 0.125

    monkeypatch.setattr(callbacks.StepLog, "on_train_batch_end", then_set)
    rates = trained(place, "set", "--precision", "float32", "--json-lines")
    np.testing.assert_allclose(rates, [*CURVE[:2], 0.125, 0.125, 0.125], rtol=1e-6)
    steps = [line for line in map(json.loads, capsys.readouterr().out.splitlines()) if line["event"] == "step"]
    assert steps[-1]["learning_rate"] == 0.125 and set(steps[-1]["rates"].values()) == {0.125}


def test_batches_that_overflow_in_float16_have_a_rate_of_0_and_do_not_move_the_curve(place, monkeypatch):
    _, *others = keras.optimizers.LossScaleOptimizer.__init__.__defaults__
    monkeypatch.setattr(keras.optimizers.LossScaleOptimizer.__init__, "__defaults__", (2.0**24, *others))
    rates = trained(place, "scaled", "--precision", "mixed_float16", "--epochs", "4")
    skipped = rates.count(0.0)
    assert 0 < skipped < len(rates) and rates[0] == 0.0
    curve = slanted.SlantedTriangular(0.01).simulate(4 * STEPS)
    np.testing.assert_allclose([rate for rate in rates if rate], curve[:-skipped], rtol=1e-5)
