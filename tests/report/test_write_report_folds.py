"""The reports of real cross-validations and of their folds, on a model that trains in seconds."""

import csv
import shutil
from types import SimpleNamespace

import pytest
import tiny

from slanted.cli import main

pytestmark = pytest.mark.once

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
    assert f">{folded.metrics['mean']['macro_f1']:.4f}</td>" in folded.page


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
    return main(["train", *files, "--model", tiny_model, *tiny.RUN_OPTIONS, *FOLDS, *more])


def test_resume_makes_the_report_that_a_finished_cross_validation_lacks(folded, tiny_model, capsys):
    for name in ("report.html", "report.json"):
        (folded.out / name).unlink()
    assert main(["report", str(folded.out)]) == 2
    said = f"error: {folded.out}/report.json: is missing, and the report needs it; to write it, run the "
    remedy = "training command again with --resume; if it read standard input, train again"
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
    said = f"report: not written; {path}: does not match the rows (23 of 24 are there); restore"
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
    said = f"error: {old.out}/fold_1/report.json: is missing, and the report needs it; train the run again\n"
    assert capsys.readouterr().err == said


def interrupt(*arguments):
    raise KeyboardInterrupt


def test_an_interrupted_report_does_not_cost_the_cross_validation(place, tiny_model, monkeypatch, capsys):
    texts, labels = tiny.examples(12)
    train, out = place.folder / "cut.csv", place.folder / "cut"
    with open(train, "w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("text", "label"), *zip(texts, labels, strict=True)])
    command = ["train", str(train), "--out", str(out), "--model", tiny_model, *tiny.RUN_OPTIONS, "--folds", "2"]
    with monkeypatch.context() as patched:
        patched.setattr("slanted.report.write_report.folds_data", interrupt)
        assert main(command) == 130
    remedy = "to write it, add --resume to the command"
    expected = f"error: interrupted; the run in {out} is finished, except its report; {remedy}\n"
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
