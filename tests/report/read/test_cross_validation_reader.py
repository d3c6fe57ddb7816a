"""The reader of a cross-validation's folder: what is missing, damaged or does not fit together is named."""

import json
import shutil

import pytest
from report_pages import check_damages
from report_parts import read

from slanted.cli import main
from slanted.report.read.cross_validation_reader import read_cross_validation

pytestmark = pytest.mark.once


@pytest.mark.parametrize(
    ("break_it", "said"),
    [
        (lambda run: (run / "report.json").unlink(), "run the training command again with --resume"),
        (
            lambda run: (run / "report.json").write_text("[]"),
            "whole/report.json: is not a JSON object; restore",
        ),
        (lambda run: (run / "report.json").write_text("{"), "whole/report.json: cannot be read as JSON"),
        (lambda run: (run / "metrics.json").unlink(), "is not a finished run, metrics.json is missing"),
        (lambda run: (run / "recipe.json").unlink(), "is not a finished run, recipe.json is missing"),
        (lambda run: (run / "fold_1" / "history.csv").write_text("step\n"), "fold_1/history.csv: has no steps"),
        (
            lambda run: (run / "fold_2" / "report.json").unlink(),
            "fold_2/report.json: is missing, and the report",
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
        ("recipe.json", {"folds": 2}, "metrics.json: cannot be used ("),
        ("recipe.json", {"folds": 0}, "recipe.json: cannot be used (0 is not a number in [2, inf])"),
        (
            "recipe.json",
            {"folds": 10**10},
            "recipe.json: cannot be used (10000000000 is not a number",
        ),
        (
            "metrics.json",
            {"out_of_fold": {}},
            "metrics.json: cannot be used ('accuracy' is missing)",
        ),
        (
            "fold_2/metrics.json",
            {"task": "regression"},
            "fold_2/metrics.json: cannot be used (the task is regression, ",
        ),
        (
            "fold_2/report.json",
            {"scored": "valid"},
            "fold_2/report.json: cannot be used (the scored rows are 'valid', ",
        ),
        (
            "report.json",
            {"rows": {"train": 180}},
            "report.json: cannot be used ('test' is missing)",
        ),
    ],
)
def test_what_does_not_fit_together_is_named(whole, file, change, said, capsys):
    (whole / file).write_text(json.dumps({**read(whole / file), **change}), encoding="utf-8")
    assert main(["report", str(whole)]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"error: {whole}/") and said in error and error.count("\n") == 1
    assert error.endswith("; restore the file or train again\n")


FILES = ("report.json", "metrics.json", "recipe.json", "labels.json", "fold_1/report.json", "fold_2/metrics.json")


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("name", ["single_folds", "multilabel_folds", "regression_folds"])
def test_whatever_is_damaged_is_refused_or_harmless(pages, name, file, tmp_path):
    folder = shutil.copytree(pages[name].parent, tmp_path / "whole")
    check_damages(folder, file, read_cross_validation, most=12)
