"""The JSON files of a run: another version, missing keys, other types and lengths are refused by file."""

import json
import math
from pathlib import Path

import pytest
from report_parts import read as held_by

from slanted.cli import main
from slanted.errors import InputError
from slanted.report.read.checks import (
    FORMAT_VERSION,
    checked_data,
    checked_metrics,
    checked_rows,
    count,
    faults_of,
    label_names,
    listed,
    number,
    read,
    scores,
)

pytestmark = pytest.mark.once

DAMAGED = (LookupError, TypeError, ValueError, AttributeError)


def data_of(pages, name="single", **changes):
    return {**held_by(pages[name].parent / "report.json"), **changes}


def metrics_of(pages, name="single", **changes):
    return {**held_by(pages[name].parent / "metrics.json"), **changes}


@pytest.mark.parametrize(("version", "said"), [(2, "2"), ("x", "'x'"), (None, "None"), ([], "[]"), (0, "0")])
def test_a_file_of_another_version_is_refused_with_a_remedy(run, version, said, capsys):
    (run / "report.json").write_text(json.dumps({**held_by(run / "report.json"), "format_version": version}))
    assert main(["report", str(run)]) == 2
    rule = f"has format version {said}, and this version of slanted reads version {FORMAT_VERSION}"
    remedy = "use the version of slanted that wrote it, or train again"
    assert capsys.readouterr().err == f"error: {run / 'report.json'}: {rule}; {remedy}\n"


def test_a_file_that_names_no_version_is_of_the_first(run):
    assert "format_version" not in held_by(run / "report.json")
    assert main(["report", str(run)]) == 0
    (run / "report.json").write_text(json.dumps({**held_by(run / "report.json"), "format_version": 1}))
    assert main(["report", str(run)]) == 0


def test_what_is_no_object_is_refused(tmp_path):
    (tmp_path / "report.json").write_text("[1]")
    with pytest.raises(InputError, match=r"report\.json: is not a JSON object; restore the file or train again"):
        read(tmp_path / "report.json")


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (KeyError("bins"), "'bins' is missing"),
        (TypeError("two\n lines"), "two lines"),
        (ZeroDivisionError("division by zero"), "division by zero"),
        (InputError("its own"), None),
    ],
)
def test_one_line_names_the_file_the_fault_and_the_remedy(error, why):
    with pytest.raises(InputError) as refused, faults_of(Path("r/report.json")):
        raise error
    whole = f"r/report.json: cannot be used ({why}); restore the file or train again"
    assert str(refused.value) == ("its own" if why is None else whole)


def test_other_errors_are_no_faults_of_a_file():
    with pytest.raises(MemoryError), faults_of(Path("r/report.json")):
        raise MemoryError
    with pytest.raises(InputError), faults_of(Path("r/report.json"), MemoryError):
        raise MemoryError


@pytest.mark.parametrize("value", [None, "1", True, math.nan, [], -1, 2])
def test_a_number_is_one_in_its_range_and_no_truth_value(value):
    assert number(0, 0, 1) == 0 and number(0.5, 0, 1) == 0.5
    with pytest.raises(ValueError, match="is not a number"):
        number(value, 0, 1)


def test_a_count_is_whole_and_a_list_is_as_long_as_it_must_be():
    assert count(10**20) == 10**20 and listed([1, 2], 1, 2) == [1, 2]
    for value in (1.0, -1, "1"):
        with pytest.raises(ValueError, match="is no"):
            count(value)
    for value in ([], [1, 2, 3], {}, {"0": 1}, "ab", None):
        with pytest.raises(ValueError, match="is not a list"):
            listed(value, 1, 2)


def test_labels_are_texts_or_numbers():
    assert label_names({"labels": ["a", 1, 2.5]}) == ["a", "1", "2.5"]
    for labels in ([], {}, "ab", [None], [["a"]], [True]):
        with pytest.raises(ValueError, match="is no"):
            label_names({"labels": labels})


def test_scores_are_numbers_and_classes_have_an_accuracy():
    held = {"accuracy": 0.5, "per_class": {"a": dict.fromkeys(("precision", "recall", "f1", "support"), 1)}}
    assert scores(held, "single") == held and scores({}, "regression") == {}
    wrong = [{}, {"accuracy": 1.5}, {"accuracy": 0.5, "loss": "x"}, {"accuracy": 0.5, "f1": {"a": 1}}]
    wrong += [{"accuracy": 0.5, "per_class": {"a": {"f1": 1}}}, {"accuracy": 0.5, "per_target": {"a": 1}}, []]
    for one in wrong:
        with pytest.raises(DAMAGED):
            scores(one, "single")


