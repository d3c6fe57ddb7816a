"""The result in a sentence and a table beside the baselines, and what to try next."""

import json
import re

import pytest
from report_pages import Reader, reader
from report_parts import edited

from slanted.report.read.cross_validation_reader import read_cross_validation
from slanted.report.read.run_reader import read_report
from slanted.report.render.page import page
from slanted.report.render.result import compared, warnings_of_numbers

pytestmark = pytest.mark.once


def test_the_result_in_one_sentence(pages):
    metrics = json.loads((pages["single"].parent / "metrics.json").read_text())
    shown = " ".join(reader(pages["single"]).sections["result"].split())
    right = metrics["test"]["accuracy"]
    assert f"The model classifies {100 * right:.1f} % of the 60 test rows correctly" in shown
    linear, constant = (100 * metrics["baselines"][name]["accuracy"] for name in ("tfidf", "majority"))
    said = f"It beats TF-IDF with logistic regression ({linear:.1f} %) and always predicting the most frequent label "
    assert f"{said}({constant:.1f} %)." in shown
    for name in ("test", "tfidf", "majority"):
        scores = metrics[name] if name == "test" else metrics["baselines"][name]
        assert f"{scores['accuracy']:.4f}{scores['macro_f1']:.4f}" in shown.replace(" ", "")


def test_a_constant_that_cannot_be_ranked_is_said_to_have_no_score(pages):
    assert "always predicting the mean (no score, as it is constant)" in reader(pages["regression"]).sections["result"]


def test_baselines_within_the_interval_are_told_from_better_ones():
    scores = {"accuracy": 0.8}  # of 100 rows: 0.711 to 0.867
    others = {"tfidf": {"accuracy": 0.72}, "frozen_encoder": {"accuracy": 0.9}, "majority": {"accuracy": 0.7}}
    found = compared("single", scores, others, 100)
    assert found == {
        "beaten": [("always predicting the most frequent label", "70.0\xa0%")],
        "close": [("TF-IDF with logistic regression", "72.0\xa0%")],
        "better": [("the frozen encoder with a linear model", "90.0\xa0%")],
    }
    found = compared("regression", {"spearman": 0.5}, {"tfidf": {"spearman": 0.6}, "majority": {}}, 100)
    assert [name for name, _ in found["beaten"]] == ["always predicting the mean"] and not found["close"]


def test_the_most_frequent_errors_come_with_the_result(pages):
    shown = reader(pages["single"]).sections["result"]
    cells = json.loads((pages["single"].parent / "report.json").read_text())["quality"]["confusion"]
    most = max(count for label, predicted, count in cells if label != predicted)
    assert re.search(rf"Most frequent confusion: [A-Z]+ predicted as [A-Z]+, {most} rows? \(", shown)
    assert re.search(r"Labels that may be wrong: \d+ of 80 rows\.", shown)
    assert re.search(r"the most errors: \w+, \d+ times missed and", reader(pages["multilabel"]).sections["result"])


def test_numbers_predicted_worse_than_by_the_mean_or_too_close_to_it_are_a_warning():
    scatter = [[[0.0, 4.0], [10.0, 6.0]], [[0.0, 1.0], [10.0, 9.0]]]
    data = {"scored": "test", "quality": {"scatter": scatter}}
    report = {"labels": ["x", "y"], "data": data, "metrics": {"task": "regression", "test": {"r2": -0.25}}}
    worse, narrow = warnings_of_numbers(report)
    assert worse == "Always predicting the mean has the smaller squared error (R² -0.25)."
    assert narrow.startswith("x: the deviation of the predictions is 20.0\xa0% of that of the true numbers")
    assert warnings_of_numbers({**report, "metrics": {"task": "single"}}) == []


@pytest.mark.parametrize(
    ("kept", "said"), [(3, "the last one was the best in 2 of 3 folds"), (2, ""), (1, "the first epoch was the best")]
)
def test_what_most_folds_kept_is_what_to_try(pages, kept, said):
    report = read_cross_validation(pages["single_folds"].parent)
    for fold in report["folds"][:2]:
        fold["metrics"]["kept_epoch"] = kept
    shown = Reader(page(report)).sections["result"]
    assert said in shown and ("was the best" in shown) == bool(said)


def test_notes_on_the_rows_are_shown_and_linked(pages):
    notes = ["duplicates: 3 of 9 training rows", "labels: 'a<b' looks"]
    shown = Reader(edited(pages, metrics__notes=notes)).sections
    assert all(note in shown["notes"] for note in notes) and "2 notes on the rows." in shown["result"]
    assert "notes" not in Reader(edited(pages)).sections


def test_a_label_without_rows_has_no_scores(pages):
    report = read_report(pages["multilabel"].parent)
    scores = report["metrics"][report["data"]["scored"]]
    first = next(iter(scores["per_class"]))
    scores["per_class"][first] |= {"support": 0, "precision": 0.0, "recall": 0.0, "f1": 0.0}
    for name in ("micro_f1", "macro_f1"):
        scores.pop(name)
        for baseline in report["metrics"]["baselines"].values():
            baseline[name] = 0.0
    sections = Reader(page(report)).sections
    assert f"{first}0–––" in "".join(sections["classes"].split())
    assert "The model has no score, as no label is true or predicted, on" in " ".join(sections["result"].split())
    assert "has the better score here" not in sections["result"]
