"""Real runs of the command line, on a model that trains in seconds, looked at from outside."""

import csv
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np
import pytest
import tiny
from odd_texts import TEXTS

import slanted
from slanted.cli import main
from slanted.text.batching import batches
from slanted.text.estimators import TextClassifier
from slanted.text.models.text_model import TextModel
from slanted.text.progress.progress import Progress
from slanted.text.training import callbacks, fine_tuning

EPOCHS, STEPS = 8, 5
OPTIONS = ["--lr", "0.01", "--batch-size", "8", "--max-tokens", "16", "--precision", "float32", "--recipe", "stlr"]
LABELS = ("alpha", "beta")
FILES = {"model", "tokenizer.json", "labels.json", "recipe.json", "history.csv", "metrics.json", "predictions.csv"}
FILES |= {"report.html", "report.json"}
BACKEND = keras.backend.backend()


@pytest.fixture(scope="module")
def place(tmp_path_factory, tiny_model):
    """A folder with data, and how to train there."""
    folder = tmp_path_factory.mktemp("place")
    files = SimpleNamespace(
        folder=folder,
        model=tiny_model,
        train=tiny.write_rows(folder / "train.csv", *tiny.examples(44, LABELS)),
        test=tiny.write_rows(folder / "test.csv", *tiny.examples(16, LABELS, seed=5)),
    )

    def train(name, *more, options=(*OPTIONS, "--epochs", str(EPOCHS))):
        out = folder / name
        command = ["train", files.train, "--out", str(out), "--model", tiny_model, *options, *map(str, more)]
        return out, main(command)

    files.run = train
    return files


@pytest.fixture(scope="module")
def run(place):
    """A finished run with a test file, of one shape of batch: 40 rows of 44 are trained on, 8 at a time."""
    out, status = place.run("run", "--test", place.test)
    assert status == 0
    return out


def table(path):
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def read(path):
    return json.loads(path.read_text(encoding="utf-8"))


def weights(folder):
    return TextModel.load(folder).classifier.get_weights()


def same(first, second):
    return all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


