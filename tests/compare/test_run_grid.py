"""The runs of a comparison: each is that of `slanted train`, on the rows of its seed; a damaged one is refused."""

import json
from pathlib import Path

import comparisons
import pytest
from run_files import read
from run_files import table as rows

from slanted.cli import main
from slanted.compare.run_grid import Runner
from slanted.text.training import train_run

SETTINGS_ALONE = "the settings of the run, and nothing else"
place, finished, untrained = comparisons.place, comparisons.finished, comparisons.untrained

UNSCORED = ("train_seconds", "examples_per_second", "expected_seconds", "run_seconds")


def untimed(path):
    metrics = read(path)
    del metrics["baselines"]["frozen_encoder"]["seconds"]
    return {name: value for name, value in metrics.items() if name not in UNSCORED}


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
    recipe, held = read(alone / "recipe.json"), read(run / "recipe.json")
    assert held.pop("artefacts").items() <= recipe.pop("artefacts").items()  # a comparison's run has no model
    assert recipe.pop("decided") == ["valid_share", *held.pop("decided")]  # which a comparison sets
    assert held == {name: value for name, value in recipe.items() if name != "sha256"}


def test_recipes_share_the_rows_of_a_seed_and_seeds_do_not(finished):
    def of(recipe, seed):
        return rows(finished / "runs" / f"{recipe}_lr0.01_seed{seed}" / "history.csv")

    first, second = of("constant", 0), of("stlr-layer_decay=0.5", 0)
    assert first[0]["loss"] == second[0]["loss"]  # before the first update: the same head, rows, order and dropout
    assert first[1]["loss"] != second[1]["loss"]
    assert first[0]["loss"] != of("constant", 1)[0]["loss"]


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
def test_a_column_of_parts_needs_no_share_and_is_one_split(place, untrained, monkeypatch):
    fitted, scores = [], {"tfidf": {"accuracy": 0.5}, "majority": {"accuracy": 0.5}}
    monkeypatch.setattr(train_run, "baselines_of", lambda *given: fitted.append(given[2].seed) or scores)
    rows = [f"{at},{'xy'[at % 2]},{part}\n" for at, part in enumerate(["train", "train", "valid", "valid", "test"] * 4)]
    (place.folder / "parts.csv").write_text("text,label,set\n" + "".join(rows))
    words = ["compare", str(place.folder / "parts.csv"), "--split", "set", *place.words[4:], "--seeds", "2"]
    words += ["--recipes", "constant,linear", "--epochs", "1"]
    for share in ("0", "0.1"):
        assert main([*words, "--valid-share", share, "--out", str(place.folder / share)]) == 0
    assert fitted == [0, 0]


@pytest.mark.once
def test_runs_of_given_epochs_are_not_taken_for_those_that_the_rows_decide(place, untrained, monkeypatch, capsys):
    small = ["--recipes", "constant,linear"]
    assert place.compare("given", options=[*small, "--epochs", "1"]) == 0
    small += ["--epochs", "auto"]
    assert place.compare("given", options=small) == 2
    assert "contains 'constant seed 0' with --epochs 1, not auto" in capsys.readouterr().err
    assert place.compare("decided", options=small) == 0
    untrained.clear()
    assert place.compare("decided", options=small) == 0 and untrained == []


@pytest.mark.once
def test_a_file_that_changes_between_two_seeds_is_refused(place, untrained, tmp_path, capsys):
    path = tmp_path / "train.csv"
    path.write_bytes(Path(place.train).read_bytes())
    train = Runner.train

    def train_and_change(self, run):
        train(self, run)
        path.write_text(path.read_text() + "one more,alpha\n")

    words = ["compare", str(path), "--out", str(tmp_path / "out"), "--recipes", "constant,linear", "--seeds", "2"]
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Runner, "train", train_and_change)
        assert main([*words, *place.words[2:]]) == 2
    rule = "was changed while it was read; give the command again once nobody writes to it"
    assert capsys.readouterr().err == f"error: {path}: {rule}\n"
    assert untrained == ["constant_seed0", "linear_seed0"]


@pytest.mark.once
def test_each_run_is_asked_to_compare_the_model_with_that_of_the_first(place, monkeypatch):
    asked, untrained = [], comparisons.without_training(monkeypatch)
    write = train_run.train_here
    monkeypatch.setattr(
        train_run, "train_here", lambda request, *_, **more: (asked.append(request), write(request, *_, **more))
    )
    assert place.compare("models", options=["--recipes", "constant,linear", "--seeds", "2"]) == 0
    expected = read(place.folder / "models" / "compare.json")["asked"]["sha256"]["model"]
    assert len(untrained) == 4 and [request.model_sums for request in asked] == [expected] * 4


@pytest.mark.once
@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("compare.json", "[]", "does not record what was compared; give another --out, or --overwrite to start again"),
        ("compare.json", "{}", "does not record what was compared; give another --out, or --overwrite to start again"),
        ("compare.json", None, "does not record what was compared; give another --out, or --overwrite to start again"),
        ("runs/linear_seed0/metrics.json", "{}", "does not say 'task' as a run's does"),
        ("runs/linear_seed0/metrics.json", '"x"', "holds no JSON object"),
        (
            "runs/linear_seed0/metrics.json",
            '{"task": "single", "train_seconds": 1.0, "baselines": {"tfidf": 1, "majority": {}}}',
            "has no scores of a run",
        ),
        ("runs/linear_seed0/recipe.json", '{"recipe": []}', "does not say 'recipe' as a run's does"),
        ("runs/linear_seed0/recipe.json", SETTINGS_ALONE, "does not say 'peak_rate' as a run's does"),
        ("runs/linear_seed0/history.csv", "step,loss\n0,1\n", "has no steps"),
        ("runs/linear_seed0/history.csv", "", "has no steps"),
        ("runs/linear_seed0.failed.json", SETTINGS_ALONE, "does not say 'failed' as a run's does"),
    ],
)
def test_a_damaged_file_is_an_error_of_one_line(place, untrained, capsys, name, content, message):
    small, out = ["--recipes", "constant,linear", "--seeds", "1"], place.folder / "damaged"
    if not out.exists():
        assert place.compare("damaged", options=small) == 0
    damaged = out / name
    before = damaged.read_bytes() if damaged.exists() else None
    held = read(out / "compare.json")
    saved = read(out / "runs" / "linear_seed0" / "recipe.json")
    alone = {name: value for name, value in saved.items() if name != "peak_rate"}
    damaged.write_text(
        {None: json.dumps({**held, "machine": {}}), SETTINGS_ALONE: json.dumps(alone)}.get(content, content)
    )
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


@pytest.mark.once
def test_a_run_without_a_setting_means_what_was_done_before_there_was_one(place, untrained, capsys):
    small, out = ["--recipes", "constant,linear", "--seeds", "1"], place.folder / "earlier"
    assert place.compare("earlier", options=small) == 0
    path = out / "runs" / "constant_seed0" / "recipe.json"
    saved = read(path)
    del saved["recipe"]["freeze"], saved["long"]
    path.write_text(json.dumps(saved))
    assert place.compare("earlier", options=small) == 0
    capsys.readouterr()
    assert place.compare("earlier", "--freeze", "head", options=small) == 2
    assert "contains 'constant seed 0' with --freeze none, not head; " in capsys.readouterr().err
