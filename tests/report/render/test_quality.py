"""What is wrong in sum: confusions, classes, calibration."""

import json

import pytest
from report_pages import Reader, reader

from slanted.report.render.page import section
from slanted.report.render.quality import MOST_LISTED, TOP

pytestmark = pytest.mark.once


def test_the_weakest_class_comes_first(pages):
    per_class = json.loads((pages["single"].parent / "metrics.json").read_text())["test"]["per_class"]
    shown = reader(pages["single"]).sections["classes"]
    order = sorted(per_class, key=lambda name: per_class[name]["f1"])
    assert [shown.index(name) for name in order] == sorted(shown.index(name) for name in order)


def report_of(task, labels, quality, **scores):
    data = {"scored": "test", "quality": quality}
    return {"labels": labels, "data": data, "metrics": {"task": task, "test": scores}, "folds": []}


def test_confusions_are_listed_by_number_and_the_right_rows_are_counted():
    cells = [[0, 0, 1000], [0, 1, 2], [1, 0, 30], [1, 1, 4]]
    made = section("quality", report_of("single", ["a", "b"], {"confusion": cells}))
    assert "Confusion matrix of 2 labels: 1004 of 1036 rows are on its diagonal" in made
    assert Reader(made).sections["confusion"].endswith("labelpredictedrowsshare of labelba3088.2\xa0%ab20.2\xa0%")


def test_of_many_confusions_the_first_hundred_are_listed():
    cells = [[at, at + 1, 1] for at in range(MOST_LISTED + 1)]
    labels = [str(at) for at in range(MOST_LISTED + 2)]
    many = section("quality", report_of("single", labels, {"confusion": cells}))
    assert f"the most frequent first ({MOST_LISTED} of {MOST_LISTED + 1} pairs)</caption>" in many
    assert many.count("<tr ") == 1 + TOP + 1 + MOST_LISTED
    assert f"Confusions on the test rows, the most frequent first ({TOP} of {MOST_LISTED + 1} pairs)</caption>" in many
    few = section("quality", report_of("single", labels, {"confusion": cells[:TOP]}))
    assert few.count("the most frequent first</caption>") == 2


def test_of_numbers_the_scores_of_each_target():
    pairs = {"scatter": [[[1.0, 2.0], [3.0, 4.0]]]}
    made = Reader(section("quality", report_of("regression", ["x"], pairs, mae=0.5, r2=0.25))).sections["confusion"]
    assert "2 test rows; on the dashed line the two numbers are equal." in made and "x0.50.25" in made
    each = {"x": {"mae": 0.5}, "y": {"r2": 0.25}}
    made = Reader(section("quality", report_of("regression", ["x", "y"], pairs, per_target=each))).sections["confusion"]
    assert "The first 1 of 2 targets are shown." in made and "x0.5–" in made and "y–0.25" in made


def test_calibration_names_its_error_where_there_is_one():
    bins = [{"confidence": 0.9, "share": 0.75, "rows": 1200}]
    report = report_of("multilabel", ["a"], {"calibration": bins}, ece=0.15)
    made = Reader(section("calibration", report)).sections["calibration"]
    assert "Probabilities differ from the share of labels that apply by 15.0 percentage points on average" in made
    assert "The mean probability is 90.0\xa0%, and 75.0\xa0% of these labels apply." in made
    assert "90.0\xa0%75.0\xa0%1,200" in made
    del report["metrics"]["test"]["ece"]
    made = section("calibration", report)
    assert "On the dashed line the two are equal." in made and "differ" not in made


def test_without_scored_rows_there_is_no_section():
    report = {"labels": ["a"], "data": {"scored": None}, "metrics": {"task": "single"}, "folds": []}
    assert [section(name, report).strip() for name in ("quality", "classes", "calibration")] == ["", "", ""]
