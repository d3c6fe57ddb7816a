"""The reports of real runs of every kind, on a model that trains in seconds."""

import csv
import json
import shutil
from types import SimpleNamespace

import numpy as np
import pytest
import tiny
from odd_texts import TEXTS

from slanted.cli import main
from slanted.report.collect import report_data
from slanted.text.runs import run_folder

pytestmark = pytest.mark.once

OPTIONS = ["--lr", "0.01", "--batch-size", "8", "--max-tokens", "16", "--precision", "float32", "--epochs", "1"]


@pytest.fixture(scope="module")
def place(tmp_path_factory, tiny_model):
    folder = tmp_path_factory.mktemp("reports")

    def run(name, header, rows, *more, test=None):
        for part, content in (("train", rows), ("test", test or [])):
            with open(folder / f"{name}-{part}.csv", "w", encoding="utf-8", newline="") as file:
                csv.writer(file).writerows([header, *content])
        files = [str(folder / f"{name}-train.csv"), *(["--test", str(folder / f"{name}-test.csv")] if test else [])]
        out = folder / name
        assert main(["train", *files, "--out", str(out), "--model", tiny_model, *OPTIONS, *more]) == 0
        data = json.loads((out / "report.json").read_text(encoding="utf-8"))
        page = (out / "report.html").read_text(encoding="utf-8")
        metrics = json.loads((out / "metrics.json").read_text(encoding="utf-8"))
        return SimpleNamespace(out=out, data=data, page=page, metrics=metrics)

    return SimpleNamespace(folder=folder, run=run)


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


def test_several_labels_in_chunks_without_a_test_file(place):
    texts = [" ".join([text] * 4) for text in tiny.examples(24)[0]]
    rows = [(text, int("apple" in text or "pear" in text), int("nail" in text)) for text in texts]
    run = place.run(
        "labels", ("text", "fruit", "tool"), rows, "--label", "fruit", "tool", "--valid-share", "0.3", "--long", "chunk"
    )
    assert run.data["scored"] == "valid" and len(run.data["quality"]["outcomes"]) == 2
    assert "which flatters the model a little" in run.page
    assert "for all of these alike: they are these same rows, which flatters all of them" in run.page
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
    assert "The training loss weighs the classes" in run.page
    assert run.data["lengths"]["estimated_on"] is None


def test_pairs_without_held_out_rows(place):
    texts, labels = tiny.examples(24)
    rows = list(zip(texts, reversed(texts), labels, strict=True))
    run = place.run("pairs", ("text", "other", "label"), rows, "--text-b", "other", "--valid-share", "0")
    assert run.data["scored"] is None and run.data["suspects"]["held_out"] is None
    assert "this run has no score" in run.page


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


FOLDS = ["--folds", "2", "--bad-rows", "skip"]


@pytest.fixture(scope="module")
def folded(place):
    """A cross-validation of rows of which some are bad."""
    good = list(zip(*tiny.examples(24), strict=True))
    rows = [*good[:3], ("", "alpha"), *good[3:14], ("ragged",), *good[14:]]
    return place.run("folds", ("text", "label"), rows, *FOLDS, test=good[4:12])


def test_a_cross_validation_has_a_report_and_so_has_each_fold(folded):
    for number in (1, 2):
        page = (folded.out / f"fold_{number}" / "report.html").read_text(encoding="utf-8")
        assert f"--recipe {folded.out}/recipe.json --out {folded.out}-again" in page and f"{number} of 2" in page
    assert folded.data["rows"] == {"train": 24, "test": 8} and folded.data["suspects"]["held_out"]["rows"] == 24
    right = sum(count for true, said, count in folded.data["quality"]["confusion"] if true == said)
    assert right / 24 == pytest.approx(folded.metrics["out_of_fold"]["accuracy"])
    assert f"--recipe {folded.out}/recipe.json --out {folded.out}-again --test" in folded.page
    assert f"<td>{folded.metrics['mean']['macro_f1']:.4f}</td>" in folded.page


