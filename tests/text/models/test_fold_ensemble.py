"""The ensemble of a cross-validation: the mean of its predictions, from the command line and from Python."""

import copy
import json
import pickle
import shutil

import folded_runs
import numpy as np
import pytest
import tiny
from folded_runs import FOLDS, probabilities, write_table
from run_files import read, table
from sklearn.metrics import f1_score
from stub_predictors import StubPredictor
from trained_runs import LABELS

from slanted.cli import main
from slanted.errors import InputError
from slanted.recipe.named import recipes
from slanted.text.estimators import TextClassifier, TextRegressor
from slanted.text.labels.examples import Examples
from slanted.text.labels.splits import Fold
from slanted.text.labels.targets import Target
from slanted.text.models.fold_ensemble import MemoryEnsemble, load_model
from slanted.text.models.text_model import TextModel
from slanted.text.settings import Settings

place, run = folded_runs.place, folded_runs.run

NUMBERS, FLAGS = Target("regression", ("price",)), Target("multilabel", ("a", "b"))


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
    recipe = recipes()["stlr"].with_settings(head_start="random")
    estimator = TextClassifier(place.model, recipe, **settings).fit(texts, labels)
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


@pytest.mark.slow
def test_several_labels_are_predicted_by_the_thresholds_of_their_fold(place):
    texts, answers = tiny.examples(44, ("alpha", "beta", "gamma"))
    rows = [(text, int(answer == "alpha"), int(answer != "gamma")) for text, answer in zip(texts, answers, strict=True)]
    data = write_table(place.folder / "several.csv", ("text", "one", "two"), rows)
    out, status = place.run("several", "--test", data, "--epochs", 1, data=data)
    assert status == 0
    each = np.array([read(out / f"fold_{number}" / "labels.json")["thresholds"] for number in FOLDS])
    np.testing.assert_allclose(read(out / "labels.json")["thresholds"], each.mean(axis=0))
    np.testing.assert_allclose(load_model(out).decision_thresholds, each.mean(axis=0))
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
def test_the_mean_is_of_all_models_and_out_of_fold_of_the_one_that_has_not_seen_the_row():
    fitted = MemoryEnsemble([StubPredictor(NUMBERS, shift=shift) for shift in (10.0, 20.0)], Settings(folds=2))
    np.testing.assert_array_equal(fitted.predict(["1", "2"], None), [[16.0], [17.0]])
    train = Examples(["1", "2", "3"], None, np.zeros((3, 1)))
    folds = [
        Fold(np.array([1]), np.array([], int), np.array([0, 2])),
        Fold(np.array([0]), np.array([2]), np.array([1])),
    ]
    predicted, thresholds = fitted.predict_out_of_fold(train, folds)
    np.testing.assert_array_equal(predicted, [[11.0], [22.0], [13.0]])
    np.testing.assert_array_equal(thresholds, np.full((3, 1), 0.5))


@pytest.mark.once
def test_thresholds_of_the_whole_are_means_and_of_a_row_those_of_its_model():
    each = np.array([[0.2, 0.4], [0.4, 0.8]])
    fitted = MemoryEnsemble([StubPredictor(FLAGS, thresholds=own) for own in each], Settings(folds=2))
    np.testing.assert_allclose(fitted.decision_thresholds, [0.3, 0.6])
    train = Examples(["0.1 0.9"] * 2, None, np.zeros((2, 2)))
    none = np.array([], int)
    folds = [Fold(np.array([0]), none, np.array([1])), Fold(np.array([1]), none, np.array([0]))]
    np.testing.assert_array_equal(fitted.predict_out_of_fold(train, folds)[1], each[::-1])


@pytest.mark.once
def test_saved_folds_have_a_folder_each_beside_the_labels_and_settings_of_the_whole(tmp_path):
    fitted = MemoryEnsemble([StubPredictor(NUMBERS, pairs=True) for _ in range(2)], Settings(folds=2, seed=5))
    fitted.save(tmp_path)
    assert {entry.name for entry in tmp_path.iterdir()} == {"fold_1", "fold_2", "labels.json", "recipe.json"}
    recipe = read(tmp_path / "recipe.json")
    assert (recipe["folds"], recipe["seed"], recipe["pairs"]) == (2, 5, True)
    assert read(tmp_path / "labels.json") == {"task": "regression", "labels": ["price"]}


def test_what_links_in_a_stranger_s_folds_lead_to_is_not_copied(run, tmp_path):
    secret = tmp_path / "id_rsa"
    secret.write_text("secret")
    stranger = shutil.copytree(run, tmp_path / "stranger")
    (stranger / "fold_1" / "assets").symlink_to(tmp_path)
    model = load_model(stranger)
    (tmp_path / "mine").mkdir()
    for copied in (lambda: model.save(tmp_path / "mine"), lambda: pickle.dumps(model)):
        with pytest.raises(InputError, match=r"fold_1/assets: is a link, which no run writes"):
            copied()
    assert not list((tmp_path / "mine").rglob("id_rsa"))
