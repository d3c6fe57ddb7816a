"""The page of a cross-validation, taken apart: its numbers against the folds' files, and what is damaged refused."""

import json
import re
import shutil

import fake_runs
import numpy as np
import pytest
from report_pages import ORDER, Reader, check_damages, reader

from slanted.cli import main
from slanted.errors import InputError
from slanted.report.collect.folds_data import surest
from slanted.report.collect.label_issues import suspects_of
from slanted.report.collect.predicted_rows import read_predicted
from slanted.report.read.cross_validation_reader import read_cross_validation
from slanted.report.render import html
from slanted.report.render.page import page
from slanted.text.labels.examples import Part
from slanted.text.labels.targets import Target
from slanted.text.models.predictions_csv import write_predictions

pytestmark = pytest.mark.once

KEYS = ("accuracy", "macro_f1")
FOLDS_ORDER = ["result", "folds", *ORDER[1:]]


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """The pages of cross-validations of every kind."""
    place = tmp_path_factory.mktemp("folds")
    return {name: make(place / name) for name, make in fake_runs.FOLDS.items()}


@pytest.fixture
def whole(pages, tmp_path):
    """A copy of a cross-validation's folder that a test may break."""
    return shutil.copytree(pages["single_folds"].parent, tmp_path / "whole")


def read(path):
    return json.loads(path.read_text(encoding="utf-8"))


def cells_of(path, section):
    """Return the tables of a section as lists of rows, each a list of its cells' texts."""
    text = path.read_text(encoding="utf-8")
    inside = text[text.index(f'<section id="{section}"') :].split("</section>")[0]
    found = []
    for table in re.findall(r"<tbody>(.*?)</tbody>", inside):
        rows = [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row) for row in table.split("</tr>")]
        found.append([[re.sub(r"<[^>]+>", "", cell) for cell in row] for row in rows if row])
    return found


# the page


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


def test_the_title_says_what_it_is(pages):
    text = pages["single_folds"].read_text(encoding="utf-8")
    assert "<h1>single_folds: slanted cross-validation</h1><p>minilm, recipe ulmfit; 6 classes; 3 folds</p>" in text


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
    assert f"The 3 models label {right:.1f} % of the 180 training rows correctly, each by the one that has" in shown
    said = f"as means over the folds, TF-IDF with logistic regression reaches {100 * linear[0]:.1f} %, "
    assert f"{said}the most frequent label alone {100 * constant[0]:.1f} %." in shown
    assert f"The mean of the 3 models labels {100 * metrics['test']['accuracy']:.1f} % of the 60 test rows" in shown


def test_without_a_test_file_there_is_one_table_and_no_word_of_one(pages):
    assert len(cells_of(pages["multilabel_folds"], "result")) == 1
    shown = reader(pages["multilabel_folds"]).sections
    assert "test rows" not in "".join(shown.values())
    assert "--test" not in shown["repeat"] and "folds2" in shown["repeat"]


def test_what_is_of_one_fold_is_said_to_be(pages):
    shown = reader(pages["single_folds"]).sections
    assert shown["rates"].startswith("Learning rates and lossOf fold 1; all folds share the recipe.")
    assert shown["lengths"].startswith("LengthsOf fold 1: the training texts have")
    assert "training, all folds38 s" in shown["cost"] and "steps, all folds360 of" in shown["cost"]
    assert "prediction speed, fold 1" in shown["cost"] and "tokens an epoch, fold 1" in shown["cost"]
    assert "peak rate0.0001" in shown["repeat"] and "training rows180" in shown["repeat"]


def test_the_curves_of_all_folds(pages):
    folder = pages["single_folds"].parent
    drawn = json.loads(reader(pages["single_folds"]).scripts[0])["epochs"]
    for number, fold in enumerate(drawn["folds"], start=1):
        own = read(folder / f"fold_{number}" / "report.json")["epochs"]
        assert fold["loss"] == [one["valid"]["loss"] for one in own]
        assert fold["score"] == [one["valid"]["accuracy"] for one in own]
        assert (fold["name"], fold["kept"]) == (f"fold {number}", 2)
    rows = cells_of(pages["single_folds"], "epochs")[0]
    assert [row[0] for row in rows] == ["1", "2", "3"]
    assert [cell.endswith(" (kept)") for cell in rows[1][1:]] == [True] * 3
    assert rows[0][2] == f"{drawn['folds'][1]['loss'][0]:.4f}"


