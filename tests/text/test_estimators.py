"""What TextClassifier and TextRegressor predict: classes in their type, several labels, numbers in their units."""

import csv
import json
import random

import keras
import numpy as np
import pytest
import tiny
from estimator_data import ANSWERS, LABELS, NEW, SMALL, TEXTS
from run_files import drop_sums
from sklearn.metrics import f1_score

from slanted import TextClassifier, TextRegressor
from slanted.cli import main
from slanted.errors import InputError
from slanted.text.scoring.thresholds import best_thresholds


def test_integers_come_back_as_integers_in_numerical_order(integers):
    assert integers.classes_.tolist() == [3, 20] and integers.classes_.dtype.kind == "i"
    predicted = integers.predict(NEW)
    assert predicted.dtype.kind == "i" and predicted.shape == (16,)
    assert integers.score(NEW, ANSWERS) == np.mean(predicted == ANSWERS)


def test_probabilities(integers):
    probabilities = integers.predict_proba(NEW)
    assert probabilities.shape == (16, 2) and probabilities.dtype == np.float64
    np.testing.assert_allclose(probabilities.sum(axis=1), 1.0, rtol=1e-12)
    np.testing.assert_array_equal(integers.classes_[probabilities.argmax(axis=1)], integers.predict(NEW))


@pytest.mark.parametrize("labels", [["no", "yes"], [False, True]])
def test_labels_of_json_keep_their_type(integers, tmp_path, labels):
    integers.save(tmp_path / "run")
    drop_sums(tmp_path / "run")
    (tmp_path / "run" / "labels.json").write_text(json.dumps({"task": "single", "labels": labels}))
    predicted = TextClassifier.load(tmp_path / "run").predict(NEW).tolist()
    assert predicted == [labels[[3, 20].index(label)] for label in integers.predict(NEW)]
    assert {type(label) for label in predicted} == {type(labels[0])}


def test_pairs_of_texts_and_booleans(tiny_model):
    pairs = np.array(list(zip(TEXTS, reversed(TEXTS), strict=True)), dtype=object)[:40]
    labels = np.array(LABELS[:40], dtype=object) == 20
    single = TextClassifier(tiny_model, epochs=1, valid_share=0.0, **SMALL).fit(pairs, labels)
    predicted = single.predict(pairs[:5])
    assert predicted.dtype == bool and predicted.shape == (5,)
    assert single.history_.epochs == []
    swapped = single.predict_proba(pairs[:, ::-1][:5])
    assert not np.array_equal(swapped, single.predict_proba(pairs[:5]))
    with pytest.raises(
        InputError, match="texts are single texts, but fit was given pairs of texts; give pairs of texts"
    ):
        single.predict(TEXTS[:5])


def test_several_labels(tiny_model, tmp_path):
    labels = np.array([[label == 3, True] for label in LABELS], dtype=int)
    labels[:4, 1] = 0
    several = TextClassifier(tiny_model, epochs=2, **SMALL).fit(TEXTS, labels)
    predicted, probabilities = several.predict(NEW), several.predict_proba(NEW)
    assert predicted.shape == probabilities.shape == (16, 2)
    np.testing.assert_array_equal(predicted, probabilities >= several.thresholds_)
    several.save(tmp_path / "run")
    np.testing.assert_array_equal(TextClassifier.load(tmp_path / "run").predict(NEW), predicted)


