"""The result in a sentence and a table beside the baselines, and what to try next."""

import json

import pytest
from report_pages import Reader, reader

from slanted.report.read.cross_validation_reader import read_cross_validation
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
