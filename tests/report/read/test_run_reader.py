"""The reader of a run's folder: its curves, its command, and damaged files refused in one line."""

import json
import shlex
import shutil
from dataclasses import asdict
from pathlib import Path

import fake_runs
import numpy as np
import pytest
from report_pages import Reader, check_damages

from slanted.cli.entry import main
from slanted.cli.options import files_of, settings_of
from slanted.cli.parsers import parser
from slanted.report.read.run_reader import command, course, read_report
from slanted.report.render.page import page
from slanted.text.runs.run_data import DataFiles
from slanted.text.settings import Settings

pytestmark = pytest.mark.once


draw = np.random.default_rng(0)


def test_lines_of_one_rate_are_one_and_closed_groups_are_none():
    groups = [{"name": name, "multiplier": factor} for name, factor in (("low", 0.5), ("mid", 0.5), ("head", 1.0))]
    history = np.array([[step, 1 + step // 2, 1.0, 0.1] for step in range(4)])
    lines = course(history, groups, [[0, ["head"]], [2, ["low", "mid", "head"]]])["lines"]
    assert lines == [
        {"name": "low to mid", "rates": [None, None, 0.05, 0.05]},
        {"name": "head", "rates": [0.1, 0.1, 0.1, 0.1]},
    ]
    assert course(history, groups[2:], [[0, ["head"]]])["lines"][0]["name"] == "all layers"


def test_a_long_run_is_drawn_with_means():
    total = 123_457
    losses = draw.random(total)
    history = np.column_stack([np.arange(total), 1 + np.arange(total) // 50_000, losses, np.full(total, 1e-4)])
    made = course(history, [{"name": "head", "multiplier": 1.0}], [[0, ["head"]]])
    assert made["every"] == 124 and made["total"] == total and made["epochs"] == [0, 50_000, 100_000]
    assert len(made["step"]) == len(made["loss"]) == len(made["lines"][0]["rates"]) <= 1000
    assert made["loss"][1] == pytest.approx(losses[124:248].mean(), rel=1e-4)


def test_a_run_of_one_step():
    made = course(np.array([[0.0, 1.0, 0.7, 1e-3]]), [{"name": "head", "multiplier": 1.0}], [[0, ["head"]]])
    assert (made["step"], made["loss"], made["smooth"]) == ([0], [0.7], [0.7])


def test_rates_are_those_of_the_plan(pages):
    report = read_report(pages["single"].parent)
    lines = {line["name"]: line["rates"] for line in report["course"]["lines"]}
    history = [rate for *_, rate in fake_runs.history()]
    steps = fake_runs.STEPS
    np.testing.assert_allclose(lines["head"], history, rtol=1e-4)
    assert lines["block_5"][:steps] == [None] * steps
    np.testing.assert_allclose(np.array(lines["block_5"][steps:]), np.array(history[steps:]) / 2.6, rtol=1e-4)
    assert lines["embeddings"][: 2 * steps] == [None] * 2 * steps


@pytest.mark.parametrize(
    "files",
    [
        DataFiles("t.csv"),
        DataFiles("my data.csv", test="te'st.csv", valid="v.csv", text="a text", label=("x", "y z")),
        DataFiles(("a.csv", "b.csv"), text_b="other", encoding="latin-1", label_separator=";", bad_rows="skip"),
        DataFiles("t.csv", test="<b>.csv", label=("$HOME",)),
    ],
)
def test_the_command_gives_the_files_and_settings_back(files, tmp_path):
    settings = Settings(seed=7, max_tokens=9)
    saved = {**settings.to_dict(), "files": json.loads(json.dumps(asdict(files)))}
    (tmp_path / "recipe.json").write_text(json.dumps(saved))
    words = shlex.split(command(saved, tmp_path) or "")
    options = parser().parse_args(words[1:])
    assert words[0] == "slanted" and options.out == f"{tmp_path}-again"
    assert files_of(options) == files
    assert settings_of(options) == settings


def test_a_run_that_python_trained_has_no_command():
    assert command({"files": None}, Path("r")) is None


@pytest.mark.parametrize(
    "files",
    [
        {"train": "t.csv", "label": ["y", "--overwrite", "--out", "/home/you/best-run"]},
        {"train": ["t.csv", "--resume"]},
        {"train": "t.csv", "test": "-rf"},
        {"train": "t.csv", "text": "a\x1b[2K"},
    ],
)
def test_names_that_look_like_options_are_put_into_no_command(files):
    assert command({"files": files}, Path("r")) is None
    assert command({"files": {"train": "-"}}, Path("r")) == "slanted train - --recipe r/recipe.json --out r-again"


FOLDERS = {"fold_2": True, "fold_3": False, "other": False, "fold_x": False}


@pytest.mark.parametrize(("name", "is_fold"), FOLDERS.items())
def test_only_a_fold_has_the_command_of_the_cross_validation(run, name, is_fold, tmp_path_factory):
    whole = tmp_path_factory.mktemp("whole")
    saved = json.loads((run / "recipe.json").read_text(encoding="utf-8"))
    (whole / "recipe.json").write_text(json.dumps({**saved, "folds": 2}), encoding="utf-8")
    report = read_report(run.rename(whole / name))
    assert report["fold"] == ("2 of 2" if is_fold else None)
    repeated = whole if is_fold else whole / name
    assert f"--recipe {repeated}/recipe.json" in report["command"]
    assert ("fold2 of 2" in Reader(page(report)).sections["repeat"]) == is_fold


def test_a_fold_s_folder_gives_the_page_of_that_fold(whole, capsys):
    assert main(["report", str(whole / "fold_2")]) == 0
    text = (whole / "fold_2" / "report.html").read_text(encoding="utf-8")
    assert "<h1>fold_2: slanted run</h1>" in text and f"--recipe {whole}/recipe.json" in text


@pytest.mark.parametrize(
    ("break_it", "said"),
    [
        (lambda run: (run / "report.json").unlink(), "report.json: is missing, and the report needs it"),
        (lambda run: (run / "report.json").write_text("[]"), "report.json: is not a JSON object; restore the file"),
        (lambda run: (run / "report.json").write_text("{"), "report.json: cannot be read as JSON"),
        (lambda run: (run / "metrics.json").unlink(), "is not a finished run, metrics.json is missing"),
        (lambda run: (run / "history.csv").write_text("step\n"), "history.csv: has no steps"),
        (lambda run: (run / "history.csv").write_text("step\nx\n"), "history.csv: cannot be read"),
        (lambda run: (run / "history.csv").write_text("s\n0,1,nan,1\n"), "history.csv: a value is not a finite number"),
    ],
)
def test_a_broken_run_is_refused_in_one_line(run, break_it, said, capsys):
    break_it(run)
    assert main(["report", str(run)]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ") and said in error and error.count("\n") == 1


FILES = ("report.json", "metrics.json", "recipe.json", "labels.json")


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("name", ["single", "multilabel", "regression", "unscored"])
def test_whatever_is_damaged_is_refused_or_harmless(pages, name, file, tmp_path):
    folder = shutil.copytree(pages[name].parent, tmp_path / "run")
    check_damages(folder, file, read_report, most=15)


def test_what_is_damaged_is_named(run, capsys):
    data = json.loads((run / "report.json").read_text(encoding="utf-8"))
    data["epochs"][1]["train_loss"] = "low"
    (run / "report.json").write_text(json.dumps(data), encoding="utf-8")
    assert main(["report", str(run)]) == 2
    said = "report.json: cannot be used ('low' is not a number in [-inf, inf]); restore the file"
    assert said in capsys.readouterr().err


def test_no_such_run(capsys, tmp_path):
    assert main(["report", str(tmp_path / "none")]) == 2
    assert "there is no such folder" in capsys.readouterr().err
