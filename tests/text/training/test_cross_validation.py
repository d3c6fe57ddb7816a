"""Cross-validations of the command line, on a model that trains in seconds."""

import shutil
import sys
from pathlib import Path

import folded_runs
import numpy as np
import pytest
import tiny
from folded_runs import FOLDS, OPTIONS, probabilities, write_table
from run_files import read, table
from trained_runs import LABELS

from slanted.cli import main
from slanted.errors import SettingError
from slanted.text.estimators import TextClassifier
from slanted.text.models.text_model import TextModel
from slanted.text.runs.starting_model import model_sums
from slanted.text.training import callbacks, cross_validation, run_length

place, run = folded_runs.place, folded_runs.run


def test_the_folder_holds_a_run_for_each_fold(run):
    own = {"fold_1", "fold_2", "recipe.json", "labels.json", "metrics.json", "out_of_fold.csv"}
    own |= {"report.html", "report.json", "README.md"}
    assert {entry.name for entry in run.iterdir()} == {*own, "predictions.csv"}
    assert read(run / "recipe.json")["folds"] == 2
    for number in FOLDS:
        fold = run / f"fold_{number}"
        needed = {"model", "tokenizer.json", "labels.json", "recipe.json", "history.csv", "metrics.json"}
        assert needed <= {entry.name for entry in fold.iterdir()}
        assert read(fold / "recipe.json")["folds"] == 0
        assert not any(entry.name.startswith(".") for entry in fold.iterdir())


def test_each_row_is_predicted_by_the_model_that_has_not_seen_it(run, place):
    rows, truth = table(run / "out_of_fold.csv"), table(place.train)
    assert list(rows[0]) == ["row", "fold", "prediction", "probability_alpha", "probability_beta"]
    assert [int(row["row"]) for row in rows] == list(range(44))
    found = probabilities(rows)
    assert [row["prediction"] for row in rows] == [LABELS[at] for at in found.argmax(axis=1)]
    seen = np.zeros(44, int)
    for number in FOLDS:
        held = probabilities(table(run / f"fold_{number}" / "predictions.csv"))
        every = TextModel.load(run / f"fold_{number}").predict([row["text"] for row in truth], None)
        mine = np.abs(every - found).max(axis=1) < 2e-6
        assert mine.sum() >= len(held) == 22
        assert mine[[row["fold"] == str(number) for row in rows]].all()
        np.testing.assert_allclose(every[mine][: len(held)].sum(axis=1), 1.0, rtol=1e-6)
        seen += mine
    assert (seen >= 1).all()


def test_python_refuses_validation_rows_beside_folds_and_too_few_rows(place):
    with pytest.raises(SettingError) as refused:
        TextClassifier(place.model, folds=2, precision="float32").fit(["a", "b"], ["x", "y"], valid=(["a"], ["x"]))
    rule = (
        "Argument `folds` must be 0 where `valid` is given: each fold has its own validation split. Received: folds=2"
    )
    assert str(refused.value).startswith(rule)
    with pytest.raises(SettingError) as refused:
        TextClassifier(place.model, folds=3, precision="float32").fit(["a", "b"], ["x", "y"])
    assert str(refused.value).startswith("Argument `folds` must be at most the 2 training rows, of 4 or more")


class Died(BaseException):
    """The process is gone, as far as the run can tell."""


