"""Cross-validations of the command line, on a model that trains in seconds."""

import copy
import csv
import gc
import json
import pickle
import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import tiny
from sklearn.metrics import accuracy_score, f1_score

from slanted.cli import main
from slanted.errors import SettingError
from slanted.text.estimators import TextClassifier, TextRegressor
from slanted.text.models.fold_ensemble import load_model
from slanted.text.models.text_model import TextModel
from slanted.text.runs import run_folder
from slanted.text.training import callbacks, cross_validation

LABELS = ("alpha", "beta")
FOLDS = (1, 2)
OPTIONS = ["--lr", "0.01", "--batch-size", "8", "--max-tokens", "16", "--precision", "float32", "--recipe", "stlr"]
OPTIONS += ["--epochs", "2", "--folds", "2"]


@pytest.fixture(scope="module")
def place(tmp_path_factory, tiny_model):
    """A folder with data, and how to train there."""
    folder = tmp_path_factory.mktemp("folds")
    files = SimpleNamespace(
        folder=folder,
        model=tiny_model,
        train=tiny.write_rows(folder / "train.csv", *tiny.examples(44, LABELS)),
        test=tiny.write_rows(folder / "test.csv", *tiny.examples(16, LABELS, seed=5)),
    )

    def train(name, *more, data=None):
        out = folder / name
        command = ["train", data or files.train, "--out", str(out), "--model", tiny_model, *OPTIONS, *map(str, more)]
        return out, main(command)

    files.run = train
    return files


@pytest.fixture(scope="module")
def run(place):
    out, status = place.run("run", "--test", place.test)
    assert status == 0
    return out


def table(path):
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def read(path):
    return json.loads(path.read_text(encoding="utf-8"))


def probabilities(rows):
    return np.array([[float(row[f"probability_{label}"]) for label in LABELS] for row in rows])


def test_the_folder_holds_a_run_for_each_fold(run):
    own = {"fold_1", "fold_2", "recipe.json", "labels.json", "metrics.json", "out_of_fold.csv"}
    own |= {"report.html", "report.json"}
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
    assert list(rows[0]) == ["row", "prediction", "probability_alpha", "probability_beta"]
    assert [int(row["row"]) for row in rows] == list(range(44))
    found = probabilities(rows)
    assert [row["prediction"] for row in rows] == [LABELS[at] for at in found.argmax(axis=1)]
    seen = np.zeros(44, int)
    for number in FOLDS:
        held = probabilities(table(run / f"fold_{number}" / "predictions.csv"))
        every = TextModel.load(run / f"fold_{number}").predict([row["text"] for row in truth], None)
        mine = np.abs(every - found).max(axis=1) < 2e-6
        assert mine.sum() >= len(held) == 22
        np.testing.assert_allclose(every[mine][: len(held)].sum(axis=1), 1.0, rtol=1e-6)
        seen += mine
    assert (seen >= 1).all()


def test_the_scores_are_those_of_the_predictions(run, place):
    metrics, truth = read(run / "metrics.json"), [row["label"] for row in table(place.train)]
    predicted = [row["prediction"] for row in table(run / "out_of_fold.csv")]
    assert metrics["out_of_fold"]["accuracy"] == accuracy_score(truth, predicted)
    assert metrics["out_of_fold"]["macro_f1"] == pytest.approx(f1_score(truth, predicted, average="macro"))
    each = [read(run / f"fold_{number}" / "metrics.json") for number in FOLDS]
    accuracy = [one["test"]["accuracy"] for one in each]
    assert metrics["mean"]["accuracy"] == pytest.approx(np.mean(accuracy))
    assert metrics["deviation"]["accuracy"] == pytest.approx(np.std(accuracy, ddof=1))
    assert [fold["accuracy"] for fold in metrics["folds"]] == accuracy
    assert metrics["mean"].keys() == metrics["deviation"].keys() >= {"loss", "macro_f1", "roc_auc", "ece", "matthews"}
    assert [one["examples"] for one in each] == [20, 20]
    facts = {"task": "single", "examples": 44, "total_steps": sum(one["total_steps"] for one in each)}
    assert metrics.items() >= {**facts, "seed": 0, "resumed_from_step": None}.items()
    assert metrics["baselines"]["majority"]["accuracy"] == 0.5 and "tfidf" in metrics["baselines"]


@pytest.mark.slow
def test_without_a_test_file_the_baselines_are_means_over_the_folds(place):
    out, status = place.run("untested", "--epochs", 1, "--valid-share", 0)
    metrics = read(out / "metrics.json")
    each = [read(out / f"fold_{number}" / "metrics.json")["baselines"] for number in FOLDS]
    assert status == 0 and "test" not in metrics and not (out / "predictions.csv").exists()
    for name in ("majority", "tfidf"):
        assert metrics["baselines"][name]["macro_f1"] == pytest.approx(np.mean([one[name]["macro_f1"] for one in each]))
    assert [read(out / f"fold_{number}" / "metrics.json")["examples"] for number in FOLDS] == [22, 22]