def test_thresholds_are_those_of_the_validation_rows_and_used_everywhere(tiny_model, tmp_path, capsys):
    truth = np.array([[label == 3, at % 5 == 0] for at, label in enumerate(ANSWERS)], dtype=int)
    labels = np.array([[label == 3, at % 5 == 0] for at, label in enumerate(LABELS)], dtype=int)
    several = TextClassifier(tiny_model, epochs=1, **SMALL).fit(TEXTS, labels, valid=(NEW, truth))
    probabilities = several.predict_proba(NEW)
    np.testing.assert_allclose(several.thresholds_, best_thresholds(truth, probabilities), rtol=1e-6)
    assert several.thresholds_[1] < 0.5  # 3 of 16 rows: no probability comes near a half
    several.save(tmp_path / "run")
    saved = json.loads((tmp_path / "run" / "labels.json").read_text())
    assert saved == {"task": "multilabel", "labels": ["0", "1"], "thresholds": several.thresholds_.tolist()}
    rows = [("text", "0", "1"), *((text, *row) for text, row in zip(NEW, truth.tolist(), strict=True))]
    with open(tmp_path / "t.csv", "w", newline="") as file:
        csv.writer(file).writerows(rows)
    run, data = str(tmp_path / "run"), str(tmp_path / "t.csv")
    assert main(["evaluate", run, data, "--json"]) == 0
    scores = json.loads(capsys.readouterr().out)
    assert scores["micro_f1"] == pytest.approx(f1_score(truth, several.predict(NEW), average="micro"))
    assert scores["macro_f1"] > f1_score(truth, probabilities >= 0.5, average="macro", zero_division=0)
    assert main(["predict", run, data, "--out", str(tmp_path / "p.csv")]) == 0
    with open(tmp_path / "p.csv", newline="") as file:
        found = [[int(row["prediction_0"]), int(row["prediction_1"])] for row in csv.DictReader(file)]
    assert found == several.predict(NEW).tolist()
    unheld = TextClassifier(tiny_model, epochs=1, **{**SMALL, "valid_share": 0.0}).fit(TEXTS, labels)
    assert unheld.thresholds_.tolist() == [0.5, 0.5]


def test_a_regressor_learns_numbers_in_their_units_and_plain_kerashub_gives_them_too(tiny_model, tmp_path):
    import keras_hub

    numbers = np.where(np.array(LABELS) == 3, 1000.25, 3000.75)
    regressor = TextRegressor(tiny_model, epochs=12, valid_share=0.1, **SMALL).fit(TEXTS, numbers)
    predicted = regressor.predict(NEW)
    assert predicted.shape == (16,) and predicted.dtype == np.float64
    assert 1000 < predicted.mean() < 3001 and predicted.std() > 1
    losses = [loss for _, _, loss, _ in regressor.history_.steps]
    assert losses[0] < 3 and np.mean(losses[-5:]) < 0.95 * np.mean(losses[:5])
    regressor.save(tmp_path / "run")
    np.testing.assert_array_equal(TextRegressor.load(tmp_path / "run").predict(NEW), predicted)
    plain = keras_hub.models.TextClassifier.from_preset(str(tmp_path / "run" / "model"))
    np.testing.assert_allclose(np.asarray(plain.predict(NEW, verbose=0))[:, 0], predicted, rtol=1e-4)
    with pytest.raises(InputError, match=r"contains a regression model; load it with slanted\.TextRegressor\.load"):
        TextClassifier.load(tmp_path / "run")


def draws():
    return random.random(), float(np.random.rand()), np.asarray(keras.random.uniform((2,))).tolist()


def test_fitting_and_training_leave_the_program_s_random_generators_alone(tiny_model, tmp_path):
    """A random search draws the settings of the next fit from them."""
    texts, labels = tiny.examples(12)
    settings = {"model": tiny_model, "epochs": 1, "batch_size": 8, "max_tokens": 8, "precision": "float32"}
    rows = tiny.write_rows(tmp_path / "t.csv", texts, labels)
    options = ["--model", tiny_model, "--max-tokens", "8", "--epochs", "1", "--precision", "float32", "--quiet"]
    keras.utils.set_random_seed(5)
    expected = [draws() for _ in range(4)]
    keras.utils.set_random_seed(5)
    found = [draws()]
    TextClassifier(**settings).fit(texts, labels)
    found.append(draws())
    assert main(["train", rows, "--out", str(tmp_path / "run"), *options]) == 0
    found.append(draws())
    assert main(["plan", rows, *options[:-1]]) == 0
    assert [*found, draws()] == expected


@pytest.mark.parametrize("positive", [1, np.int64(1), "1"])
def test_the_positive_label_may_be_of_the_labels_own_type(positive, tiny_model):
    texts, labels = tiny.examples(16, (0, 1))
    settings = {"model": tiny_model, "epochs": 1, "max_tokens": 8, "precision": "float32", "positive": positive}
    fitted = TextClassifier(**settings, best_by="f1").fit(texts, labels)
    assert fitted.model_.settings.positive == "1"
    assert "f1" in fitted.history_.epochs[0]
