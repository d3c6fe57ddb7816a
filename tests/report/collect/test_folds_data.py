"""report.json of a cross-validation: plots, mistakes and doubtful labels of all rows out of fold."""

import fake_runs
import numpy as np
import pytest
from report_pages import reader
from report_parts import read

from slanted.report.collect.folds_data import surest
from slanted.report.collect.label_issues import suspects_of
from slanted.report.collect.predicted_rows import read_predicted
from slanted.text.labels.targets import Target

pytestmark = pytest.mark.once


@pytest.mark.parametrize("name", fake_runs.FOLDS)
def test_every_row_is_counted_out_of_fold(pages, name):
    folder = pages[name].parent
    data, metrics = read(folder / "report.json"), read(folder / "metrics.json")
    rows = data["rows"]["train"]
    assert rows == metrics["examples"] == data["suspects"]["held_out"]["rows"]
    if metrics["task"] == "single":
        right = sum(count for true, said, count in data["quality"]["confusion"] if true == said)
        assert right / rows == pytest.approx(metrics["out_of_fold"]["accuracy"])
        assert sum(count for *_, count in data["quality"]["confusion"]) == rows
    elif metrics["task"] == "multilabel":
        one, per_class = data["quality"]["outcomes"][0], metrics["out_of_fold"]["per_class"]["toxic"]
        assert one["found"] + one["missed"] == per_class["support"]
        assert one["found"] / (one["found"] + one["missed"]) == pytest.approx(per_class["recall"])
    else:
        assert [len(points) for points in data["quality"]["scatter"]] == [rows, rows]


@pytest.mark.parametrize("name", ["single_folds", "pairs_folds"])
def test_the_surest_mistakes_of_all_folds_stand_where_the_file_has_them(pages, name):
    folder = pages[name].parent
    pairs = name == "pairs_folds"
    data, _ = fake_runs.data_of(
        Target("single", ("0", "1") if pairs else fake_runs.TREC), fake_runs.TREC_WORDS, pairs=pairs
    )
    found = read(folder / "report.json")["mistakes"]
    every = [one for path in folder.glob("fold_*/report.json") for one in read(path)["mistakes"]]
    surest_first = sorted((one["confidence"] for one in every), reverse=True)
    assert [one["confidence"] for one in found] == surest_first[:10] and len({one["place"] for one in found}) == 10
    for one in found:
        row = int(one["place"].removeprefix("t.csv, line ")) - 2
        assert " ".join(word for word, _ in one["text"]["pieces"]) == data.train.texts[row]
        assert one["true"] == data.target.names[data.train.y[row]]


def test_of_numbers_the_largest_errors_in_the_deviations_of_all_rows():
    def mistake(target, predicted):
        return {"target": target, "predicted": predicted, "true": 0.0}

    target = Target("regression", ("small", "large", "same"))
    y = np.array([[0.0, 0.0, 3.0], [2.0, 200.0, 3.0]])  # deviations 1, 100 and none
    first, second = [mistake("large", 150.0), mistake("same", 0.5)], [mistake("small", -3.0), mistake("small", 1.0)]
    found = surest([first, second], target, y, most=3)
    assert found == [mistake("small", -3.0), mistake("large", 150.0), mistake("small", 1.0)]


def test_doubtful_labels_are_those_of_all_rows_out_of_fold(pages):
    folder = pages["single_folds"].parent
    data, model = fake_runs.data_of(Target("single", fake_runs.TREC), fake_runs.TREC_WORDS)
    said = read_predicted(folder / "out_of_fold.csv", data.train, data.target)
    np.testing.assert_allclose(said.values, model.predict(data.train.texts, None), atol=1e-6)
    assert read(folder / "report.json")["suspects"] == {"held_out": suspects_of([said], data.target)}
    shown = reader(pages["single_folds"]).sections["suspects"]
    assert "of 180 rows, predicted out of fold" in shown
