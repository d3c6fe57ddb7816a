"""Runs and cross-validations whose probabilities are calibrated: what their files say, and what a kill leaves."""

import json
import shutil

import keras_hub
import numpy as np
import pytest
import tiny
from run_files import read, table
from trained_runs import LABELS, OPTIONS, Place

from slanted.cli import main
from slanted.text.estimators import TextClassifier
from slanted.text.models.fold_ensemble import load_model
from slanted.text.scoring import calibration
from slanted.text.training import cross_validation

MORE = ["--epochs", "2"]


@pytest.fixture(scope="module")
def place(tmp_path_factory, tiny_model):
    """A folder with data, and how to train there."""
    made = Place(tmp_path_factory.mktemp("calibrated") / "runs", tiny_model, [*OPTIONS, *MORE])
    made.train = tiny.write_rows(made.folder / "train.csv", *tiny.examples(120, LABELS))
    return made


@pytest.fixture(scope="module")
def run(place):
    """A run that is calibrated on its 60 validation rows."""
    out, status = place.run("run", "--valid-share", 0.5, "--test", place.test)
    assert status == 0
    return out


@pytest.fixture(scope="module")
def folds(place):
    """A cross-validation that is calibrated."""
    out, status = place.run("folds", "--folds", 2, "--test", place.test)
    assert status == 0
    return out


def probabilities(path):
    """Return the probabilities of a file of predictions, (n, labels)."""
    return np.array([[float(row[f"probability_{label}"]) for label in LABELS] for row in table(path)])


def test_the_calibrated_model_is_the_other_one_with_its_last_layer_divided_by_the_temperature(run, place):
    plain, status = place.run("plain", "--valid-share", 0.5, "--test", place.test, "--calibrate", "none")
    assert status == 0 and "calibration" not in read(plain / "metrics.json")
    how, metrics = read(run / "recipe.json")["calibration"], read(run / "metrics.json")
    assert metrics["calibration"] == how and how["rows"] == 60 and how["source"] == calibration.FROM_VALID
    assert abs(np.log(how["temperature"])) > 0.01
    weights, divided = (load_model(out).classifier.get_weights() for out in (plain, run))
    for before, after in zip(weights[:-2], divided[:-2], strict=True):
        np.testing.assert_array_equal(before, after)
    for before, after in zip(weights[-2:], divided[-2:], strict=True):
        np.testing.assert_allclose(before / how["temperature"], after, rtol=1e-6)
    before, after = (probabilities(out / "predictions.csv") for out in (plain, run))
    np.testing.assert_allclose(calibration.tempered("single", before, how["temperature"]), after, atol=2e-6)
    predicted = [[row["prediction"] for row in table(out / "predictions.csv")] for out in (plain, run)]
    assert predicted[0] == predicted[1]
    for part in ("valid", "test"):
        scores = read(plain / "metrics.json")[part]
        assert scores["ece_uncalibrated"] == scores["ece"]
        assert metrics[part]["ece_uncalibrated"] == pytest.approx(scores["ece"], abs=1e-5)
        assert metrics[part]["accuracy"] == scores["accuracy"]


def test_plain_keras_hub_is_calibrated_too(run, place):
    classifier = keras_hub.models.TextClassifier.from_preset(str(run / "model"))
    outputs = np.asarray(classifier.predict([row["text"] for row in table(place.test)], verbose=0), "float64")
    powers = np.exp(outputs - outputs.max(axis=1, keepdims=True))
    found = powers / powers.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(found, probabilities(run / "predictions.csv"), atol=1e-5)


def test_a_loaded_model_scores_the_same(run, place, capsys):
    assert main(["evaluate", str(run), place.test, "--json"]) == 0
    scores, before = json.loads(capsys.readouterr().out), read(run / "metrics.json")["test"]
    assert scores.pop("per_class") == before.pop("per_class")
    assert scores == pytest.approx(before, abs=1e-6)


def test_the_report_shows_both_curves(run, folds):
    for out, source in ((run, calibration.FROM_VALID), (folds, calibration.FROM_FOLDS)):
        quality = read(out / "report.json")["quality"]
        assert quality["uncalibrated"] != quality["calibration"]
        assert "The gray line shows the probabilities before calibration" in (out / "report.html").read_text()
        assert source in (out / "report.html").read_text()