@pytest.mark.parametrize("at", [8, pytest.param(3, marks=pytest.mark.slow)])
def test_a_run_that_died_goes_on_where_it_was(run, place, monkeypatch, at):
    steps = iter(range(10**6))

    def die(self, batch, logs=None):
        before(self, batch, logs)
        if next(steps) == at:
            raise Died

    before = callbacks.StepLog.on_train_batch_end
    with monkeypatch.context() as patched, pytest.raises(Died):
        patched.setattr(callbacks.StepLog, "on_train_batch_end", die)
        place.run(f"died {at}", "--test", place.test, "--checkpoint-steps", 1)
    out, status = place.run(f"died {at}", "--test", place.test, "--resume")
    assert status == 0 and not (out / ".checkpoints").exists()
    for name in ("out_of_fold.csv", "predictions.csv", "labels.json"):
        assert (out / name).read_bytes() == (run / name).read_bytes()
    for number in FOLDS:
        mine, other = out / f"fold_{number}", run / f"fold_{number}"
        assert (mine / "history.csv").read_bytes() == (other / "history.csv").read_bytes()
        pairs = zip(*[TextModel.load(one).classifier.get_weights() for one in (mine, other)], strict=True)
        assert all(np.array_equal(*pair) for pair in pairs)
    metrics, whole = read(out / "metrics.json"), read(run / "metrics.json")
    assert metrics["resumed_from_step"] == at
    for one in (metrics, whole):
        del one["baselines"]["frozen_encoder"]["seconds"]
    for name in ("mean", "deviation", "out_of_fold", "test", "baselines", "folds"):
        assert metrics[name] == whole[name]


@pytest.mark.once
def test_a_fold_whose_report_was_cut_short_gets_it(place, monkeypatch):
    def die(*arguments):
        raise Died

    with monkeypatch.context() as patched, pytest.raises(Died):
        patched.setattr("slanted.report.write_report.report_data", die)
        place.run("unreported", "--epochs", 1)
    out, status = place.run("unreported", "--epochs", 1, "--resume")
    assert status == 0 and read(out / "fold_1" / "metrics.json")["resumed_from_step"] is not None
    for number in FOLDS:
        names = {entry.name for entry in (out / f"fold_{number}").iterdir()}
        assert "report.html" in names and not [name for name in names if name.startswith(".")]


@pytest.mark.once
def test_a_model_that_changes_between_two_folds_is_refused(place, tmp_path, monkeypatch, capsys):
    model = shutil.copytree(place.model, tmp_path / "model")

    def change(request, *_):
        assert request.model_sums == model_sums(str(model))
        (model / "config.json").write_text((model / "config.json").read_text() + " ")
        train_fold(request, *_)

    train_fold = cross_validation.train_fold
    monkeypatch.setattr(cross_validation, "train_fold", change)
    _, status = place.run("changed", "--epochs", 1, "--model", model)
    problem = "a file in it was changed since the command began"
    assert status == 2
    assert (
        capsys.readouterr().err
        == f"error: --model {model}: {problem}; give the command again once nobody writes to it\n"
    )


@pytest.mark.once
def test_a_run_that_died_is_not_taken_for_another(place, monkeypatch, capsys):
    def predict(*arguments):
        raise Died

    with monkeypatch.context() as patched, pytest.raises(Died):
        patched.setattr(cross_validation, "_predict_out_of_fold", predict)
        place.run("half", "--epochs", 1)
    capsys.readouterr()
    out, status = place.run("half", "--epochs", 1)
    assert status == 2
    remedy = "add --resume to continue it, or --overwrite to start again"
    assert capsys.readouterr().err == f"error: --out {out}: contains an unfinished run, saved at fold 2; {remedy}\n"
    _, status = place.run("half", "--epochs", 1, "--seed", 1, "--resume")
    assert status == 2 and "--seed 0, not 1" in capsys.readouterr().err
    trained = []
    with monkeypatch.context() as patched:
        patched.setattr(cross_validation, "train_here", lambda *arguments, **more: trained.append(arguments))
        _, status = place.run("half", "--epochs", 1, "--resume")
    assert status == 0 and not trained
    assert read(out / "metrics.json")["resumed_from_step"] == read(out / "metrics.json")["total_steps"]
    capsys.readouterr()
    _, status = place.run("half", "--epochs", 1, "--resume")
    assert status == 0
    assert "2 folds, mean ± deviation: accuracy " in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.once
def test_another_run_takes_the_place_of_all_folds(run, place):
    taken = shutil.copytree(run, place.folder / "taken")
    _, status = place.run("taken", "--overwrite", "--folds", 0, "--epochs", 1)
    assert status == 0
    assert not [entry.name for entry in taken.iterdir() if entry.name.startswith(("fold_", "out_of"))]