def test_without_validation_rows_the_training_loss_is_drawn(pages):
    shown = reader(pages["pairs_folds"]).sections["epochs"]
    assert shown.startswith("Training loss by epochOne line is one fold. There were no validation rows")
    report = read_cross_validation(pages["pairs_folds"].parent)
    for fold in report["folds"]:
        fold["data"]["epochs"] = [{"epoch": 1}]  # as that of weighted classes
    assert "epochs" not in Reader(page(report)).sections


@pytest.mark.parametrize(
    ("kept", "said"), [(3, "last epoch was the best in 2 of 3 folds"), (2, ""), (1, "first epoch")]
)
def test_what_most_folds_kept_is_what_to_try(pages, kept, said):
    report = read_cross_validation(pages["single_folds"].parent)
    for fold in report["folds"][:2]:
        fold["metrics"]["kept_epoch"] = kept
    shown = Reader(page(report)).sections["result"]
    assert said in shown and ("epoch was the best" in shown) == bool(said)


def test_hostile_labels_and_texts_stay_texts(pages):
    text = pages["nasty_folds"].read_text(encoding="utf-8")
    found = Reader(text)
    assert found.elements.count("h1") == 1 and found.elements.count("main") == 1
    assert not {"img", "iframe"} & set(found.elements)
    assert "onmouseover" not in {name for name in re.findall(r"<\w+[^>]*\s(\w+)=", text)}
    labels = fake_runs.hostile(classes=40)[0].target.labels
    assert all(html.label(label) in text for label in labels)


def test_what_comes_from_files_is_escaped_beside_numbers(pages):
    report = json.loads(json.dumps(read_cross_validation(pages["multilabel_folds"].parent)))
    report["recipe"] |= {"max_tokens": "<x1>", "batch_size": "<x2>", "best_by": "<x3>"}
    report["data"]["mistakes"][0] |= {"place": "<x4>", "label": "<x5>", "text": {"pieces": [["<x6>", 1]], "goes_on": 0}}
    suspect = {"place": "<x7>", "text": "<x8>", "label": "<x9>", "given": "with", "probability": 0.9}
    report["data"]["suspects"]["held_out"] = {"rows": 9, "found": 1, "listed": [suspect]}
    made = page(report)
    for number in range(1, 10):
        assert f"<x{number}>" not in made and f"&lt;x{number}&gt;" in made


# what is collected


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
    assert "of 180 rows looked at; each judged by the model that has not learnt from it" in shown


BROKEN = {
    "fewer rows": lambda rows: rows[:-1],
    "more rows": lambda rows: [*rows, rows[-1]],
    "another label": lambda rows: [*rows[:-1], "179,OTHER,1,0,0,0,0,0"],
    "no number": lambda rows: [*rows[:-1], "179,NUM,x,0,0,0,0,0"],
    "no finite number": lambda rows: [*rows[:-1], "179,NUM,nan,0,0,0,0,0"],
    "fewer columns": lambda rows: [*rows[:-1], "179"],
    "another order": lambda rows: [rows[0], *rows[:0:-1]],
}


@pytest.mark.parametrize("how", BROKEN)
def test_predictions_of_other_rows_are_refused(how, tmp_path):
    data, model = fake_runs.data_of(Target("single", fake_runs.TREC), fake_runs.TREC_WORDS)
    path = tmp_path / "out_of_fold.csv"
    write_predictions(path, data.target, model.predict(data.train.texts, None), 0.5)
    path.write_text("\n".join(BROKEN[how](path.read_text().split("\n")[:-1])) + "\n")
    with pytest.raises(InputError, match=r"out_of_fold\.csv: does not hold the predictions of these rows") as error:
        read_predicted(path, data.train, data.target)
    assert "\n" not in str(error.value)