def test_all_folds_have_one_temperature_of_all_rows_that_they_held_out(folds, place):
    how = read(folds / "recipe.json")["calibration"]
    assert how["rows"] == 120 and how["source"] == calibration.FROM_FOLDS
    held_out = table(folds / "out_of_fold.csv")
    for number in (1, 2):
        fold = folds / f"fold_{number}"
        assert read(fold / "recipe.json")["calibration"] == how == read(fold / "metrics.json")["calibration"]
        rows = [at for at, row in enumerate(held_out) if row["fold"] == str(number)]
        found = probabilities(folds / "out_of_fold.csv")[rows]
        np.testing.assert_allclose(found, probabilities(fold / "predictions.csv"), atol=2e-6)
        error = read(fold / "metrics.json")["test"]["ece"]
        y = np.array([LABELS.index(row["label"]) for row in table(place.train)])[rows]
        assert calibration.tempered("single", found, 1.0) == pytest.approx(found)
        hits = found.argmax(axis=1) == y
        assert np.mean(hits) == pytest.approx(read(fold / "metrics.json")["test"]["accuracy"])
        assert read(fold / "report.json")["quality"]["calibration"] and error >= 0.0
    predicted = load_model(folds).predict([row["text"] for row in table(place.test)], None)
    np.testing.assert_allclose(predicted, probabilities(folds / "predictions.csv"), atol=2e-6)


class Died(BaseException):
    """The process is gone, as far as the run can tell."""


def test_a_process_that_died_between_two_folds_calibrates_the_others_alike(folds, place, monkeypatch):
    original, done = cross_validation._calibrate_fold, []

    def dying(folder, *others):
        if done:
            raise Died
        original(folder, *others)
        done.append(folder)

    monkeypatch.setattr(cross_validation, "_calibrate_fold", dying)
    words = ("--folds", 2, "--test", place.test)
    with pytest.raises(Died):
        place.run("dying", *words)
    monkeypatch.setattr(cross_validation, "_calibrate_fold", original)
    out, status = place.run("dying", *words, "--resume")
    assert status == 0
    assert read(out / "recipe.json")["calibration"] == read(folds / "recipe.json")["calibration"]
    for name in ("out_of_fold.csv", "predictions.csv", "fold_1/predictions.csv", "fold_2/predictions.csv"):
        assert (folds / name).read_bytes() == (out / name).read_bytes(), name
    shutil.rmtree(out)


def test_decisions_on_several_labels_stay_and_a_model_is_calibrated_once(run):
    model = load_model(run)
    model.calibration, model.thresholds = None, np.array([0.3, 0.5])
    how = calibration.Calibration(2.0, 60, calibration.FROM_VALID)
    model.calibrate(how)
    expected = calibration.tempered("multilabel", np.array([0.3, 0.5]), 2.0)
    np.testing.assert_allclose(model.thresholds, expected)
    with pytest.raises(ValueError, match="calibrated already"):
        model.calibrate(how)


def test_a_second_model_gives_the_temperature_where_all_rows_are_learnt(place, monkeypatch):
    for name in ("LEAST_TO_SPLIT", "LEAST_ROWS"):
        monkeypatch.setattr(calibration, name, 20)
    words = ("--test", place.test, "--valid-share", 0)
    out, status = place.run("second", *words)
    plain, other = place.run("first", *words, "--calibrate", "none")
    assert status == other == 0
    how = read(out / "recipe.json")["calibration"]
    assert how["rows"] == 24 and how["source"] == calibration.FROM_SPLIT
    before, after = (probabilities(folder / "predictions.csv") for folder in (plain, out))
    np.testing.assert_allclose(calibration.tempered("single", before, how["temperature"]), after, atol=2e-6)
    assert read(out / "metrics.json")["examples"] == 120


def test_python_calibrates_folds_together(place):
    texts, labels = tiny.examples(80, LABELS)
    options = {"lr": 0.01, "batch_size": 8, "max_tokens": 16, "precision": "float32", "epochs": 1, "folds": 2}
    fitted = {how: TextClassifier(place.model, calibrate=how, **options).fit(texts, labels) for how in ("auto", "none")}
    how = fitted["auto"].model_.calibration
    assert how.rows == 80 and fitted["none"].model_.calibration is None
    expected = calibration.tempered("single", fitted["none"].out_of_fold_, how.temperature)
    np.testing.assert_allclose(fitted["auto"].out_of_fold_, expected, atol=2e-6)