def test_mistakes_are_placed_where_the_file_has_them_bad_rows_and_all(folded):
    with open(f"{folded.out}-train.csv", encoding="utf-8", newline="") as file:
        lines = list(csv.reader(file))  # of which the first is line 1
    with open(folded.out / "out_of_fold.csv", encoding="utf-8", newline="") as file:
        predicted = {int(row["row"]): row for row in csv.DictReader(file)}
    assert folded.data["mistakes"]
    for one in folded.data["mistakes"]:
        line = int(one["place"].removeprefix(f"{folded.out}-train.csv, line "))
        text, label = lines[line - 1]
        assert " ".join(word for word, _ in one["text"]["pieces"]) == text and one["true"] == label
        row = predicted[line - 2]  # which counts from 0, without the header
        assert row["prediction"] == one["predicted"]
        assert float(row[f"probability_{one['predicted']}"]) == pytest.approx(one["confidence"], abs=1e-5)


def test_the_page_of_a_cross_validation_is_made_again(folded):
    assert main(["report", str(folded.out)]) == 0
    assert (folded.out / "report.html").read_text(encoding="utf-8") == folded.page


def again(folded, tiny_model, *more):
    files = [f"{folded.out}-train.csv", "--test", f"{folded.out}-test.csv", "--out", str(folded.out)]
    return main(["train", *files, "--model", tiny_model, *OPTIONS, *FOLDS, *more])


def test_resume_makes_the_report_that_a_finished_cross_validation_lacks(folded, tiny_model, capsys):
    for name in ("report.html", "report.json"):
        (folded.out / name).unlink()
    assert main(["report", str(folded.out)]) == 2
    said = f"error: {folded.out}/report.json: is missing, without which there is no report; to make it, give the "
    remedy = "command that trained it again, with --resume; from standard input, train again"
    assert capsys.readouterr().err == f"{said}{remedy}\n"
    assert again(folded, tiny_model, "--resume") == 0
    assert capsys.readouterr().out.endswith(f"\nreport: {folded.out}/report.html\n")
    assert (folded.out / "report.html").read_text(encoding="utf-8") == folded.page
    assert again(folded, tiny_model, "--resume") == 0
    assert "report: " not in capsys.readouterr().out
    (folded.out / "report.json").unlink()
    (folded.out / "fold_1" / "report.html").write_text("")  # as where a signal came before the page was written anew
    assert again(folded, tiny_model, "--resume") == 0
    assert (folded.out / "report.json").is_file()
    assert "1 of 2" in (folded.out / "fold_1" / "report.html").read_text(encoding="utf-8")


def test_a_finished_cross_validation_whose_report_cannot_be_made_gives_its_result(folded, tiny_model, tmp_path, capsys):
    short = SimpleNamespace(out=shutil.copytree(folded.out, tmp_path / folded.out.name))
    for name in ("train", "test"):
        shutil.copy(f"{folded.out}-{name}.csv", f"{short.out}-{name}.csv")
    (short.out / "report.html").unlink()
    lines = (short.out / "out_of_fold.csv").read_text().splitlines(keepends=True)
    (short.out / "out_of_fold.csv").write_text("".join(lines[:-1]))
    assert again(short, tiny_model, "--resume") == 0
    path = short.out / "out_of_fold.csv"
    said = f"report: not made; {path}: does not hold the predictions of these rows (23 of 24 are there); restore"
    assert said in capsys.readouterr().out


def test_one_whose_folds_have_no_reports_gives_its_result_and_no_page(folded, tiny_model, tmp_path, capsys):
    old = SimpleNamespace(out=shutil.copytree(folded.out, tmp_path / folded.out.name))
    for name in ("train", "test"):
        shutil.copy(f"{folded.out}-{name}.csv", f"{old.out}-{name}.csv")
    for path in [*old.out.glob("report.*"), *old.out.glob("fold_*/report.*")]:
        path.unlink()
    assert again(old, tiny_model, "--resume") == 0
    assert "out of fold: accuracy" in capsys.readouterr().out and not (old.out / "report.html").exists()
    assert main(["report", str(old.out)]) == 2
    said = f"error: {old.out}/fold_1/report.json: is missing, without which there is no report; train the run again\n"
    assert capsys.readouterr().err == said


def interrupt(*arguments):
    raise KeyboardInterrupt