def test_a_decision_that_is_neither_0_nor_1_is_refused(tmp_path):
    part = Part(["a"], None, np.array([[1.0, 0.0]]))
    path = tmp_path / "out_of_fold.csv"
    path.write_text("row,prediction_x,prediction_y,probability_x,probability_y\n4,7,0,0.5,0.5\n")
    with pytest.raises(InputError, match="a number is none that could have been written"):
        read_predicted(path, part, Target("multilabel", ("x", "y")), np.array([4]))


# the folder


def test_the_page_is_made_again_from_the_folder_s_files_alone(whole, capsys):
    assert main(["report", str(whole)]) == 0
    assert capsys.readouterr().out == f"report: {whole / 'report.html'}\n"
    first = (whole / "report.html").read_bytes()
    unneeded = ("report.html", "predictions.csv", "history.csv")
    for name in ("report.html", "out_of_fold.csv", *(f"fold_2/{one}" for one in unneeded)):
        (whole / name).unlink()
    assert main(["report", str(whole)]) == 0
    assert (whole / "report.html").read_bytes() == first


def test_a_fold_s_folder_gives_the_page_of_that_fold(whole, capsys):
    assert main(["report", str(whole / "fold_2")]) == 0
    text = (whole / "fold_2" / "report.html").read_text(encoding="utf-8")
    assert "<h1>fold_2: slanted run</h1>" in text and f"--recipe {whole}/recipe.json" in text


@pytest.mark.parametrize(
    ("break_it", "said"),
    [
        (lambda run: (run / "report.json").unlink(), "give the command that trained it again, with --resume"),
        (lambda run: (run / "report.json").write_text("[]"), "whole/report.json: holds no object; restore the file"),
        (lambda run: (run / "report.json").write_text("{"), "whole/report.json: cannot be read as JSON"),
        (lambda run: (run / "metrics.json").unlink(), "is not a finished run, metrics.json is missing"),
        (lambda run: (run / "recipe.json").unlink(), "is not a finished run, recipe.json is missing"),
        (lambda run: (run / "fold_1" / "history.csv").write_text("step\n"), "fold_1/history.csv: holds no steps"),
        (
            lambda run: (run / "fold_2" / "report.json").unlink(),
            "fold_2/report.json: is missing, without which",
        ),
        (lambda run: shutil.rmtree(run / "fold_3"), "fold_3: is not a finished run, metrics.json is missing"),
    ],
)
def test_a_broken_folder_is_refused_in_one_line(whole, break_it, said, capsys):
    break_it(whole)
    assert main(["report", str(whole)]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ") and said in error and error.count("\n") == 1


@pytest.mark.parametrize(
    ("file", "change", "said"),
    [
        ("recipe.json", {"folds": 2}, "metrics.json: holds no usable 'folds'"),
        ("recipe.json", {"folds": 0}, "recipe.json: holds no usable 'folds'"),
        ("recipe.json", {"folds": 10**10}, "recipe.json: holds no usable 'folds'"),
        ("metrics.json", {"out_of_fold": {}}, "metrics.json: holds no usable 'out_of_fold.accuracy'"),
        ("fold_2/metrics.json", {"task": "regression"}, "fold_2/metrics.json: holds no usable 'task'"),
        ("fold_2/report.json", {"scored": "valid"}, "fold_2/report.json: holds no usable 'scored'"),
        ("report.json", {"rows": {"train": 180}}, "report.json: holds no usable 'rows.test'"),
    ],
)
def test_what_does_not_fit_together_is_named(whole, file, change, said, capsys):
    (whole / file).write_text(json.dumps({**read(whole / file), **change}), encoding="utf-8")
    assert main(["report", str(whole)]) == 2
    assert f"{said}; restore the file or train again" in capsys.readouterr().err


FILES = ("report.json", "metrics.json", "recipe.json", "labels.json", "fold_1/report.json", "fold_2/metrics.json")


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("name", ["single_folds", "multilabel_folds", "regression_folds"])
def test_whatever_is_damaged_is_refused_or_harmless(pages, name, file, tmp_path):
    folder = shutil.copytree(pages[name].parent, tmp_path / "whole")
    check_damages(folder, file, read_cross_validation, most=12)
