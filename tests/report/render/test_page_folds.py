"""The result of a cross-validation: its tables against the files of the folds."""

import fake_runs
import numpy as np
import pytest
from report_pages import ORDER, reader
from report_parts import cells_of, read

pytestmark = pytest.mark.once


KEYS = ("accuracy", "macro_f1")
FOLDS_ORDER = ["result", "folds", *ORDER[1:]]


@pytest.mark.parametrize("name", fake_runs.FOLDS)
def test_the_sections_stand_in_order(pages, name):
    left_out = ("classes", "calibration") if name == "regression_folds" else ()
    assert list(reader(pages[name]).sections) == [one for one in FOLDS_ORDER if one not in left_out]


@pytest.mark.parametrize("name", fake_runs.FOLDS)
def test_it_asks_for_nothing_and_leads_to_the_folds(pages, name):
    folder = pages[name].parent
    links = [one for one in reader(pages[name]).addresses if not one.startswith(("data:,", "#"))]
    assert links == [f"fold_{at + 1}/report.html" for at in range(read(folder / "recipe.json")["folds"])]
    assert all((folder / link).is_file() for link in links)


@pytest.mark.parametrize(
    ("name", "keys"),
    [
        ("single_folds", ("accuracy", "macro_f1", "matthews", "loss", "ece")),
        ("multilabel_folds", ("micro_f1", "macro_f1", "accuracy", "loss", "ece")),
        ("regression_folds", ("spearman", "pearson", "mae", "rmse", "r2")),
    ],
)
def test_the_folds_table_is_that_of_metrics_json(pages, name, keys):
    metrics = read(pages[name].parent / "metrics.json")
    [rows] = cells_of(pages[name], "folds")
    *each, mean, deviation = rows
    for at, (cells, scores) in enumerate(zip(each, metrics["folds"], strict=True)):
        held = read(pages[name].parent / f"fold_{at + 1}" / "report.json")["rows"]["test"]
        shown = [f"{scores[key]:.4f}" for key in keys if key in scores]
        assert cells == [f"fold {at + 1}", f"{held}", *shown, f"{scores['kept_epoch']} of {fake_runs.EPOCHS}"]
    for cells, what in ((mean, "mean"), (deviation, "deviation")):
        shown = [f"{metrics[what][key]:.4f}" for key in keys if key in metrics[what]]
        assert cells == [what, "", *shown, ""]


def test_the_result_is_out_of_fold_beside_baselines_of_the_same_rows(pages):
    folder = pages["single_folds"].parent
    metrics = read(folder / "metrics.json")
    each = [read(folder / f"fold_{number}" / "metrics.json")["baselines"] for number in (1, 2, 3)]
    linear, constant = ([np.mean([one[name][key] for one in each]) for key in KEYS] for name in ("tfidf", "majority"))
    held, tested = cells_of(pages["single_folds"], "result")
    assert held[0][:3] == ["Out of fold, all rows", *(f"{metrics['out_of_fold'][key]:.4f}" for key in KEYS)]
    assert held[1][:3] == ["Mean of the folds", *(f"{metrics['mean'][key]:.4f}" for key in KEYS)]
    assert held[2][:3] == ["TF-IDF with logistic regression, mean of the folds", *(f"{one:.4f}" for one in linear)]
    assert held[3][:3] == ["The most frequent label, mean of the folds", *(f"{one:.4f}" for one in constant)]
    assert tested[0][:2] == ["Mean of 3 models", f"{metrics['test']['accuracy']:.4f}"]
    assert tested[1][1] == f"{metrics['baselines']['tfidf']['accuracy']:.4f}"
    shown = " ".join(reader(pages["single_folds"]).sections["result"].split())
    right = 100 * metrics["out_of_fold"]["accuracy"]
    assert f"Out of fold, the 3 models classify {right:.1f} % of the 180 training rows correctly" in shown
    said = (
        f"They beat TF-IDF with logistic regression ({100 * linear[0]:.1f} %) and always predicting the most frequent "
    )
    assert f"{said}label ({100 * constant[0]:.1f} %)." in shown
    assert f"The mean of the 3 models classifies {100 * metrics['test']['accuracy']:.1f} % of the 60 test rows" in shown


def test_without_a_test_file_there_is_one_table_and_no_word_of_one(pages):
    assert len(cells_of(pages["multilabel_folds"], "result")) == 1
    shown = reader(pages["multilabel_folds"]).sections
    assert "test rows" not in "".join(shown.values())
    assert "--test" not in shown["repeat"] and "folds2" in shown["repeat"]