def test_the_test_rows_are_predicted_by_the_mean_of_all(run, place, tmp_path, capsys):
    texts = [row["text"] for row in table(place.test)]
    each = [TextModel.load(run / f"fold_{number}").predict(texts, None) for number in FOLDS]
    found = probabilities(table(run / "predictions.csv"))
    np.testing.assert_allclose(found, np.mean(each, axis=0), atol=1e-6)
    assert main(["predict", str(run), place.test, "--out", str(tmp_path / "p.csv")]) == 0
    assert (tmp_path / "p.csv").read_bytes() == (run / "predictions.csv").read_bytes()
    capsys.readouterr()
    assert main(["evaluate", str(run), place.test, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == read(run / "metrics.json")["test"]


def test_python_loads_all_folds_as_one_and_saves_them(run, place, tmp_path):
    loaded = TextClassifier.load(run)
    texts = [row["text"] for row in table(place.test)]
    found = loaded.predict_proba(texts)
    np.testing.assert_allclose(found, probabilities(table(run / "predictions.csv")), atol=1e-6)
    loaded.save(tmp_path / "copy")
    np.testing.assert_array_equal(TextClassifier.load(tmp_path / "copy").predict_proba(texts), found)
    assert TextClassifier.load(run / "fold_1").predict_proba(texts).shape == (16, 2)


def test_python_trains_folds_as_the_command_does(run, place, tmp_path):
    rows = table(place.train)
    texts, labels = [row["text"] for row in rows], [row["label"] for row in rows]
    settings = {"lr": 0.01, "batch_size": 8, "max_tokens": 16, "precision": "float32", "epochs": 2, "folds": 2}
    estimator = TextClassifier(place.model, **settings).fit(texts, labels)
    np.testing.assert_allclose(estimator.out_of_fold_, probabilities(table(run / "out_of_fold.csv")), atol=1e-5)
    new = [row["text"] for row in table(place.test)]
    found = estimator.predict_proba(new)
    np.testing.assert_allclose(found, probabilities(table(run / "predictions.csv")), atol=1e-5)
    assert [len(history.epochs) for history in estimator.history_] == [2, 2]
    estimator.save(tmp_path / "saved")
    loaded = TextClassifier.load(tmp_path / "saved")
    assert loaded.folds == 2 and loaded.pairs_ is False
    for same in (loaded, pickle.loads(pickle.dumps(estimator))):
        np.testing.assert_allclose(same.predict_proba(new), found, atol=1e-6)
    assert main(["predict", str(tmp_path / "saved"), place.test, "--out", str(tmp_path / "p.csv")]) == 0
    np.testing.assert_allclose(probabilities(table(tmp_path / "p.csv")), found, atol=1e-6)


def test_python_gives_out_of_fold_numbers_and_the_folds_mean_thresholds(place):
    texts, labels = tiny.examples(40, LABELS)
    settings = {"lr": 0.01, "batch_size": 8, "max_tokens": 16, "precision": "float32", "epochs": 1, "folds": 2}
    numbers = [float(len(text)) for text in texts]
    regressor = TextRegressor(place.model, **settings).fit(texts, numbers)
    assert regressor.out_of_fold_.shape == (40,) and regressor.predict(texts).shape == (40,)
    assert not hasattr(copy.copy(regressor).set_params(folds=0).fit(texts, numbers), "out_of_fold_")
    assert abs(regressor.out_of_fold_.mean() - np.mean(numbers)) < np.std(numbers)  # in the units of the numbers
    several = np.array([[label == "alpha", at % 3 == 0] for at, label in enumerate(labels)], dtype=int)
    classifier = TextClassifier(place.model, **settings).fit(texts, several)
    each = [model.thresholds for model in classifier.model_.models()]
    np.testing.assert_allclose(classifier.thresholds_, np.mean(each, axis=0))
    np.testing.assert_array_equal(classifier.predict(texts), classifier.predict_proba(texts) >= classifier.thresholds_)


def test_python_refuses_validation_rows_beside_folds_and_too_few_rows(place):
    with pytest.raises(SettingError) as refused:
        TextClassifier(place.model, folds=2, precision="float32").fit(["a", "b"], ["x", "y"], valid=(["a"], ["x"]))
    rule = "Argument `folds` must be 0 where `valid` is given: each fold holds out its own rows. Received: folds=2"
    assert str(refused.value).startswith(rule)
    with pytest.raises(SettingError) as refused:
        TextClassifier(place.model, folds=3, precision="float32").fit(["a", "b"], ["x", "y"])
    assert str(refused.value).startswith("Argument `folds` must be at most the 2 training rows, of 4 or more")


def test_all_folds_are_pickled_as_their_files_and_outlive_their_folder(run, place, tmp_path):
    moved = shutil.copytree(run, tmp_path / "moved")
    estimator = TextClassifier.load(moved)
    texts = [row["text"] for row in table(place.test)]
    found, kept = estimator.predict_proba(texts), pickle.dumps(estimator)
    shutil.rmtree(moved)
    again = pickle.loads(kept)
    np.testing.assert_array_equal(again.predict_proba(texts), found)
    np.testing.assert_array_equal(copy.deepcopy(again).predict_proba(texts), found)
    folder = again.model_.folders[0].parent
    assert folder.is_dir()
    del again
    gc.collect()
    assert not folder.exists()


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
def test_a_run_that_died_is_not_taken_for_another(place, monkeypatch, capsys):
    def predict(*arguments):
        raise Died

    with monkeypatch.context() as patched, pytest.raises(Died):
        patched.setattr(cross_validation, "_predict_held_rows", predict)
        place.run("half", "--epochs", 1)
    capsys.readouterr()
    out, status = place.run("half", "--epochs", 1)
    assert status == 2
    remedy = "add --resume to go on with it, or --overwrite to start again"
    assert capsys.readouterr().err == f"error: --out {out}: holds a run that has come to fold 2; {remedy}\n"
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
def test_folds_of_different_runs_are_refused(run, place, capsys):
    mixed = shutil.copytree(run, place.folder / "mixed")
    (mixed / "fold_2" / "labels.json").write_text('{"task": "single", "labels": ["x", "y"]}')
    assert main(["evaluate", str(mixed), place.test]) == 2
    found = f"{mixed}/fold_2/labels.json: names other labels than fold_1; restore the file or train again"
    assert capsys.readouterr().err == f"error: {found}\n"
    shutil.rmtree(mixed / "fold_2")
    assert main(["evaluate", str(mixed), place.test]) == 2
    message = f"error: {mixed}/fold_2: is not a finished run, recipe.json is missing; train one first\n"
    assert capsys.readouterr().err == message


@pytest.mark.once
def test_a_plan_is_that_of_the_first_fold(run, place, tiny_model, capsys):
    assert main(["plan", place.train, "--model", tiny_model, *OPTIONS]) == 0
    printed = capsys.readouterr().out
    assert "folds: 2 runs; what follows is of the first\n" in printed
    steps = read(run / "fold_1" / "metrics.json")["total_steps"]
    assert f"plan: stlr: {steps} steps" in printed


def write_table(path, header, rows):
    with open(path, "w", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return str(path)


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
    assert names == {"fold_1", "fold_2", *made}
    assert main(["evaluate", str(out), place.test]) == 0


@pytest.mark.slow
def test_several_labels_are_predicted_by_the_thresholds_of_their_fold(place):
    texts, answers = tiny.examples(44, ("alpha", "beta", "gamma"))
    rows = [(text, int(answer == "alpha"), int(answer != "gamma")) for text, answer in zip(texts, answers, strict=True)]
    data = write_table(place.folder / "several.csv", ("text", "one", "two"), rows)
    out, status = place.run("several", "--test", data, "--epochs", 1, data=data)
    assert status == 0
    each = np.array([read(out / f"fold_{number}" / "labels.json")["thresholds"] for number in FOLDS])
    np.testing.assert_allclose(read(out / "labels.json")["thresholds"], each.mean(axis=0))
    np.testing.assert_allclose(load_model(out).cuts, each.mean(axis=0))
    held = [table(out / f"fold_{number}" / "predictions.csv") for number in FOLDS]
    found = [[row["prediction_one"], row["probability_one"]] for rows in held for row in rows]
    assert sorted(found) == sorted(
        [row["prediction_one"], row["probability_one"]] for row in table(out / "out_of_fold.csv")
    )
    truth = np.array([row[1:] for row in rows])
    predicted = [[int(row["prediction_one"]), int(row["prediction_two"])] for row in table(out / "out_of_fold.csv")]
    reached = f1_score(truth, predicted, average="micro")
    assert read(out / "metrics.json")["out_of_fold"]["micro_f1"] == pytest.approx(reached)
    a_third = read(out / "metrics.json")["baselines"]["majority"]["per_class"]["one"]
    assert a_third["recall"] == 1.0  # its share is below 0.5: the folds' validation rows chose its threshold


@pytest.mark.slow
def test_numbers_are_averaged_in_their_units(place):
    texts, answers = tiny.examples(44, LABELS)
    numbers = [1000.5 if answer == "alpha" else 3000.5 for answer in answers]
    data = write_table(place.folder / "numbers.csv", ("text", "label"), zip(texts, numbers, strict=True))
    out, status = place.run("numbers", "--test", data, data=data)
    assert status == 0
    each = [TextModel.load(out / f"fold_{number}").predict(texts, None)[:, 0] for number in FOLDS]
    found = [float(row["prediction"]) for row in table(out / "predictions.csv")]
    np.testing.assert_allclose(found, np.mean(each, axis=0), rtol=1e-6)
    np.testing.assert_allclose(TextRegressor.load(out).predict(texts), found, rtol=1e-6)
    metrics = read(out / "metrics.json")
    held = [float(row["prediction"]) for row in table(out / "out_of_fold.csv")]
    assert metrics["out_of_fold"]["mae"] == pytest.approx(np.abs(np.array(held) - numbers).mean(), rel=1e-5)
    assert metrics["mean"].keys() >= {"mae", "rmse"}


@pytest.mark.once
def test_names_of_folds():
    names = ["fold_1", "fold_10", "fold_0", "fold_", "fold_1x", "model", "fold_01"]
    assert [name for name in names if run_folder.is_ours(name)] == ["fold_1", "fold_10", "model"]
