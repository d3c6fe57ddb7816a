"""`slanted compare` on a model that trains in a second, looked at from outside."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from types import SimpleNamespace

import keras
import pytest
import tiny
from untrained import without_training

from slanted.cli import main
from slanted.commands import compare as compare_module
from slanted.compare.recipe_variants import Rate, Variant
from slanted.compare.results import Measured, compared
from slanted.compare.run_grid import Run, Runner
from slanted.compare.text_table import notes, table, verdicts
from slanted.errors import TrainingFailed
from slanted.recipe.recipe import Recipe
from slanted.text.settings import Settings
from slanted.text.training import train_run

BACKEND = keras.backend.backend()
OPTIONS = ["--epochs", "2", "--batch-size", "8", "--max-tokens", "16", "--precision", "float32"]
NEW = (("linear", 0), ("linear", 1), ("constant", 2), ("linear", 2))
COMPARED = ["--recipes", "constant,stlr:layer_decay=0.5", "--lr", "0.01", "--seeds", "2"]
SWEPT = ["--recipes", "constant,stlr:layer_decay=0.5", "--lr", "0.003,0.01", "--seeds", "2"]


@pytest.fixture(scope="module")
def place(tmp_path_factory, tiny_model):
    """A folder with data, and how to compare there."""
    folder = tmp_path_factory.mktemp("place")
    train = tiny.write_rows(folder / "train.csv", *tiny.examples(40))
    test = tiny.write_rows(folder / "test.csv", *tiny.examples(24, seed=5))
    words = ["compare", train, "--test", test, "--model", tiny_model, *OPTIONS]

    def compare(name, *more, options=COMPARED):
        return main([*words, "--out", str(folder / name), *options, *map(str, more)])

    return SimpleNamespace(folder=folder, train=train, test=test, words=words, compare=compare)


@pytest.fixture(scope="module")
def finished(place):
    """The folder of a comparison of two recipes with two seeds."""
    assert place.compare("finished") == 0
    return place.folder / "finished"


@pytest.fixture
def untrained(monkeypatch):
    return without_training(monkeypatch)


def read(path):
    return json.loads(path.read_text(encoding="utf-8"))


def rows(path):
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def untimed(path):
    metrics = read(path)
    return {name: value for name, value in metrics.items() if name not in ("train_seconds", "examples_per_second")}


def result(folder):
    """Return compare.json without what depends on the clock."""
    held = read(folder / "compare.json")
    for one in held["recipes"]:
        del one["train_seconds"]
    return held


def times(folder):
    return {path.name: (path / "metrics.json").stat().st_mtime_ns for path in (folder / "runs").iterdir()}


def test_the_folder_holds_every_run_without_its_model(finished):
    assert {"compare.json", "compare.csv", "compare.html", "runs"} == {entry.name for entry in finished.iterdir()}
    names = ("constant_lr0.01", "stlr-layer_decay=0.5_lr0.01")
    runs = [finished / "runs" / f"{name}_seed{seed}" for name in names for seed in (0, 1)]
    assert sorted(entry.name for entry in (finished / "runs").iterdir()) == sorted(one.name for one in runs)
    for one in runs:
        held = {entry.name for entry in one.iterdir()}
        assert held == {"metrics.json", "history.csv", "recipe.json", "labels.json", "predictions.csv"}


def test_a_run_is_that_of_train_with_the_same_options(finished, place):
    run = finished / "runs" / "stlr-layer_decay=0.5_lr0.01_seed1"
    words = ["train", *place.words[1:], "--out", str(place.folder / "alone"), "--recipe", "stlr"]
    assert main([*words, "--layer-decay", "0.5", "--lr", "0.01", "--seed", "1"]) == 0
    alone = place.folder / "alone"
    for name in ("history.csv", "predictions.csv"):
        assert (run / name).read_bytes() == (alone / name).read_bytes()
    assert untimed(run / "metrics.json") == untimed(alone / "metrics.json")
    recipe = read(alone / "recipe.json")
    assert read(run / "recipe.json") == {name: value for name, value in recipe.items() if name != "sha256"}


def test_recipes_share_the_rows_of_a_seed_and_seeds_do_not(finished):
    def of(recipe, seed):
        return rows(finished / "runs" / f"{recipe}_lr0.01_seed{seed}" / "history.csv")

    first, second = of("constant", 0), of("stlr-layer_decay=0.5", 0)
    assert first[0]["loss"] == second[0]["loss"]  # before the first update: the same head, rows, order and dropout
    assert first[1]["loss"] != second[1]["loss"]
    assert first[0]["loss"] != of("constant", 1)[0]["loss"]


@pytest.mark.once
def test_the_rate_is_chosen_on_validation_rows_and_the_score_is_the_test_s(place, untrained):
    assert place.compare("swept", options=SWEPT) == 0
    finished = place.folder / "swept"
    runs = rows(finished / "compare.csv")
    assert len(runs) == len(untrained) == 8
    held = result(finished)
    assert (held["score"], held["where"], held["seeds"]) == ("accuracy", "test", [0, 1])
    for one in held["recipes"]:
        mine = [row for row in runs if row["recipe"] == one["name"]]

        def worth(rate, mine=mine):
            at = [row for row in mine if float(row["learning_rate"]) == rate]
            losses = [read(finished / "runs" / row["folder"] / "metrics.json")["valid"]["loss"] for row in at]
            return sum(float(row["valid_accuracy"]) for row in at), -sum(losses)

        assert one["rate"] == max((0.003, 0.01), key=worth)
        chosen = [row for row in mine if row["chosen"] == "1"]
        assert [row["folder"] for row in chosen] == one["folders"]
        assert [float(row["test_accuracy"]) for row in chosen] == one["scores"]
    first, second = held["recipes"]
    differences = [b - a for a, b in zip(first["scores"], second["scores"], strict=True)]
    assert second["difference"]["mean"] == pytest.approx(sum(differences) / 2)
    assert first["difference"] is None


def test_started_again_it_trains_nothing_and_says_the_same(finished, place, monkeypatch, capsys):
    before, held = times(finished), result(finished)
    capsys.readouterr()
    assert place.compare("finished") == 0
    first = capsys.readouterr().out
    monkeypatch.setattr(Runner, "train", lambda self, run: pytest.fail(run.title))
    assert place.compare("finished") == 0
    assert capsys.readouterr().out == first
    assert "4 runs to compare, 4 of them finished before" in first
    assert times(finished) == before and result(finished) == held


@pytest.mark.once
def test_more_seeds_rates_and_recipes_train_only_what_is_new(place, untrained):
    wider = place.folder / "wider"
    assert place.compare("wider", options=SWEPT) == 0
    before = times(wider)
    untrained.clear()
    assert place.compare("wider", options=["--recipes", "constant,linear", "--lr", "0.01", "--seeds", "3"]) == 0
    assert untrained == [f"{name}_lr0.01_seed{seed}" for name, seed in NEW]
    assert times(wider).items() >= before.items()
    assert [one["name"] for one in result(wider)["recipes"]] == ["constant", "linear"]


@pytest.mark.once
def test_stopped_half_way_it_ends_with_the_same_table_and_repeats_no_finished_run(
    place, untrained, monkeypatch, capsys
):
    assert place.compare("whole", options=SWEPT) == 0
    train, started = Runner.train, []

    def stopping(self, run):
        started.append(run.title)
        if len(started) == 4:
            raise KeyboardInterrupt
        train(self, run)

    monkeypatch.setattr(Runner, "train", stopping)
    capsys.readouterr()
    assert place.compare("stopped", options=SWEPT) == 130
    error = "error: interrupted; 3 finished runs kept; to go on, give the command again\n"
    assert capsys.readouterr().err == error
    before = times(place.folder / "stopped")
    assert len(before) == 3
    assert place.compare("stopped", options=SWEPT) == 0
    assert started[4] == started[3] and len(set(started)) == 8 and len(started) == 4 + 5
    assert times(place.folder / "stopped").items() >= before.items()
    assert result(place.folder / "stopped") == result(place.folder / "whole")


@pytest.mark.once
def test_killed_half_way_it_ends_with_the_same_table_and_repeats_no_finished_run(place, finished):
    out = place.folder / "killed"
    words = [sys.executable, "-m", "slanted.cli", *place.words, "--out", str(out), *COMPARED]
    with subprocess.Popen(words, stdout=subprocess.DEVNULL, env={**os.environ, "KERAS_BACKEND": BACKEND}) as process:
        until = time.monotonic() + 120.0
        while len(list(out.glob("runs/*/metrics.json"))) < 1 and time.monotonic() < until and process.poll() is None:
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
    before = {path: path.stat().st_mtime_ns for path in out.glob("runs/*/metrics.json")}
    assert 1 <= len(before) < 4
    assert place.compare("killed") == 0
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert result(out) == result(finished)


@pytest.mark.once
def test_other_data_or_settings_are_refused_with_what_differs(finished, place, capsys, tmp_path):
    other = tiny.write_rows(tmp_path / "other.csv", *tiny.examples(40, seed=9))
    for more, message in (
        (["--batch-size", 4, "--label", "label"], "holds runs with --batch-size 8, not 4; --label [], not ['label']"),
        (["--epochs", 3], "holds 'constant lr 0.01 seed 0' with --epochs 2, not 3"),
        (["--valid", other], "holds runs with other validation rows"),
    ):
        assert place.compare("finished", *more) == 2
        rule = "give another --out, or --overwrite to start again"
        assert capsys.readouterr().err == f"error: --out {finished}: {message}; {rule}\n"
    words = ["compare", other, *place.words[2:], "--out", str(finished), *COMPARED]
    assert main(words) == 2
    assert capsys.readouterr().err.startswith(f"error: --out {finished}: holds runs with other training rows; ")


@pytest.mark.once
def test_overwrite_starts_again(place, untrained):
    small = ["--recipes", "constant,linear", "--seeds", "1"]
    assert place.compare("again", options=small) == 0
    before = times(place.folder / "again")
    assert place.compare("again", "--overwrite", "--batch-size", 4, options=small) == 0
    after = times(place.folder / "again")
    assert before.keys() == after.keys() and not set(before.values()) & set(after.values())


@pytest.mark.once
def test_json_is_all_that_is_printed(place, untrained, capsys):
    small = ["--recipes", "constant,linear", "--seeds", "1", "--score", "loss"]
    assert place.compare("json", "--json", options=small) == 0
    printed = json.loads(capsys.readouterr().out)
    held = read(place.folder / "json" / "compare.json")
    assert printed.items() <= held.items()
    assert printed["score"] == "loss"
    said = "no difference shown: one seed does not tell a difference from noise; give --seeds 3 or more"
    assert printed["verdicts"] == {"linear": said}


@pytest.mark.once
def test_the_baselines_are_fitted_once_a_split(place, untrained, monkeypatch):
    fitted = []
    fit = train_run.baselines_of
    monkeypatch.setattr(train_run, "baselines_of", lambda *given: (fitted.append(given[2].seed), fit(*given))[1])
    small = ["--recipes", "constant,linear", "--seeds", "2", "--epochs", "1"]
    assert place.compare("split", options=small) == 0
    assert fitted == [0, 1]
    fitted.clear()
    assert place.compare("one split", "--valid", place.test, options=small) == 0
    assert fitted == [0]


@pytest.mark.once
def test_a_rate_at_which_training_fails_is_left_out_and_not_tried_again(place, untrained, monkeypatch, capsys):
    write = train_run.train_here

    def failing(files, data, out, settings, *more, **named):
        if settings.recipe.lr_max == 0.01 and settings.seed == 1:
            raise TrainingFailed("the loss is nan at step 3 of 10")
        return write(files, data, out, settings, *more, **named)

    monkeypatch.setattr(train_run, "train_here", failing)
    assert place.compare("failing", options=SWEPT) == 0
    first = capsys.readouterr().out
    assert "constant lr 0.01 seed 1: failed: the loss is nan at step 3 of 10\n" in first
    assert "note: 1 run of constant failed at other rates: the loss was not finite\n" in first
    assert [one["rate"] for one in result(place.folder / "failing")["recipes"]] == [0.003, 0.003]
    untrained.clear()
    assert place.compare("failing", options=SWEPT) == 0
    assert not untrained and capsys.readouterr().out.splitlines()[-8:] == first.splitlines()[-8:]


@pytest.mark.once
def test_runs_of_nobody_knows_what_are_refused_and_overwritten(place, untrained, capsys):
    small, out = ["--recipes", "constant,linear", "--seeds", "1"], place.folder / "unnamed"
    assert place.compare("unnamed", options=small) == 0
    (out / "compare.json").unlink()
    untrained.clear()
    capsys.readouterr()
    assert place.compare("unnamed", options=small) == 2
    rule = "holds runs without compare.json, which says of what; give another --out, or --overwrite to start again"
    assert capsys.readouterr().err == f"error: --out {out}: {rule}\n" and not untrained
    assert place.compare("unnamed", "--overwrite", options=small) == 0
    assert untrained == ["constant_seed0", "linear_seed0"]


@pytest.mark.once
@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes are POSIX")
def test_a_named_pipe_is_refused_by_its_name(tmp_path, capsys):
    os.mkfifo(tmp_path / "pipe")
    words = ["compare", str(tmp_path / "pipe"), "--recipes", "constant,stlr", "--out", str(tmp_path / "out")]
    assert main(words) == 2
    rule = "compare reads the rows once for each seed; save them to a file and give that"
    assert capsys.readouterr().err == f"error: {tmp_path / 'pipe'}: {rule}\n"
    assert not (tmp_path / "out").exists()


@pytest.mark.once
def test_overwrite_says_what_it_cannot_delete(place, untrained, monkeypatch, capsys):
    small = ["--recipes", "constant,linear", "--seeds", "1"]
    assert place.compare("stuck", options=small) == 0
    untrained.clear()
    capsys.readouterr()

    def busy(path):
        raise OSError(16, "Device or resource busy")

    monkeypatch.setattr(compare_module.shutil, "rmtree", busy)
    assert place.compare("stuck", "--overwrite", options=small) == 2
    rule = "cannot be written (Device or resource busy); free space or give another folder"
    assert capsys.readouterr().err == f"error: --out {place.folder / 'stuck'}: {rule}\n" and not untrained


@pytest.mark.once
def test_a_comparison_that_trains_is_not_overwritten_by_another(place, untrained, monkeypatch, capsys):
    small, out = ["--recipes", "constant,linear", "--seeds", "1"], place.folder / "taken"
    train, refused = Runner.train, []

    def train_and_intrude(self, run):
        train(self, run)
        if not refused:
            refused.append(place.compare("taken", "--overwrite", options=small))

    monkeypatch.setattr(Runner, "train", train_and_intrude)
    assert place.compare("taken", options=small) == 0
    rule = "another process is writing to it; wait, or give another folder"
    assert refused == [2] and capsys.readouterr().err == f"error: --out {out}: {rule}\n"
    assert untrained == ["constant_seed0", "linear_seed0"]
    assert sorted(entry.name for entry in out.iterdir()) == ["compare.csv", "compare.html", "compare.json", "runs"]


@pytest.mark.once
@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("compare.json", "[]", "does not say what was compared; give another --out, or --overwrite to start again"),
        ("compare.json", "{}", "does not say what was compared; give another --out, or --overwrite to start again"),
        ("compare.json", None, "does not say what was compared; give another --out, or --overwrite to start again"),
        ("runs/linear_seed0/metrics.json", "{}", "does not say 'task' as a run's does"),
        ("runs/linear_seed0/metrics.json", '"x"', "holds no JSON object"),
        (
            "runs/linear_seed0/metrics.json",
            '{"task": "single", "train_seconds": 1.0, "baselines": {"tfidf": 1, "majority": {}}}',
            "holds no scores of a run",
        ),
        ("runs/linear_seed0/recipe.json", '{"recipe": []}', "does not say 'recipe' as a run's does"),
        ("runs/linear_seed0/recipe.json", '{"recipe": {}}', "does not say 'peak_rate' as a run's does"),
        ("runs/linear_seed0/history.csv", "step,loss\n0,1\n", "cannot be read ('learning_rate')"),
        ("runs/linear_seed0/history.csv", "", "holds no steps"),
        ("runs/linear_seed0.failed.json", '{"recipe": {}}', "does not say 'failed' as a run's does"),
    ],
)
def test_a_damaged_file_is_an_error_of_one_line(place, untrained, capsys, name, content, message):
    small, out = ["--recipes", "constant,linear", "--seeds", "1"], place.folder / "damaged"
    if not out.exists():
        assert place.compare("damaged", options=small) == 0
    damaged = out / name
    before = damaged.read_bytes() if damaged.exists() else None
    held = read(out / "compare.json")
    damaged.write_text(json.dumps({**held, "machine": {}}) if content is None else content)
    metrics = out / "runs" / "linear_seed0" / "metrics.json"
    whole = metrics.read_bytes()
    if name.endswith("failed.json"):
        metrics.unlink()
    capsys.readouterr()
    try:
        assert place.compare("damaged", options=small) == 2
        error = capsys.readouterr().err
        assert error.startswith(f"error: {damaged}: {message}") and error.count("\n") == 1
    finally:
        metrics.write_bytes(whole if name != "runs/linear_seed0/metrics.json" else before)
        damaged.unlink() if before is None else damaged.write_bytes(before)


def measured(scores, name="a", rate=None, lr=1e-3, epochs=3, valid=None):
    """Return runs of a recipe with these test scores, seed by seed; None: it failed."""
    runs = []
    for seed, score in enumerate(scores):
        made = Run(
            Variant(name, Recipe(epochs=epochs)),
            rate,
            Settings(recipe=Recipe(epochs=epochs), seed=seed),
            compare_module.Path(f"{name}{seed}"),
        )
        own = {"accuracy": score, "loss": 1.0} if score is not None else None
        checked = {"accuracy": valid if valid is not None else 0.5, "loss": 1.0}
        base = {"tfidf": {"accuracy": 0.7}, "majority": {"accuracy": 0.2}}
        metrics = {"task": "single", "train_seconds": 60.0, "valid": checked, "test": own, "baselines": base}
        runs.append(Measured(made, None if score is None else metrics, None if score is None else lr))
    return runs


@pytest.mark.once
def test_the_table_and_what_it_shows():
    comparison = compared(
        [
            *measured([0.80, 0.82, 0.81], "a"),
            *measured([0.85, 0.88, 0.86], "b", epochs=4),
            *measured([0.81, 0.80, 0.83], "c"),
            *measured([0.70, 0.73, 0.71], "d"),
            *measured([None, None, None], "e"),
        ],
        "accuracy",
        "test",
    )
    assert table(comparison).splitlines() == [
        "accuracy on the test rows, mean of 3 seeds",
        "recipe                  rate  epochs  accuracy  deviation  minus a       95 % interval    training",
        "a                      0.001       3    0.8100     0.0100                               1 min 00 s",
        "b                      0.001       4    0.8633     0.0153  +0.0533  +0.0390 to +0.0677  1 min 00 s",
        "c                      0.001       3    0.8133     0.0153  +0.0033  -0.0484 to +0.0550  1 min 00 s",
        "d                      0.001       3    0.7133     0.0153  -0.0967  -0.1110 to -0.0823  1 min 00 s",
        "e                                  3    failed",
        "TF-IDF + linear model                   0.7000",
        "majority                                0.2000",
        "b: better than a by 0.0533; the 95 % interval is +0.0390 to +0.0677",
        "c: no difference shown: the 95 % interval is -0.0484 to +0.0550, which holds 0",
        "d: worse than a by 0.0967; the 95 % interval is -0.1110 to -0.0823",
        "e: cannot be compared: the loss of e became infinite or no number at every rate tried; give smaller rates",
        *[f"note: {note}" for note in notes(comparison)],
    ]
    assert [note.split(";")[0].split(":")[0] for note in notes(comparison)] == [
        "the recipes differ in their epochs, and so in the time they take",
        "the intervals are of other seeds on these files",
        "there are 4 intervals",
    ]


@pytest.mark.once
def test_less_of_a_loss_is_better():
    runs = [*measured([0.5] * 3, "a"), *measured([0.5] * 3, "b")]
    for seed, one in enumerate(runs):
        one.metrics["test"]["loss"] = (0.5 if one.run.variant.name == "a" else 0.4) + 0.01 * (seed % 3) ** 2 * (
            seed > 3
        )
    comparison = compared(runs, "loss", "test")
    assert comparison.recipes[1].better is True
    assert verdicts(comparison)["b"].startswith("better than a by 0.0")


@pytest.mark.once
def test_every_way_in_which_nothing_is_shown():
    def said(first, second):
        return verdicts(compared([*measured(first, "a"), *measured(second, "b")], "accuracy", "test"))["b"]

    assert said([0.5], [0.9]).startswith("no difference shown: one seed does not tell a difference from noise")
    assert said([0.5, 0.6], [0.5, 0.6]) == "no difference shown: the same score as a on every seed"
    assert said([0.5, 0.6], [0.6, 0.7]).startswith("no difference shown: +0.1000 on every seed, which leaves the noise")
    assert said([None, 0.6], [0.6, 0.7]).startswith("cannot be compared: the loss of a became infinite")
    assert said([float("nan"), 0.6], [0.6, 0.7]) == "cannot be compared: the score of a is not defined on these rows"


@pytest.mark.once
def test_the_best_rate_by_validation_not_by_test():
    low, high = Rate(1e-4), Rate(1e-3)
    runs = [
        *measured([0.6, 0.6], "a", low, lr=1e-4, valid=0.9),
        *measured([0.9, 0.9], "a", high, lr=1e-3, valid=0.8),
        *measured([0.7, 0.7], "b", low, lr=1e-4, valid=0.8),
        *measured([None, 0.9], "b", high, lr=1e-3, valid=0.99),
        *measured([0.5, 0.5], "c", low, lr=1e-4, valid=0.8),
        *measured([0.6, 0.6], "c", high, lr=1e-3, valid=0.8),
    ]
    comparison = compared(runs, "accuracy", "test")
    assert [(one.rate, one.mean) for one in comparison.recipes] == [(1e-4, 0.6), (1e-4, 0.7), (1e-4, 0.5)]
    assert "each recipe has its best of 2 rates by the mean accuracy on validation rows" in notes(comparison)
