"""What the JSON files of a run must hold: as the fake runs have them, and by task and scored rows."""

from pathlib import Path

import pytest
from report_parts import read

from slanted.errors import InputError
from slanted.report.read import schemas
from slanted.report.read.schema_check import fault
from slanted.text.settings import FEWEST_FOLDS, MOST_FOLDS

pytestmark = pytest.mark.once


def report_json(pages, name):
    """Return the report.json of a fake run, and how many outputs the run has."""
    folder = pages[name].parent
    return read(folder / "report.json"), len(read(folder / "labels.json")["labels"])


@pytest.mark.parametrize(
    ("held", "said"),
    [({"a": 1}, "r/x.json: holds no usable 'a'; "), ({}, "r/x.json: holds no usable 'a'; "), ([], "holds no object; ")],
)
def test_a_departure_is_refused_by_file_and_place(held, said):
    schemas.check(Path("r/x.json"), {"a": "x"}, {"a": str})
    with pytest.raises(InputError) as refused:
        schemas.check(Path("r/x.json"), held, {"a": str})
    assert str(refused.value).endswith(f"{said}restore the file or train again")


@pytest.mark.parametrize("task", ["single", "multilabel", "regression"])
def test_the_data_of_a_task_fits_its_shape_and_no_other_task_s(pages, task):
    data, outputs = report_json(pages, task)
    assert fault(data, schemas.data_of(task, "test", outputs)) is None
    for other in {"single", "multilabel", "regression"} - {task}:
        assert fault(data, schemas.data_of(other, "test", outputs)) is not None


def test_scored_rows_are_there_and_plots_are_of_them(pages):
    data, outputs = report_json(pages, "single")
    shape = schemas.data_of("single", "test", outputs)
    assert fault({**data, "rows": {**data["rows"], "test": 0}}, shape) == "rows.test"
    assert fault({**data, "rows": {"train": 180}}, shape) == "rows.test"
    unscored = schemas.data_of("single", None, outputs)
    assert fault({**data, "quality": {}}, unscored) is None
    assert fault(data, unscored) == "quality.confusion"


def test_a_confusion_is_of_the_run_s_labels(pages):
    data, outputs = report_json(pages, "single")
    wrong = {**data["quality"], "confusion": [[0, outputs, 3]]}
    assert fault({**data, "quality": wrong}, schemas.data_of("single", "test", outputs)) == "quality.confusion[0][1]"
    assert fault({**data, "quality": wrong}, schemas.data_of("single", "test", outputs + 1)) is None


def test_outcomes_are_as_many_as_labels(pages):
    data, outputs = report_json(pages, "multilabel")
    assert fault(data, schemas.data_of("multilabel", "test", outputs + 1)) == "quality.outcomes"


def test_scores_are_those_of_the_scored_rows_and_classes_have_an_accuracy():
    assert schemas.scores_of("single", None) == {}
    held = {"test": {"accuracy": 0.5}, "baselines": {"tfidf": {}, "majority": {}}}
    assert fault(held, schemas.scores_of("single", "test")) is None
    assert fault(held, schemas.scores_of("single", "valid")) == "valid"
    assert fault({**held, "test": {}}, schemas.scores_of("single", "test")) == "test.accuracy"
    assert fault({**held, "test": {}}, schemas.scores_of("regression", "test")) is None
    assert fault({**held, "test": {"accuracy": 1.5}}, schemas.scores_of("multilabel", "test")) == "test.accuracy"
    assert fault({**held, "baselines": {"tfidf": {}}}, schemas.scores_of("single", "test")) == "baselines.majority"


def test_a_cross_validation_has_the_scores_of_every_fold(pages):
    folder = pages["single_folds"].parent
    metrics, data = read(folder / "metrics.json"), read(folder / "report.json")
    assert fault(metrics, schemas.scores_of_folds("single", 3, tested=True)) is None
    assert fault(metrics, schemas.scores_of_folds("single", 4, tested=True)) == "folds"
    assert fault(data, schemas.data_of_folds("single", 6, tested=True)) is None
    untested = {**data, "rows": {"train": 180}}
    assert fault(untested, schemas.data_of_folds("single", 6, tested=False)) is None
    assert fault(untested, schemas.data_of_folds("single", 6, tested=True)) == "rows.test"


@pytest.mark.parametrize("folds", [FEWEST_FOLDS - 1, MOST_FOLDS + 1, 2.5, True, None])
def test_folds_are_as_many_as_may_be_trained(folds):
    assert fault(FEWEST_FOLDS, schemas.FOLDS) is None and fault(MOST_FOLDS, schemas.FOLDS) is None
    assert fault({"folds": folds}, {"folds": schemas.FOLDS}) == "folds"


def test_a_recipe_names_its_files_or_none(pages):
    saved = read(pages["single"].parent / "recipe.json")
    for files in (None, {"train": "t.csv"}, {"train": ["a.csv", "b.csv"], "label": None, "text": "x"}):
        assert fault({**saved, "files": files}, schemas.RECIPE) is None
    for files, place in (([], "files"), ({"train": []}, "files.train"), ({"train": "t", "label": "x"}, "files.label")):
        assert fault({**saved, "files": files}, schemas.RECIPE) == place