def snapshot(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_scores_of_large_numbers_are_those_of_the_predictions_that_are_written(place):
    texts, answers = tiny.examples(24, LABELS)
    numbers = [170_000_000.5 + 1000 * (answer == "beta") + at for at, answer in enumerate(answers)]
    data = tiny.write_rows(place.folder / "large.csv", texts, numbers)
    out = place.folder / "large"
    command = ["train", data, "--test", data, "--out", str(out), "--model", place.model, *OPTIONS, "--epochs", "8"]
    assert main(command) == 0
    predicted = [float(row["prediction"]) for row in table(out / "predictions.csv")]
    assert len(set(predicted)) > 4
    mae = np.abs(np.array(predicted) - numbers).mean()
    assert json.loads((out / "metrics.json").read_text())["test"]["mae"] == pytest.approx(mae, rel=1e-6)


def test_the_folder_holds_the_run_and_nothing_else(run):
    assert {entry.name for entry in run.iterdir()} == FILES
    assert (run / "model" / "model.weights.h5").is_file()


def test_labels_and_recipe(run, place, tiny_model):
    assert read(run / "labels.json") == {"task": "single", "labels": list(LABELS)}
    recipe = read(run / "recipe.json")
    own = {
        "model": tiny_model,
        "batch_size": 8,
        "max_tokens": 16,
        "precision": "float32",
        "backend": BACKEND,
        "seed": 0,
    }
    assert recipe.items() >= own.items()
    assert recipe["recipe"].items() >= {"name": "stlr", "epochs": EPOCHS, "lr_max": 0.01, "ratio": 32.0}.items()
    assert recipe["files"]["train"] == place.train
    assert recipe["columns"].items() >= {"text": "text", "text_b": None}.items()
    assert recipe["columns"]["labels"] == ["label"]


def test_history_has_every_step_and_the_curve(run):
    rows = table(run / "history.csv")
    assert list(rows[0]) == ["step", "epoch", "loss", "learning_rate"]
    assert [int(row["step"]) for row in rows] == list(range(EPOCHS * STEPS))
    assert [int(row["epoch"]) for row in rows] == [1 + step // STEPS for step in range(EPOCHS * STEPS)]
    curve = slanted.SlantedTriangular(0.01, cut_frac=0.1, ratio=32).simulate(EPOCHS * STEPS)
    np.testing.assert_allclose([float(row["learning_rate"]) for row in rows], curve, rtol=1e-5)
    losses = [float(row["loss"]) for row in rows]
    assert losses[0] == pytest.approx(np.log(2), abs=0.1)
    assert np.mean(losses[-STEPS:]) < 0.95 * np.mean(losses[:STEPS])


def test_metrics(run):
    metrics = read(run / "metrics.json")
    facts = {"task": "single", "examples": 40, "epochs": EPOCHS, "total_steps": EPOCHS * STEPS, "backend": BACKEND}
    assert metrics.items() >= {**facts, "precision": "float32", "seed": 0, "resumed_from_step": None}.items()
    assert metrics["examples_per_second"] == pytest.approx(40 * EPOCHS / metrics["train_seconds"])
    scores = {"loss", "accuracy", "macro_f1", "micro_f1", "f1", "matthews", "roc_auc", "average_precision", "ece"}
    for part in (metrics["valid"], metrics["test"], *metrics["baselines"].values()):
        assert part.keys() == scores | {"per_class"}
        assert part["per_class"].keys() == set(LABELS)
    assert metrics["baselines"].keys() == {"majority", "tfidf"}
    assert metrics["baselines"]["majority"]["accuracy"] == 0.5


def test_predictions(run, place):
    rows, truth = table(run / "predictions.csv"), table(place.test)
    assert list(rows[0]) == ["row", "prediction", *(f"probability_{label}" for label in LABELS)]
    assert [int(row["row"]) for row in rows] == list(range(16))
    probabilities = np.array([[float(row[f"probability_{label}"]) for label in LABELS] for row in rows])
    np.testing.assert_allclose(probabilities.sum(axis=1), 1.0, atol=2e-6)
    assert [row["prediction"] for row in rows] == [LABELS[at] for at in probabilities.argmax(axis=1)]
    right = np.mean([row["prediction"] == true["label"] for row, true in zip(rows, truth, strict=True)])
    assert right == read(run / "metrics.json")["test"]["accuracy"]


def test_predicting_again_gives_the_same_bytes_wherever_the_run_lies(run, place, tmp_path, monkeypatch):
    unlabelled = tmp_path / "texts.csv"
    unlabelled.write_text("text\n" + "".join(f"{row['text']}\n" for row in table(place.test)))
    assert main(["predict", str(run), str(unlabelled), "--out", str(tmp_path / "p.csv")]) == 0
    assert (tmp_path / "p.csv").read_bytes() == (run / "predictions.csv").read_bytes()
    moved = shutil.copytree(run, tmp_path / "elsewhere" / "moved")
    monkeypatch.chdir(moved.parent)
    assert main(["predict", "moved", place.test, "--out", "p.csv"]) == 0
    assert Path("p.csv").read_bytes() == (run / "predictions.csv").read_bytes()


def test_predicting_a_file_of_one_column_says_which_it_takes_for_the_texts(run, tmp_path, capsys):
    for header, note in (
        ("my apple", "note: text from column 'my apple', as there is no column 'text'\n"),
        ("Text", ""),
    ):
        (tmp_path / "t.csv").write_text(f"{header}\nold saw\n")
        assert main(["predict", str(run), str(tmp_path / "t.csv"), "--out", str(tmp_path / "p.csv")]) == 0
        assert capsys.readouterr().out == f"{note}1 predictions: {tmp_path / 'p.csv'}\n"


def test_predicting_in_other_batches_gives_the_same(run, place, tmp_path, monkeypatch):
    monkeypatch.setattr(batches, "TOKENS_AT_ONCE", 48)
    assert main(["predict", str(run), place.test, "--out", str(tmp_path / "p.csv")]) == 0
    for row, other in zip(table(tmp_path / "p.csv"), table(run / "predictions.csv"), strict=True):
        assert row["prediction"] == other["prediction"]
        assert float(row["probability_beta"]) == pytest.approx(float(other["probability_beta"]), abs=1.5e-6)


def test_evaluate_gives_the_scores_of_the_run(run, place, capsys):
    assert main(["evaluate", str(run), place.test, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == read(run / "metrics.json")["test"]
    assert main(["evaluate", str(run), place.test]) == 0
    accuracy = read(run / "metrics.json")["test"]["accuracy"]
    assert re.search(rf"^accuracy +{accuracy:.4f}$", capsys.readouterr().out, re.MULTILINE)


def test_its_recipe_repeats_the_run_to_the_last_bit(run, place):
    again, status = place.run("again", "--test", place.test, options=("--recipe", str(run / "recipe.json")))
    assert status == 0
    assert same(weights(again), weights(run))
    for name in ("history.csv", "predictions.csv", "labels.json"):
        assert (again / name).read_bytes() == (run / name).read_bytes()
    assert read(again / "recipe.json")["recipe"] == read(run / "recipe.json")["recipe"]


PLAIN_KERASHUB = """
import csv, json, sys
import numpy as np
import keras_hub
classifier = keras_hub.models.TextClassifier.from_preset(sys.argv[1])
texts = [row["text"] for row in csv.DictReader(open(sys.argv[2], encoding="utf-8", newline=""))]
print(json.dumps([int(at) for at in np.asarray(classifier.predict(texts, verbose=0)).argmax(axis=1)]))
assert not [name for name in sys.modules if name.split(".")[0] == "slanted"]
"""


def test_plain_kerashub_loads_the_model_and_predicts_the_same(run, place):
    done = subprocess.run(
        [sys.executable, "-c", PLAIN_KERASHUB, str(run / "model"), place.test], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    predicted = [LABELS[at] for at in json.loads(done.stdout.splitlines()[-1])]
    assert predicted == [row["prediction"] for row in table(run / "predictions.csv")]


@pytest.fixture(scope="module")
def odd_run(place):
    """A run in mixed precision with accumulation, a validation file, odd labels and texts; its first epoch is best."""
    labels = ("'; DROP TABLE x; --", "<b>10</b>")
    texts, answers = tiny.examples(40, labels)
    train = tiny.write_rows(place.folder / "odd.csv", texts, answers)
    content = Path(train).read_text(encoding="utf-8").replace("\r\n", "\n").replace("\n", "\r\n")
    Path(train).write_bytes(("\ufeff" + content).encode())
    test = tiny.write_rows(place.folder / "odd_test.csv", TEXTS.values(), [labels[at % 2] for at in range(len(TEXTS))])
    seen = SimpleNamespace(weights=[], rates=[], updates=[], labels=labels)

    def getting_worse(self, model):
        seen.weights.append(model.get_weights())
        seen.rates.append(float(keras.ops.convert_to_numpy(model.optimizer.learning_rate)))
        seen.updates.append(int(model.optimizer._iterations) // model.optimizer.gradient_accumulation_steps)
        return {"loss": float(len(seen.weights)), "accuracy": 0.5}

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(fine_tuning.Fitting, "_validate", getting_worse)
        mixed = (
            "--lr 0.01 --batch-size 8 --max-tokens 16 --epochs 3 --precision mixed_bfloat16 --gradient-accumulation 2"
        )
        options = [*mixed.split(), "--valid", train, "--test", test]
        command = ["train", train, "--out", str(place.folder / "odd"), "--model", place.model, *options]
        assert main(command) == 0
    seen.folder = place.folder / "odd"
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
    np.testing.assert_allclose(odd_run.rates, [*curve[STEPS::STEPS], 0.01 / 32], rtol=1e-5)
    rows = table(odd_run.folder / "history.csv")
    np.testing.assert_allclose([float(row["learning_rate"]) for row in rows], curve, rtol=1e-5)
    assert odd_run.updates == [2, 5, 7]


def test_a_validation_file_leaves_all_rows_to_train_on(odd_run):
    assert read(odd_run.folder / "metrics.json")["examples"] == 40
    assert read(odd_run.folder / "recipe.json")["files"]["valid"].endswith("odd.csv")


def test_odd_labels_come_back_unchanged(odd_run, place, tmp_path):
    assert read(odd_run.folder / "labels.json")["labels"] == list(odd_run.labels)
    rows = table(odd_run.folder / "predictions.csv")
    assert list(rows[0]) == ["row", "prediction", *(f"probability_{label}" for label in odd_run.labels)]
    assert len(rows) == len(TEXTS) and {row["prediction"] for row in rows} <= set(odd_run.labels)
    odd_test = str(place.folder / "odd_test.csv")
    assert main(["predict", str(odd_run.folder), odd_test, "--out", str(tmp_path / "p.csv")]) == 0
    assert (tmp_path / "p.csv").read_bytes() == (odd_run.folder / "predictions.csv").read_bytes()


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
    assert capsys.readouterr().err == f"error: interrupted; nothing was kept; the run that {out} held is as it was\n"
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
        kept = r"error: terminated; step \d+ is kept; to go on, add --resume to the command\n"
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


@pytest.mark.once
def test_a_full_disk_is_one_line_and_nothing_stays(run, place, monkeypatch, capsys):
    def full(self, folder, more=None):
        (folder / "half").write_text("x")
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(TextModel, "save", full)
    classifier = TextClassifier.load(run)
    with pytest.raises(slanted.errors.InputError) as refused:
        classifier.save(place.folder / "full")
    expected = f"--out {place.folder / 'full'}: cannot be written (No space left on device); free space or give another"
    assert str(refused.value) == f"{expected} folder"
    assert not (place.folder / "full").exists()


@pytest.mark.once
@pytest.mark.parametrize(
    ("by", "scores", "kept"),
    [
        ("accuracy", [0.5, 0.7, 0.7, 0.6], 2),
        ("loss", [0.5, 0.4, 0.3, 0.4], 3),
        ("mae", [2.0, 1.0, 3.0, 1.0], 2),
        ("pearson", [None, -0.5, None, 0.5], 4),
        ("pearson", [None, None, None, None], 1),
    ],
)
def test_the_kept_epoch_is_the_first_of_the_best_and_an_undefined_score_is_worth_least(by, scores, kept):
    history, given = callbacks.History(), iter(scores)
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False)])

    def score(model):
        value = next(given)
        return {"loss": 1.0} | ({} if value is None else {by: value})

    keep = callbacks.KeepBest(score, by, history, Progress(quiet=True))
    keep.set_model(model)
    for epoch in range(len(scores)):
        model.set_weights([np.full((1, 1), epoch + 1.0)])
        keep.on_epoch_end(epoch)
    assert keep.restore() == kept == model.get_weights()[0].item()
