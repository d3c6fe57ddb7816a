"""The scores of a cross-validation: means and deviations over its folds."""

from types import SimpleNamespace

import folded_runs
import numpy as np
import pytest
from folded_runs import FOLDS
from run_files import read, table
from sklearn.metrics import accuracy_score, f1_score

from slanted.recipe.recipe import Recipe
from slanted.text.labels.targets import Target
from slanted.text.settings import Settings
from slanted.text.training.fold_metrics import deviations, fold_metrics, means

place, run = folded_runs.place, folded_runs.run


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


def fold(accuracy, examples, seconds, **more):
    """Return metrics.json of a fold."""
    test = {"accuracy": accuracy, "per_class": {"x": {"f1": 1.0}}, **more}
    facts = {"examples": examples, "epochs": 2, "kept_epoch": 1, "total_steps": 10, "train_seconds": seconds}
    return {**facts, "test": test, "baselines": {"majority": {"accuracy": 0.5}, "tfidf": {"accuracy": accuracy / 2}}}


@pytest.mark.once
def test_times_and_steps_are_of_all_folds_together():
    target, of_rows = Target("single", ("x", "y")), {"train_test_duplicates": 3, "notes": ("of all rows",)}
    data = SimpleNamespace(target=target, train=range(40), **of_rows)
    settings = Settings(recipe=Recipe(epochs=2), seed=5, backend="jax", precision="float32")
    first = {**fold(0.5, 30, 4.0), "notes": ["of the model"]}
    metrics = fold_metrics(data, settings, [first, fold(1.0, 20, 6.0)], 7)
    assert metrics["notes"] == ["of all rows", "of the model (first fold)"]
    assert (metrics["examples"], metrics["total_steps"], metrics["train_seconds"]) == (40, 20, 10.0)
    assert metrics["examples_per_second"] == (30 * 2 + 20 * 2) / 10.0
    assert (metrics["seed"], metrics["resumed_from_step"], metrics["train_test_duplicates"]) == (5, 7, 3)
    assert metrics["folds"] == [{"accuracy": 0.5, "kept_epoch": 1}, {"accuracy": 1.0, "kept_epoch": 1}]
    assert metrics["baselines"] == {"majority": {"accuracy": 0.5}, "tfidf": {"accuracy": 0.375}}
    data.train_test_duplicates = None
    assert "train_test_duplicates" not in fold_metrics(data, settings, [fold(0.5, 30, 4.0), fold(1.0, 20, 6.0)], None)


@pytest.mark.once
def test_a_score_that_a_fold_lacks_has_no_mean_and_the_deviation_is_that_of_a_sample():
    folds = [fold(0.5, 30, 4.0, roc_auc=0.75)["test"], fold(0.75, 30, 4.0)["test"], fold(1.0, 30, 4.0)["test"]]
    assert means(folds) == {"accuracy": 0.75} and deviations(folds) == {"accuracy": 0.25}
    assert means(folds[::-1]) == {"accuracy": 0.75}
