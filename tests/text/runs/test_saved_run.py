"""Whether a run's labels fit what else its folder says."""

import numpy as np
import pytest

from slanted.text.labels.targets import Target
from slanted.text.rows.columns import LIST_SEPARATOR, Columns
from slanted.text.runs.saved_run import _fits
from slanted.text.settings import Settings

pytestmark = pytest.mark.once

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
        (CLASSES, SETS, "auto", False),
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
