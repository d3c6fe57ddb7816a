"""The reports of real runs of every kind, on a model that trains in seconds."""

import csv
import shutil
from types import SimpleNamespace

import fake_runs
import numpy as np
import pytest
import tiny
from odd_texts import TEXTS

from slanted.cli import main
from slanted.report import write_report
from slanted.report.collect import report_data
from slanted.text.runs import run_folder
from slanted.text.runs.run_folder import read_json

pytestmark = pytest.mark.once


def test_classes_with_layer_rates(place):
    texts, labels = tiny.examples(44, ("alpha", "beta"))
    test = list(zip(*tiny.examples(16, ("alpha", "beta"), seed=5), strict=True))
    rows = list(zip(texts, labels, strict=True))
    run = place.run("classes", ("text", "label"), rows, "--layer-decay", "0.5", "--epochs", "2", test=test)
    assert run.data["scored"] == "test" and run.data["rows"] == {"train": 40, "valid": 4, "test": 16}
    cells = run.data["quality"]["confusion"]
    right = sum(count for true, said, count in cells if true == said)
    assert right / 16 == pytest.approx(run.metrics["test"]["accuracy"])
    groups = {one["name"]: one["multiplier"] for one in run.data["groups"]}
    assert groups == {"embeddings": 0.25, "block_0": 0.5, "head": 1.0}
    assert run.data["stages"] == [[0, list(groups)]]
    assert [one["epoch"] for one in run.data["epochs"]] == [1, 2]
    kept = run.data["epochs"][run.metrics["kept_epoch"] - 1]["valid"]
    assert kept["loss"] == pytest.approx(run.metrics["valid"]["loss"], rel=1e-4)
    with open(run.out / "history.csv", encoding="utf-8") as file:
        losses = [float(row["loss"]) for row in csv.DictReader(file) if row["epoch"] == "1"]
    assert run.data["epochs"][0]["train_loss"] == pytest.approx(np.mean(losses))
    assert run.data["suspects"]["train"]["rows"] == round(report_data.TRAINING_ROWS_SHARE * 2 * 40)
    assert run.data["suspects"]["held_out"]["rows"] == 4 + 16
    for one in run.data["mistakes"]:
        line = int(one["place"].removeprefix(f"{run.out}-test.csv, line "))
        assert " ".join(word for word, _ in one["text"]["pieces"]) == test[line - 2][0]
        assert one["true"] == test[line - 2][1]
    versions = run.data["versions"]
    assert versions["keras"] and versions["slanted"] and run.metrics["backend"] in versions
    lengths = sum(whole + cut for *_, whole, cut in run.data["lengths"]["bins"])
    assert lengths == 40 and run.data["cost"]["parameters"] > 1000


def test_no_page_is_written_to_the_target_of_a_link(tmp_path):
    folder = fake_runs.single_folds(tmp_path / "cv").parent
    mine = tmp_path / "mine"
    (folder / "fold_1").rename(mine)
    (mine / "report.html").write_text("mine")
    (folder / "fold_1").symlink_to(mine)
    data = SimpleNamespace()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(write_report, "folds_data", lambda data, folder: read_json(folder / "report.json"))
        write_report.write_folds_report(folder, data)
    assert (mine / "report.html").read_text() == "mine"


def test_several_labels_in_chunks_without_a_test_file(place):
    texts = [" ".join([text] * 4) for text in tiny.examples(24)[0]]
    rows = [(text, int("apple" in text or "pear" in text), int("nail" in text)) for text in texts]
    run = place.run(
        "labels", ("text", "fruit", "tool"), rows, "--label", "fruit", "tool", "--valid-share", "0.3", "--long", "chunk"
    )
    assert run.data["scored"] == "valid" and len(run.data["quality"]["outcomes"]) == 2
    assert "so that the scores are slightly too good" in run.page
    assert "were chosen on the validation rows, so that all scores below are too good" in run.page
    assert min(sum(row[label] for row in rows) for label in (1, 2)) < len(rows) / 2  # at 0.5 one would be given to none
    shares_given = run.metrics["baselines"]["majority"]["per_class"]
    assert all(one["recall"] == (one["support"] > 0) for one in shares_given.values())
    assert run.data["lengths"]["of"] == "chunks" and "chunks of the training texts" in run.page
    suspects = run.data["suspects"]
    assert suspects["held_out"]["rows"] == run.data["rows"]["valid"] and suspects["train"]["rows"] >= 1


