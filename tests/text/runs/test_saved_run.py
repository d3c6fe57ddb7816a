"""Whether a run's labels fit what else its folder says, and its folds each other."""

import shutil
from dataclasses import replace

import folded_runs
import numpy as np
import pytest
from run_files import drop_sums

from slanted.cli import main
from slanted.text.labels.targets import Target
from slanted.text.rows.columns import LIST_SEPARATOR, Columns
from slanted.text.runs.saved_run import _fits
from slanted.text.settings import Settings

pytestmark = pytest.mark.once

place, run = folded_runs.place, folded_runs.run

ONE, TWO = Columns("text", None, ("label",)), Columns("text", None, ("a", "b"))
SETS = Columns("text", None, ("label",), LIST_SEPARATOR)
CLASSES, FLAGS = Target("single", ("x", "y")), Target("multilabel", ("a", "b"))
NUMBER, NUMBERS = Target("regression", ("label",)), Target("regression", ("a", "b"))


@pytest.mark.parametrize(
    ("target", "columns", "task", "fit"),
    [
        (CLASSES, ONE, "auto", True),
        (CLASSES, ONE, "single", True),
        (CLASSES, None, "auto", True),  # trained in Python
        (CLASSES, ONE, "regression", False),
        (CLASSES, TWO, "auto", False),
        (CLASSES, SETS, "auto", True),  # lists of one label each
        (CLASSES, replace(SETS, label_separator=";"), "auto", False),
        (CLASSES, replace(SETS, label_names=("a", "b")), "auto", False),
        (Target("single", ("x",)), ONE, "auto", False),
        (Target("single", ("x",)), None, "auto", False),
        (FLAGS, TWO, "auto", True),
        (FLAGS, SETS, "auto", True),
        (FLAGS, None, "multilabel", True),
        (FLAGS, ONE, "auto", False),
        (FLAGS, TWO, "regression", False),
        (NUMBER, ONE, "auto", True),
        (NUMBERS, TWO, "regression", True),
        (NUMBERS, None, "auto", True),
        (NUMBERS, ONE, "auto", False),
        (NUMBERS, SETS, "auto", False),
    ],
)
def test_a_task_fits_the_settings_and_the_columns_or_not(target, columns, task, fit):
    assert _fits(target, None, Settings(task=task), columns) == fit


@pytest.mark.parametrize(("target", "fit"), [(FLAGS, True), (CLASSES, False), (NUMBERS, False)])
def test_several_labels_alone_have_thresholds(target, fit):
    assert _fits(target, np.array([0.5, 0.5]), Settings(), None) == fit


def test_folds_of_different_runs_are_refused(run, place, capsys):
    mixed = shutil.copytree(run, place.folder / "mixed")
    drop_sums(mixed / "fold_2")
    (mixed / "fold_2" / "labels.json").write_text('{"task": "single", "labels": ["x", "y"]}')
    assert main(["evaluate", str(mixed), place.test]) == 2
    found = f"{mixed}/fold_2/labels.json: names other labels than fold_1; restore the file or train again"
    assert capsys.readouterr().err == f"error: {found}\n"
    shutil.rmtree(mixed / "fold_2")
    assert main(["evaluate", str(mixed), place.test]) == 2
    message = f"error: {mixed}/fold_2: is not a finished run, recipe.json is missing; train one first\n"
    assert capsys.readouterr().err == message
