"""Single rows on the page: mistakes with their words, and doubtful labels."""

import json

import pytest
from report_pages import Reader, reader

from slanted.report.read.cross_validation_reader import read_cross_validation
from slanted.report.read.run_reader import read_report
from slanted.report.render.page import page

pytestmark = pytest.mark.once


def test_occlusion_is_said_and_words_are_weighed(pages):
    path = pages["single"]
    shown = reader(path).sections["mistakes"]
    assert "the change of the prediction where it is left out" in shown and "points" in shown and "t.csv, line" in shown
    assert path.read_text(encoding="utf-8").count('<mark class="for" style="--w:1.00">') >= 3


def test_mistakes_that_were_left_out_are_counted(pages):
    report = read_report(pages["single"].parent)
    assert "too long" not in Reader(page(report)).sections["mistakes"]
    report["data"]["mistakes_left_out"] = 4
    assert "4 more are not shown, because weighting their words" in Reader(page(report)).sections["mistakes"]


def test_a_page_without_mistakes_says_so(pages):
    report = read_report(pages["single"].parent)
    report["data"]["mistakes"] = []
    assert "There are none." in Reader(page(report)).sections["mistakes"]


def test_what_comes_from_files_is_escaped_beside_numbers(pages):
    report = json.loads(json.dumps(read_cross_validation(pages["multilabel_folds"].parent)))
    report["recipe"] |= {"max_tokens": "<x1>", "batch_size": "<x2>", "best_by": "<x3>"}
    report["data"]["mistakes"][0] |= {"place": "<x4>", "label": "<x5>", "text": {"pieces": [["<x6>", 1]], "goes_on": 0}}
    suspect = {"place": "<x7>", "text": "<x8>", "label": "<x9>", "given": "with", "probability": 0.9}
    report["data"]["suspects"]["held_out"] = {"rows": 9, "found": 1, "listed": [suspect]}
    made = page(report)
    for number in range(1, 10):
        assert f"<x{number}>" not in made and f"&lt;x{number}&gt;" in made