def test_numbers_have_their_training_loss_in_their_units(place):
    texts, _ = tiny.examples(24)
    rows = [(text, 1000.5 * len(text.split())) for text in texts]
    run = place.run("numbers", ("text", "label"), rows, "--valid-share", "0.3")
    assert len(run.data["quality"]["scatter"]) == 1
    first = run.data["epochs"][0]
    assert 0.1 < first["train_loss"] / first["valid"]["loss"] < 10
    assert run.metrics["task"] == "regression" and 'id="calibration"' not in run.page


def test_the_loss_of_weighted_classes_is_not_taken_for_the_validation_s(place):
    texts, labels = tiny.examples(24)
    run = place.run("weighted", ("text", "label"), list(zip(texts, labels, strict=True)), "--class-weight", "balanced")
    assert "valid" in run.data["epochs"][0] and "train_loss" not in run.data["epochs"][0]
    assert "The training loss has class weights" in run.page
    assert run.data["lengths"]["estimated_on"] is None


def test_pairs_without_held_out_rows(place):
    texts, labels = tiny.examples(24)
    rows = list(zip(texts, reversed(texts), labels, strict=True))
    run = place.run("pairs", ("text", "other", "label"), rows, "--text-b", "other", "--valid-share", "0")
    assert run.data["scored"] is None and run.data["suspects"]["held_out"] is None
    assert "This run has no score" in run.page


def test_two_rows_a_class_of_hostile_texts(place):
    texts = [text for text in TEXTS if text.strip()]
    names = [f"<script>{number}</script>\"'&" for number in range(30)]
    rows = [(f"{texts[at % len(texts)]} {'y' * 10_000}", name) for name in names for at in (0, 1)]
    run = place.run("hostile", ("text", "label"), rows, "--valid-share", "0.5", test=rows)
    assert "<script>0" not in run.page and "&lt;script&gt;0" in run.page
    assert run.data["rows"] == {"train": 30, "valid": 30, "test": 60}


def test_a_defect_of_the_report_does_not_cost_the_run(place, monkeypatch):
    def defect(*arguments):
        raise ZeroDivisionError

    monkeypatch.setattr("slanted.report.write_report.report_data", defect)
    rows = list(zip(*tiny.examples(16), strict=True))
    with pytest.raises(ZeroDivisionError):
        place.run("defect", ("text", "label"), rows)
    left = {entry.name for entry in (place.folder / "defect").iterdir()}
    assert {"model", "metrics.json", "history.csv"} <= left and "report.html" not in left


def test_the_page_is_made_again_from_the_run_s_files_alone(run, capsys):
    assert main(["report", str(run)]) == 0
    assert capsys.readouterr().out == f"report: {run / 'report.html'}\n"
    first = (run / "report.html").read_bytes()
    for name in ("report.html", "predictions.csv"):
        (run / name).unlink()
    assert main(["report", str(run)]) == 0
    assert (run / "report.html").read_bytes() == first


def test_the_model_card_is_made_again_but_a_page_of_the_user_stays(run, tmp_path):
    shutil.copytree(run, tmp_path / "run")
    card = tmp_path / "run" / "README.md"
    first = card.read_text()
    assert first.startswith("<!-- model card by slanted -->\n# Model card of ") and "\n## Scores\n" in first
    card.unlink()
    assert main(["report", str(tmp_path / "run")]) == 0
    assert card.read_text().startswith("<!-- model card by slanted -->\n# Model card of run\n")
    card.write_text("# mine\n")
    assert main(["report", str(tmp_path / "run")]) == 0
    assert card.read_text() == "# mine\n"


def test_names_of_the_run_s_files():
    assert {run_folder.REPORT, run_folder.REPORT_DATA, "README.md"} <= set(run_folder.OURS)