@pytest.mark.slow
@pytest.mark.once
def test_its_recipe_repeats_it(run, place, tiny_model):
    again = place.folder / "again"
    options = ["--recipe", str(run / "recipe.json"), "--test", place.test]
    assert main(["train", place.train, "--out", str(again), *options]) == 0
    for name in ("out_of_fold.csv", "predictions.csv"):
        assert (again / name).read_bytes() == (run / name).read_bytes()


@pytest.mark.once
def test_a_plan_is_that_of_the_first_fold(run, place, tiny_model, capsys):
    assert main(["plan", place.train, "--model", tiny_model, *OPTIONS]) == 0
    printed = capsys.readouterr().out
    assert "folds: 2 runs; the following lines are about the first\n" in printed
    steps = read(run / "fold_1" / "metrics.json")["total_steps"]
    assert f"plan: stlr: {steps} steps" in printed


@pytest.mark.once
def test_rows_keep_their_numbers_where_bad_ones_are_left_out(place):
    """They go on from one file to the next."""
    texts, answers = tiny.examples(44, LABELS)
    rows = list(zip(texts, answers, strict=True))
    bad = {2: ("", "alpha"), 3: ("ragged",), 27: ("no label", "")}
    for at in sorted(bad):
        rows.insert(at, bad[at])
    first = write_table(place.folder / "first.csv", ("text", "label"), rows[:21])
    second = write_table(place.folder / "second.csv", ("text", "label"), rows[21:])
    out = place.folder / "skipped"
    options = ["--model", str(place.model), *OPTIONS, "--epochs", "1", "--bad-rows", "skip"]
    assert main(["train", first, second, "--out", str(out), *options]) == 0
    predicted = table(out / "out_of_fold.csv")
    assert [int(row["row"]) for row in predicted] == [at for at in range(47) if at not in bad]
    assert len(table(out / "bad_rows.csv")) == 3


@pytest.mark.once
def test_a_kill_as_the_folds_take_their_place_loses_none(place, monkeypatch):
    """Signals that come while the run is swapped in, and while that is undone."""
    rename, moves = Path.rename, []

    def die(path, destination):
        if path.name in ("fold_2", "fold_1", "metrics.json") and path.parent.name == ".checkpoints":
            moves.append(path.name)
        if moves[-1:] == ["fold_2"]:
            raise Died
        return rename(path, destination)

    with monkeypatch.context() as patched, pytest.raises(Died):
        patched.setattr(Path, "rename", die)
        place.run("swapped", "--epochs", 1)
    out = place.folder / "swapped"
    assert moves == ["metrics.json", "fold_1", "fold_2"]
    assert (out / ".checkpoints" / "fold_2").is_dir() and (out / "fold_1").is_dir()
    with monkeypatch.context() as patched:
        patched.setattr(cross_validation, "train_here", None)
        _, status = place.run("swapped", "--epochs", 1, "--resume")
    assert status == 0
    names = {entry.name for entry in out.iterdir()}
    made = {"recipe.json", "labels.json", "metrics.json", "out_of_fold.csv", "report.html", "report.json"}
    made |= {"README.md"}
    assert names == {"fold_1", "fold_2", *made}
    assert main(["evaluate", str(out), place.test]) == 0


@pytest.mark.once
def test_the_first_fold_decides_for_all_also_of_rows_that_can_be_read_once(place, tmp_path, monkeypatch):
    monkeypatch.setattr(run_length, "STEPS", 12)
    out, options = tmp_path / "piped", [word if word != "2" else "auto" for word in OPTIONS[:-2]]
    with open(place.train) as rows:
        monkeypatch.setattr(sys, "stdin", rows)
        assert main(["train", "-", "--out", str(out), "--model", place.model, *options, "--folds", "2"]) == 0
    recipes = [read(folder / "recipe.json") for folder in (out, *(out / f"fold_{number}" for number in FOLDS))]
    assert [(one["recipe"]["epochs"], one["valid_share"], one["pooling"]) for one in recipes] == [(4, 0.1, "cls")] * 3
