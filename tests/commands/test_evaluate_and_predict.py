"""`slanted evaluate` and `slanted predict` on a run that was really trained."""

import csv
import json
import re
import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import trained_runs
from pyarrow import parquet
from run_files import read, snapshot, table

from slanted.cli import main
from slanted.commands import evaluate_and_predict
from slanted.commands.evaluate_and_predict import evaluate, predict
from slanted.commands.use_options import PredictOptions
from slanted.errors import InputError
from slanted.text.batching import batches
from slanted.text.labels.examples import Examples
from slanted.text.labels.targets import Target
from slanted.text.rows.columns import Columns
from slanted.text.runs.saved_run import SavedRun
from slanted.text.scoring.intervals import wilson_interval
from slanted.text.settings import DataFiles, Settings

place, run = trained_runs.place, trained_runs.run

OPTIONS = PredictOptions()


def test_predicting_again_gives_the_same_bytes_wherever_the_run_lies(run, place, tmp_path, monkeypatch):
    unlabelled = tmp_path / "texts.csv"
    unlabelled.write_text("text\n" + "".join(f"{row['text']}\n" for row in table(place.test)))
    assert main(["predict", str(run), str(unlabelled), "--out", str(tmp_path / "p.csv")]) == 0
    assert (tmp_path / "p.csv").read_bytes() == (run / "predictions.csv").read_bytes()
    moved = shutil.copytree(run, tmp_path / "elsewhere" / "moved")
    monkeypatch.chdir(moved.parent)
    assert main(["predict", "moved", place.test, "--out", "p.csv"]) == 0
    assert Path("p.csv").read_bytes() == (run / "predictions.csv").read_bytes()


@pytest.mark.once
@pytest.mark.parametrize("name", ["recipe.json", "model/config.json", "predictions.csv", "out_of_fold.csv", "../link"])
def test_no_prediction_replaces_a_file_of_its_run(run, place, tmp_path, name, capsys):
    (copy := shutil.copytree(run, tmp_path / "copy")).joinpath("../link").symlink_to(copy / "labels.json")
    before = snapshot(copy)
    assert main(["predict", str(copy), place.test, "--out", str(copy / name)]) == 2
    rule = f"is a file of the run in {copy}, and would be replaced; give another file"
    assert capsys.readouterr().err == f"error: --out {copy / name}: {rule}\n" and snapshot(copy) == before


def test_predicting_a_file_of_one_column_says_which_it_takes_for_the_texts(run, tmp_path, capsys):
    for header, note in (
        (
            "my apple",
            "note: reading texts from column 'my apple', because there is no column 'text'; if that is a text, give "
            "--no-header --columns text\n",
        ),
        ("Text", ""),
    ):
        (tmp_path / "t.csv").write_text(f"{header}\nold saw\n")
        assert main(["predict", str(run), str(tmp_path / "t.csv"), "--out", str(tmp_path / "p.csv")]) == 0
        assert capsys.readouterr().out == f"{note}1 predictions: {tmp_path / 'p.csv'}\n"


def test_predicting_in_other_batches_gives_the_same(run, place, tmp_path, monkeypatch):
    monkeypatch.setattr(batches, "TOKENS_AT_ONCE", 48)
    assert main(["predict", str(run), place.test, "--out", str(tmp_path / "p.csv")]) == 0
    for row, other in zip(table(tmp_path / "p.csv"), table(run / "predictions.csv"), strict=True):
        assert row["prediction"] == other["prediction"]
        assert float(row["probability_beta"]) == pytest.approx(float(other["probability_beta"]), abs=1.5e-6)


