"""The result in a sentence and a table beside the baselines, and what to try next."""

import json

import pytest
from report_pages import Reader, reader
from report_parts import edited

from slanted.report.read.cross_validation_reader import read_cross_validation
from slanted.report.read.run_reader import read_report
from slanted.report.render.page import page

pytestmark = pytest.mark.once


def test_the_result_in_one_sentence(pages):
    metrics = json.loads((pages["single"].parent / "metrics.json").read_text())
    shown = " ".join(reader(pages["single"]).sections["result"].split())
    right = metrics["test"]["accuracy"]
    assert f"The model classifies {100 * right:.1f} % of the 60 test rows correctly" in shown
    linear, constant = (100 * metrics["baselines"][name]["accuracy"] for name in ("tfidf", "majority"))
    said = f"TF-IDF with logistic regression reaches {linear:.1f} %, and always predicting the most frequent label "
    assert f"{said}reaches {constant:.1f} %." in shown
    for name in ("test", "tfidf", "majority"):
        scores = metrics[name] if name == "test" else metrics["baselines"][name]
        assert f"{scores['accuracy']:.4f}{scores['macro_f1']:.4f}" in shown.replace(" ", "")


def test_a_constant_that_cannot_be_ranked_is_said_to_have_no_score(pages):
    assert "always predicting the mean reaches no score" in reader(pages["regression"]).sections["result"]


@pytest.mark.parametrize(
    ("kept", "said"), [(3, "last epoch was the best in 2 of 3 folds"), (2, ""), (1, "first epoch")]
)
def test_what_most_folds_kept_is_what_to_try(pages, kept, said):
    report = read_cross_validation(pages["single_folds"].parent)
    for fold in report["folds"][:2]:
        fold["metrics"]["kept_epoch"] = kept
    shown = Reader(page(report)).sections["result"]
    assert said in shown and ("epoch was the best" in shown) == bool(said)


def test_notes_on_the_data_are_shown(pages):
    notes = ["duplicates: 3 of 9 training rows", "labels: 'a<b' looks"]
    shown = Reader(edited(pages, metrics__notes=notes)).sections["result"]
    assert "Notes on the data" in shown and all(note in shown for note in notes)
    assert "Notes on the data" not in Reader(edited(pages)).sections["result"]


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
    assert "The model has no score, because no label is true or predicted on" in " ".join(sections["result"].split())
    assert "Here the linear model is better" not in sections["result"]