def test_an_interrupted_report_does_not_cost_the_cross_validation(place, tiny_model, monkeypatch, capsys):
    texts, labels = tiny.examples(12)
    train, out = place.folder / "cut.csv", place.folder / "cut"
    with open(train, "w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("text", "label"), *zip(texts, labels, strict=True)])
    command = ["train", str(train), "--out", str(out), "--model", tiny_model, *OPTIONS, "--folds", "2"]
    with monkeypatch.context() as patched:
        patched.setattr("slanted.report.write_report.folds_data", interrupt)
        assert main(command) == 130
    remedy = "to make that, add --resume to the command"
    expected = f"error: interrupted; the run in {out} is finished, but for its report; {remedy}\n"
    assert capsys.readouterr().err == expected
    assert {entry.name for entry in out.iterdir()} == {
        "fold_1", "fold_2", "recipe.json", "labels.json", "metrics.json", "out_of_fold.csv",
    }  # fmt: skip
    monkeypatch.setattr("slanted.text.training.cross_validation.train_here", interrupt)
    assert main([*command, "--resume"]) == 0
    assert (out / "report.html").is_file() and (out / "report.json").is_file()


@pytest.mark.parametrize(("kind", "shown"), [("several", "outcomes"), ("numbers", "scatter"), ("pairs", "confusion")])
def test_cross_validations_of_other_kinds_have_reports(place, kind, shown):
    texts, labels = tiny.examples(24)
    fruit, tools = ([int(label == one) for label in labels] for one in ("alpha", "beta"))
    rows = {
        "several": (("text", "fruit", "tool"), zip(texts, fruit, tools, strict=True), "--label", "fruit", "tool"),
        "numbers": (("text", "label"), zip(texts, [1000.5 + 7 * at for at in range(24)], strict=True)),
        "pairs": (("text", "other", "label"), zip(texts, texts[::-1], labels, strict=True), "--text-b", "other"),
    }
    header, content, *more = rows[kind]
    run = place.run(f"folds-{kind}", header, list(content), "--folds", "2", "--valid-share", "0.3", *more)
    assert run.data["quality"].keys() >= {shown} and run.data["rows"] == {"train": 24}
    assert all(("text_b" in one) == (kind == "pairs") for one in run.data["mistakes"]) and run.data["mistakes"]
    assert main(["report", str(run.out)]) == 0
    assert (run.out / "report.html").read_text(encoding="utf-8") == run.page


def test_the_page_is_made_again_from_the_run_s_files_alone(run, capsys):
    assert main(["report", str(run)]) == 0
    assert capsys.readouterr().out == f"report: {run / 'report.html'}\n"
    first = (run / "report.html").read_bytes()
    for name in ("report.html", "predictions.csv"):
        (run / name).unlink()
    assert main(["report", str(run)]) == 0
    assert (run / "report.html").read_bytes() == first


def test_names_of_the_run_s_files():
    assert {run_folder.REPORT, run_folder.REPORT_DATA} <= set(run_folder.OURS)


def test_the_page_is_made_again_from_the_folder_s_files_alone(whole, capsys):
    assert main(["report", str(whole)]) == 0
    assert capsys.readouterr().out == f"report: {whole / 'report.html'}\n"
    first = (whole / "report.html").read_bytes()
    unneeded = ("report.html", "predictions.csv", "history.csv")
    for name in ("report.html", "out_of_fold.csv", *(f"fold_2/{one}" for one in unneeded)):
        (whole / name).unlink()
    assert main(["report", str(whole)]) == 0
    assert (whole / "report.html").read_bytes() == first


def test_a_page_is_not_written_through_a_link_in_a_stranger_s_folder(folded, tmp_path):
    run = shutil.copytree(folded.out, tmp_path / "run")
    (tmp_path / ".profile").write_text("mine")
    for page in (run / "report.html", run / "fold_1" / "report.html"):
        page.rename(tmp_path / "old.html")
        page.symlink_to(tmp_path / ".profile")
        assert main(["report", str(page.parent)]) == 0
        assert not page.is_symlink() and "<html" in page.read_text()
    assert (tmp_path / ".profile").read_text() == "mine"
