"""Lengths, cost and recipe: what is estimated, what was set, and what is of one fold only."""

import pytest
from report_pages import Reader, reader
from report_parts import edited

from slanted.report.read.run_reader import read_report

pytestmark = pytest.mark.once


def test_lengths_of_a_sample_are_said_to_be_estimated(pages):
    whole = Reader(edited(pages)).sections
    assert "estimated" not in whole["lengths"] and "about" not in whole["cost"]
    sample = Reader(edited(pages, data__lengths__estimated_on=10_000)).sections
    assert "Estimated from 10,000 texts, drawn at random." in sample["lengths"]
    tokens = read_report(pages["single"].parent)["data"]["cost"]["tokens_an_epoch"]
    assert f"about {tokens:,}" in sample["cost"]


def test_settings_that_change_the_run_are_listed(pages):
    shown = Reader(edited(pages, recipe__long="chunk", recipe__class_weight="balanced")).sections["repeat"]
    assert "longchunk" in shown and "class weightbalanced" in shown and "fold" not in shown


def test_what_is_of_one_fold_is_said_to_be(pages):
    shown = reader(pages["single_folds"]).sections
    assert shown["rates"].startswith("Learning rates and lossFold 1; all folds have the same recipe.")
    assert "of the training texts of fold 1 are truncated" in " ".join(shown["lengths"].split())
    assert "training time, all folds38 s" in shown["cost"] and "steps, all folds360 of" in shown["cost"]
    assert "prediction speed, fold 1" in shown["cost"] and "tokens per epoch, fold 1" in shown["cost"]
    assert "peak rate0.0001" in shown["repeat"] and "training rows180" in shown["repeat"]