def test_evaluate_gives_the_scores_of_the_run(run, place, capsys):
    assert main(["evaluate", str(run), place.test, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == read(run / "metrics.json")["test"]
    assert main(["evaluate", str(run), place.test]) == 0
    accuracy = read(run / "metrics.json")["test"]["accuracy"]
    low, high = wilson_interval(accuracy, 16)
    line = rf"^accuracy +{accuracy:.4f}  \(95 %: {low:.4f} to {high:.4f}\)$"
    assert re.search(line, capsys.readouterr().out, re.MULTILINE)
    assert read(run / "metrics.json")["test_intervals"]["accuracy"] == [low, high]


@pytest.mark.once
@pytest.mark.parametrize(
    ("out", "message"),
    [
        ("folder", "is a folder; give the file to write"),
        ("none/p.csv", "there is no folder none; create it first"),
        ("texts.csv", "is the file to predict, and would be replaced; give another file"),
        ("link.csv", "is a link that leads back to itself; give another file"),
    ],
)
def test_a_place_that_cannot_be_written_to_is_refused_before_the_run_is_read(tmp_path, monkeypatch, out, message):
    monkeypatch.chdir(tmp_path)
    Path("folder").mkdir()
    Path("texts.csv").write_text("text\na\n")
    Path("link.csv").symlink_to("link.csv")
    with pytest.raises(InputError) as refused:
        predict(Path("no run"), "texts.csv", Path(out), OPTIONS)
    assert str(refused.value) == f"--out {out}: {message}"
    assert Path("texts.csv").read_text() == "text\na\n"


@pytest.mark.once
def test_a_second_text_column_is_refused_of_a_model_of_single_texts(run, place):
    with pytest.raises(InputError) as refused:
        evaluate(run, place.test, replace(OPTIONS, text_b="label"))
    assert str(refused.value) == "--text-b label: the model was trained on single texts; leave it out"


def test_the_table_of_scores_has_no_control_characters_and_a_line_for_each_label(monkeypatch, capsys):
    label = "\x1b]0;owned\x07\nmine"
    scores = {"accuracy": 1.0, "per_class": {label: {"f1": 1.0}}}
    model = SimpleNamespace(
        predict_both=lambda *texts: (None, None),
        score=lambda *given: scores,
        intervals=lambda *given: {"accuracy": [0.5, 1.0]},
    )
    run = SavedRun(Settings(), Target("single", (label,)), None)
    monkeypatch.setattr(evaluate_and_predict, "read_run", lambda folder: run)
    monkeypatch.setattr(evaluate_and_predict, "read_for", lambda *given, labelled: None)
    monkeypatch.setattr(evaluate_and_predict.Examples, "of", lambda *given: Examples([]))
    monkeypatch.setattr(evaluate_and_predict, "_load", lambda *given: model)
    for as_json, line in ((False, "  \\x1b]0;owned\\x07\\nmine "), (True, '    "\\u001b]0;owned\\u0007\\nmine": {')):
        evaluate(Path("run"), "t.csv", OPTIONS, as_json)
        assert line in capsys.readouterr().out


def test_predict_writes_to_standard_output_with_columns_of_the_input_and_without_bad_rows(run, tmp_path, capsys):
    (tmp_path / "t.csv").write_text('id,text\na,old saw\nbad\n"=c",""\nd,"  "\ne,apple\n')
    options = ["--bad-rows", "skip", "--keep", "id"]
    assert main(["predict", str(run), str(tmp_path / "t.csv"), "--out", "-", *options]) == 0
    printed = capsys.readouterr()
    rows = list(csv.DictReader(printed.out.splitlines()))
    assert list(rows[0]) == ["row", "id", "prediction", "probability_alpha", "probability_beta"]
    assert [(row["row"], row["id"]) for row in rows] == [("0", "a"), ("2", "=c"), ("3", "d"), ("4", "e")]
    assert rows[1]["probability_beta"] == rows[2]["probability_beta"], "both texts are empty"
    assert rows[1]["probability_beta"] != rows[0]["probability_beta"]
    reason = "1 field, but the header has 2; put a field that holds the separator or a line break in double quotes"
    assert printed.err.splitlines()[-3:] == [
        f"note: 1 bad row left out; the last: {tmp_path / 't.csv'}, line 3: {reason}",
        f"note: 2 rows have an empty text, the first {tmp_path / 't.csv'}, line 4; predicted as it is",
        "4 predictions: standard output",
    ]
    submission = ["--bad-rows", "skip", "--submission", "id,label", "--out", str(tmp_path / "s.parquet")]
    assert main(["predict", str(run), str(tmp_path / "t.csv"), *submission]) == 0
    expected = [{"id": row["id"], "label": row["prediction"]} for row in rows]
    assert parquet.read_table(tmp_path / "s.parquet").to_pylist() == expected


def test_evaluate_reads_a_label_column_of_another_name_and_leaves_bad_rows_out(run, place, tmp_path, capsys):
    lines = Path(place.test).read_text().splitlines()
    (tmp_path / "t.csv").write_text("\n".join(["text,kind", ",beta", *lines[1:], ""]))
    words = ["evaluate", str(run), str(tmp_path / "t.csv"), "--label", "kind", "--bad-rows", "skip", "--json"]
    assert main(words) == 0
    printed = capsys.readouterr()
    assert json.loads(printed.out) == read(run / "metrics.json")["test"]
    assert f"note: 1 bad row left out; the last: {tmp_path / 't.csv'}, line 2: column 'text' is empty" in printed.err


@pytest.mark.once
def test_the_labels_of_a_file_are_named_in_the_order_of_the_training_data():
    trained = Columns("text", labels=("a", "b"))
    assert evaluate_and_predict._labels(trained, ("x", "b")) == ("x", "b")
    for given, message in (
        (
            ("x",),
            "--label names 1 column, but the model was trained on 2: 'a', 'b'; name one for each, in this order",
        ),
        (
            ("b", "a"),
            "--label names the columns 'b', 'a', but the model was trained on 'a', 'b'; name them in this order",
        ),
    ):
        with pytest.raises(InputError) as refused:
            evaluate_and_predict._labels(trained, given)
        assert str(refused.value) == message


@pytest.mark.once
def test_predicting_a_file_that_is_written_otherwise_than_the_training_file_says_so(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    predicted = []
    model = SimpleNamespace(write_predictions=lambda out, texts, *more: predicted.append(list(texts)))
    run = SavedRun(Settings(), Target("single", ("x", "y")), Columns("text", labels=("label",)))
    monkeypatch.setattr(evaluate_and_predict, "_load", lambda *given: model)

    def predicts(content, options=OPTIONS, **reading):
        trained = replace(run, reading=DataFiles("t.csv", **reading))
        monkeypatch.setattr(evaluate_and_predict, "read_run", lambda folder: trained)
        Path("f.csv").write_text(content)
        predict(Path("run"), "f.csv", Path("p.csv"), options)
        return capsys.readouterr().out.splitlines()[:-1]

    note = "note: reading the first line as a row, as in training; give --header if it names the columns"
    headless = {"header": False, "columns": ("label", "text")}
    assert predicts("1,good\n2,bad\n", **headless) == [note]
    assert predicts("text\ngood\n", PredictOptions(header=True), **headless) == []
    with pytest.raises(InputError) as refused:
        predicts("id,text\n1,good\n", separator=";")
    problem = "f.csv: with --separator ';' its only column is 'id,text'; give its own, such as --separator ','"
    assert str(refused.value) == problem
    assert predicts("id,text\n1,good\n", PredictOptions(separator=","), separator=";") == []
    assert predicted == [["good", "bad"], ["good"], ["good"]]
