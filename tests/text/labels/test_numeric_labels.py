"""Labels that are numbers: columns of 0 and 1, and real numbers with their deviations."""

import numpy as np
import pytest
from row_files import labelled, refusal, rows_of

from slanted.text.labels.label_table import LabelColumns
from slanted.text.labels.numeric_labels import check_all_vary, deviations, encode_zero_one, first_fractional
from slanted.text.labels.targets import infer_target

pytestmark = [pytest.mark.once, pytest.mark.usefixtures("in_empty_folder")]

ZERO_ONE = "but each of several label columns is 0 or 1; correct it, or for scores give --task regression"
TOO_LARGE = "which is beyond 3.4e+38; rescale the column"
NO_NUMBER = "which is no finite number, as regression needs; correct it, or if the labels are names give --task single"
ZERO_ONE_PYTHON = ZERO_ONE.replace("--task regression", "task='regression'")
NO_NUMBER_PYTHON = NO_NUMBER.replace("--task single", "task='single'")


def test_numbers_are_as_exact_as_they_are_given():
    stamps = labelled(*(f"{1_700_000_000.5 + 1000 * at}" for at in range(40)))
    y = infer_target(stamps).encode(stamps)
    assert y[:, 0].tolist() == [1_700_000_000.5 + 1000 * at for at in range(40)]


def test_equal_numbers_have_no_deviation():
    assert deviations(np.column_stack([np.full(30, 0.1), np.arange(30)])).tolist() == [0.0, np.arange(30).std()]


ONE_COLUMN_REFUSED = [
    (["1.5", "n/a"], "auto", f"f.csv, line 3: column 'label' holds 'n/a', {NO_NUMBER}"),
    (["inf", "1.5"], "auto", f"f.csv, line 2: column 'label' holds 'inf', {NO_NUMBER}"),
    (["1.5", "NaN"], "auto", f"f.csv, line 3: column 'label' holds 'NaN', {NO_NUMBER}"),
    (
        ["1.5", "1e39"],
        "auto",
        f"f.csv, line 3: column 'label' holds '1e39', {TOO_LARGE}",
    ),
    (["1.5", "1e999"], "auto", f"f.csv, line 3: column 'label' holds '1e999', {NO_NUMBER}"),
    (["1.5", "1;5"], "auto", f"f.csv, line 3: column 'label' holds '1;5', {NO_NUMBER}"),
    (["good", "bad"], "regression", f"f.csv, line 2: column 'label' holds 'good', {NO_NUMBER}"),
    (
        ["1.5", "1.50"],
        "auto",
        "f.csv: column 'label' is '1.5' in every row, which leaves nothing to learn; leave it out or add other rows",
    ),
    (
        [f"{1_700_000_000.5 + at}" for at in range(40)],
        "auto",
        "f.csv: column 'label' has the deviation 11.5, too small beside its mean 1.7e+09 for the float32 numbers of a "
        "model to tell rows apart; subtract a constant from the column, such as its mean",
    ),
    (
        ["1.5e-40", "2.5e-40"],
        "auto",
        "f.csv: column 'label' has the deviation 5e-41, too small for the float32 numbers of a model; "
        "multiply the column",
    ),
    (["0", "1", "2"], "multilabel", f"f.csv, line 4: column 'label' holds '2', {ZERO_ONE}"),
]


@pytest.mark.parametrize(("labels", "task", "message"), ONE_COLUMN_REFUSED)
def test_one_column_is_refused(labels, task, message):
    assert refusal(infer_target, labelled(*labels), task) == message


SEVERAL_COLUMNS_REFUSED = [
    (["t,0,1", "t,1,2"], "auto", f"f.csv, line 3: column 'b' holds '2', {ZERO_ONE}"),
    (["t,0,1", "t,1,0.5"], "auto", f"f.csv, line 3: column 'b' holds '0.5', {ZERO_ONE}"),
    (["t,yes,1", "t,no,0"], "auto", f"f.csv, line 2: column 'a' holds 'yes', {ZERO_ONE}"),
    (["t,0,1", "t,nan,0"], "multilabel", f"f.csv, line 3: column 'a' holds 'nan', {ZERO_ONE}"),
    (
        ["t,0,1", "t,0,1"],
        "auto",
        "f.csv: every row has the same labels, which leaves nothing to learn; add other rows",
    ),
    (["t,0.5,1.5", "t,1,x"], "auto", f"f.csv, line 3: column 'b' holds 'x', {NO_NUMBER}"),
    (
        ["t,0.5,1.5", "t,1,1.5"],
        "auto",
        "f.csv: column 'b' is '1.5' in every row, which leaves nothing to learn; leave it out or add other rows",
    ),
]


@pytest.mark.parametrize(("records", "task", "message"), SEVERAL_COLUMNS_REFUSED)
def test_several_columns_are_refused(records, task, message):
    assert refusal(infer_target, rows_of(*records, header="text,a,b", label=["a", "b"]), task) == message


PYTHON_REFUSED = [
    ([[0, 1], [1, 3]], "auto", f"labels[1, 1]: 3, {ZERO_ONE_PYTHON}"),
    ([1.5, float("inf")], "auto", f"labels[1]: inf, {NO_NUMBER_PYTHON}"),
    (
        [1, 10**400],
        "regression",
        f"labels[1]: 1{'0' * 58}…, {NO_NUMBER_PYTHON}",
    ),
]


@pytest.mark.parametrize(("labels", "task", "message"), PYTHON_REFUSED)
def test_python_labels_are_refused(labels, task, message):
    assert refusal(infer_target, labels, task) == message


def test_the_first_fractional_number_is_found():
    assert first_fractional(["1", "2.0", "x", "2.5", "0.5"]) == 3
    assert first_fractional(["1", "1e999", "nan"]) is None
    assert first_fractional([1, 2.5]) == 1


def test_a_remedy_names_another_task_only_while_one_can_be_chosen():
    cells = LabelColumns(None, ("a", "b"), [[0, 1], [1, 2]])
    plain = "labels[1, 1]: 2, but each of several label columns is 0 or 1; correct it"
    assert refusal(encode_zero_one, cells) == plain
    assert refusal(encode_zero_one, cells, undecided=True) == f"{plain}, or for scores give task='regression'"


def test_a_deviation_is_small_beside_the_mean_from_a_millionth_on():
    wide, narrow = np.array([[1e6], [1e6 + 4]]), np.array([[1e6], [1e6 + 1]])
    cells = LabelColumns(None, ("score",), [["1", "2"]])
    check_all_vary(cells, wide)
    assert refusal(check_all_vary, cells, narrow).startswith(
        "labels: column 'score' has the deviation 0.5, too small beside its mean 1e+06 for the float32 numbers"
    )