@pytest.mark.parametrize(
    "changes",
    [
        {"task": "other"},
        {"task": []},
        {"epochs": None},
        {"epochs": -1},
        {"kept_epoch": "2"},
        {"train_seconds": "x"},
        {"test": {}},
        {"test": None},
        {"baselines": {"tfidf": {}}},
        {"baselines": {"tfidf": {}, "majority": {"f1": "x"}}},
    ],
)
def test_damaged_metrics_are_refused(pages, changes):
    assert checked_metrics(metrics_of(pages), "test")["task"] == "single"
    with pytest.raises(DAMAGED):
        checked_metrics(metrics_of(pages, **changes), "test")


@pytest.mark.parametrize("name", ["task", "epochs", "total_steps", "backend", "precision", "test", "baselines"])
def test_metrics_without_what_a_report_shows_are_refused(pages, name):
    held = metrics_of(pages)
    del held[name]
    with pytest.raises(KeyError, match=name):
        checked_metrics(held, "test")


@pytest.mark.parametrize(
    "changes",
    [
        {"rows": {"train": 180}},
        {"rows": {"train": 180, "test": 0}},
        {"scored": "none"},
        {"scored": {}},
        {"texts_per_second": -1},
        {"groups": []},
        {"groups": [{"name": "head", "multiplier": 1e300}]},
        {"stages": {}},
        {"stages": [[0]]},
        {"epochs": []},
        {"epochs": [{"epoch": 1, "train_loss": "low"}]},
        {"epochs": [{"epoch": 1, "valid": {"loss": None}}]},
        {"lengths": {"bins": [[1, 2, 3]], "of": "texts", "mean": 1, "truncated": 0}},
        {"lengths": {"bins": {}, "of": "texts", "mean": 1, "truncated": 0}},
        {"lengths": {"bins": [], "of": "words", "mean": 1, "truncated": 0}},
        {"cost": {"parameters": 1, "tokens_an_epoch": 1, "padding": 0.1}},
        {"versions": {}},
        {"suspects": {"held_out": None, "train": {"rows": 1, "found": 0, "listed": {}}}},
        {"suspects": {"held_out": None, "train": {"rows": 1, "found": "x", "listed": []}}},
        {"mistakes": {}},
        {"quality": {"confusion": {}}},
        {"quality": {"confusion": [[0, -1, 2]]}},
        {"quality": {"confusion": [], "calibration": [{"confidence": "x"}]}},
    ],
)
def test_a_damaged_report_json_is_refused(pages, changes):
    assert checked_data(data_of(pages))["scored"] == "test"
    with pytest.raises(DAMAGED):
        checked_data(data_of(pages, **changes))


def test_a_scatter_may_have_negative_numbers_and_unscored_rows_need_no_plots(pages):
    assert checked_rows(data_of(pages, "regression", quality={"scatter": [[[-1.0, -2.5]]]}), "test")
    assert checked_rows({"rows": {"train": 0}, "suspects": {}}, None) == {"rows": {"train": 0}, "suspects": {}}


LABELS = 6
MISFITS = {
    "a class that is not there": ("single", {"quality": {"confusion": [[0, LABELS, 3]], "calibration": []}}),
    "outcomes of too few labels": ("multilabel", {"quality": {"outcomes": [], "calibration": []}}),
    "plots of another task": ("single", {"quality": {"scatter": [[[1, 2]]]}}),
    "a point of one number": ("regression", {"quality": {"scatter": [[[1]], [[1]]]}}),
    "no target": ("regression", {"mistakes": [{"place": "t.csv", "text": {"pieces": [], "goes_on": False}}]}),
    "a place that is no text": ("single", {"mistakes": [{"place": 5}]}),
}


@pytest.mark.parametrize("misfit", MISFITS)
def test_what_does_not_fit_the_other_files_names_report_json(pages, misfit, tmp_path, capsys):
    name, changes = MISFITS[misfit]
    for path in pages[name].parent.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "report.json").write_text(json.dumps(data_of(pages, name, **changes)), encoding="utf-8")
    (tmp_path / "report.html").write_text("the page before")
    assert main(["report", str(tmp_path)]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"error: {tmp_path / 'report.json'}: cannot be used (")
    assert error.endswith("; restore the file or train again\n") and error.count("\n") == 1
    assert (tmp_path / "report.html").read_text() == "the page before"
