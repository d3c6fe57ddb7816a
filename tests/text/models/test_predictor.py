"""Every fitted model: its thresholds, scores, files and pickles."""

import pickle

import numpy as np
import pytest
from run_files import read, table
from stub_predictors import StubPredictor

from slanted.text.labels.examples import Examples
from slanted.text.labels.targets import Target
from slanted.text.settings import Settings

pytestmark = pytest.mark.once

CLASSES, FLAGS = Target("single", ("x", "y")), Target("multilabel", ("a", "b"))
TEXTS = ["0.9 0.1", "0.4 0.6", "0.3 0.7"]


def test_labels_are_predicted_from_one_half_on_unless_thresholds_were_chosen():
    assert StubPredictor(FLAGS).decision_thresholds == 0.5
    chosen = np.array([0.2, 0.8])
    assert StubPredictor(FLAGS, thresholds=chosen).decision_thresholds is chosen


def test_rows_are_predicted_and_scored_by_the_thresholds_of_the_model():
    examples = Examples(["0.3 0.7"], None, np.array([[1.0, 0.0]], "float32"))
    assert StubPredictor(FLAGS).score(examples)["accuracy"] == 0.0
    assert StubPredictor(FLAGS, thresholds=np.array([0.2, 0.8])).score(examples)["accuracy"] == 1.0


def test_the_positive_class_of_the_settings_is_the_one_that_f1_is_of():
    examples = Examples(TEXTS, None, np.array([0, 0, 1], "int32"))
    by_label = {label: StubPredictor(CLASSES, Settings(positive=label)).score(examples)["f1"] for label in "xy"}
    assert by_label == pytest.approx({"x": 2 / 3, "y": 2 / 3})
    examples = Examples(TEXTS, None, np.array([0, 0, 0], "int32"))
    by_label = {label: StubPredictor(CLASSES, Settings(positive=label)).score(examples)["f1"] for label in "xy"}
    assert by_label == pytest.approx({"x": 0.5, "y": 0.0})


def test_what_is_known_is_scored_and_not_predicted_again():
    model, examples = StubPredictor(CLASSES), Examples(TEXTS, None, np.array([1, 0, 0], "int32"))
    assert model.score(examples)["accuracy"] == 0.0
    known = np.array([[0.0, 1.0], [1.0, 0.0], [1.0, 0.0]])
    assert model.score(examples, (known, known))["accuracy"] == 1.0


def test_predictions_are_written_in_the_order_of_the_texts(tmp_path):
    StubPredictor(CLASSES).write_predictions(tmp_path / "p.csv", TEXTS, None)
    assert [row["prediction"] for row in table(tmp_path / "p.csv")] == ["x", "y", "y"]


@pytest.mark.parametrize(
    ("target", "thresholds", "more"),
    [
        (CLASSES, None, {}),
        (FLAGS, None, {"thresholds": [0.5, 0.5]}),
        (FLAGS, np.array([0.25, 0.75]), {"thresholds": [0.25, 0.75]}),
        (Target("single", (3, 20)), None, {}),
    ],
)
def test_labels_json_has_a_threshold_for_each_of_several_labels(target, thresholds, more, tmp_path):
    StubPredictor(target, thresholds=thresholds).write_labels(tmp_path)
    expected = {"task": target.kind, "labels": list(target.labels)}
    assert read(tmp_path / "labels.json") == expected | more


def test_recipe_json_has_the_settings_whether_texts_were_pairs_and_what_is_added(tmp_path):
    settings = Settings(seed=7, max_tokens=16)
    StubPredictor(CLASSES, settings, pairs=True).write_recipe(tmp_path, {"peak_rate": 0.01})
    assert read(tmp_path / "recipe.json") == {**settings.to_dict(), "pairs": True, "peak_rate": 0.01, "artefacts": {}}
    StubPredictor(CLASSES, pairs=None).write_recipe(tmp_path)
    assert read(tmp_path / "recipe.json")["pairs"] is None


def test_a_model_is_pickled_as_its_files():
    model = StubPredictor(CLASSES, Settings(seed=7), pairs=True, shift=0.5)
    again = pickle.loads(pickle.dumps(model))
    assert type(again) is StubPredictor
    assert (again.target, again.settings, again.pairs) == (CLASSES, Settings(seed=7), True)
    np.testing.assert_array_equal(again.predict(TEXTS, None), model.predict(TEXTS, None))
