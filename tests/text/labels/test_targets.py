from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from slanted.errors import InputError
from slanted.text.labels.numeric_labels import deviations
from slanted.text.labels.splits import split_validation
from slanted.text.labels.targets import Target, infer_target
from slanted.text.rows.rows import read_rows

pytestmark = pytest.mark.once

ALONE = "has this row only, none to hold out for validation; add rows of it, or give --valid or --valid-share 0"
ZERO_ONE = "but each of several label columns is 0 or 1; correct it, or for scores give --task regression"
TOO_LARGE = "which is beyond 3.4e+38; rescale the column"
NO_NUMBER = "which is no finite number, as regression needs; correct it, or if the labels are names give --task single"
ZERO_ONE_PYTHON = ZERO_ONE.replace("--task regression", "task='regression'")
NO_NUMBER_PYTHON = NO_NUMBER.replace("--task single", "task='single'")
ALIKE = "differ only in case or spaces; spell them alike, or rename one"


@pytest.fixture(autouse=True)
def in_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def rows_of(*records, header="text,label", name="f.csv", **options):
    Path(name).write_text("\n".join([header, *records, ""]), encoding="utf-8")
    return read_rows(name, **options)


def labelled(*labels, **options):
    return rows_of(*(f't,"{label}"' for label in labels), **options)


def refusal(call, *arguments, **options):
    with pytest.raises(InputError) as caught:
        call(*arguments, **options)
    message = str(caught.value)
    assert message.isprintable()
    return message


INFERRED = [
    (["b", "a", "b"], "single", ("a", "b")),
    (["10", "9", "-1"], "single", ("-1", "9", "10")),
    (["007", "8", "+6"], "single", ("+6", "007", "8")),
    (["10", "9", "x"], "single", ("10", "9", "x")),
    (["1.0", "2.0", "10.0"], "single", ("1.0", "10.0", "2.0")),
    (["1,5", "2,5"], "single", ("1,5", "2,5")),
    (["nan", "inf"], "single", ("inf", "nan")),
    (["1_0.5", "v1.5"], "single", ("1_0.5", "v1.5")),
    (["9" * 400, "1" * 5000], "single", ("1" * 5000, "9" * 400)),
    (["👍", "<b>", "'; DROP TABLE x;--", "../x"], "single", ("'; DROP TABLE x;--", "../x", "<b>", "👍")),
    (["5.000", "2.500"], "regression", ("label",)),
    (["1", "2", "-.5"], "regression", ("label",)),
    (["1", "2", " 1.5e-1 "], "regression", ("label",)),
]


@pytest.mark.parametrize(("labels", "kind", "names"), INFERRED)
def test_the_task_of_one_column_is_inferred(labels, kind, names):
    target = infer_target(labelled(*labels))
    assert target == Target(kind, names)
    if kind == "single":
        assert target.decode(target.encode(labelled(*labels))) == labels


def test_the_task_of_several_columns_is_inferred():
    bits = rows_of("t,0,1", "t,1.0,1", header="text,b,a")
    assert infer_target(bits) == Target("multilabel", ("b", "a"))
    np.testing.assert_array_equal(infer_target(bits).encode(bits), np.array([[0, 1], [1, 1]], np.float32), strict=True)
    scores = rows_of("t,0,1.5", "t,0.25,1", header="text,b,a", label=["b", "a"])
    assert infer_target(scores) == Target("regression", ("b", "a"))
    array = infer_target(scores).encode(scores)
    np.testing.assert_array_equal(array, np.array([[0, 1.5], [0.25, 1]]), strict=True)
    assert infer_target(rows_of("t,0", "t,1", header="text,toxic")) == Target("single", ("0", "1"))


def test_numbers_are_as_exact_as_they_are_given():
    stamps = labelled(*(f"{1_700_000_000.5 + 1000 * at}" for at in range(40)))
    y = infer_target(stamps).encode(stamps)
    assert y[:, 0].tolist() == [1_700_000_000.5 + 1000 * at for at in range(40)]


def test_equal_numbers_have_no_deviation():
    assert deviations(np.column_stack([np.full(30, 0.1), np.arange(30)])).tolist() == [0.0, np.arange(30).std()]


def test_the_task_may_be_said():
    assert infer_target(labelled("1.5", "2.5"), "single") == Target("single", ("1.5", "2.5"))
    assert infer_target(labelled("1", "2"), "regression") == Target("regression", ("label",))
    assert infer_target(labelled("1", "0"), "multilabel") == Target("multilabel", ("label",))
    whole = rows_of("t,1,2", "t,3,4", header="text,a,b", label=["a", "b"])
    assert infer_target(whole, "regression") == Target("regression", ("a", "b"))


def test_the_reason_is_told():
    assert infer_target(labelled("1", "2.5")).reason == "f.csv, line 3: column 'label' holds '2.5', a fractional number"
    assert infer_target(labelled("1", "2")).reason == "f.csv: one column of labels without fractional numbers"
    assert infer_target([[0, 1], [1, 0]]).reason == "labels: 2 label columns of 0 and 1"
    assert infer_target(labelled("1", "2"), "regression").reason == "--task regression says so"


def test_classes_are_encoded_in_order():
    target = infer_target(labelled("b", "a", "c"))
    np.testing.assert_array_equal(target.encode(labelled("c", "b", "c")), np.array([2, 1, 2], np.int32), strict=True)


PYTHON = [
    (["b", "a"], ("a", "b")),
    ([10, 9], (9, 10)),
    ([True, False], (False, True)),
    ([2.0, 1.0], (1.0, 2.0)),
    (np.array([10, 9], np.int8), (9, 10)),
    (np.array(["b", "a"]), ("a", "b")),
    ([np.int64(10), np.int64(9)], (9, 10)),
    (np.array([True, False]), (False, True)),
]


@pytest.mark.parametrize(("labels", "classes"), PYTHON)
def test_python_labels_come_back_in_their_type(labels, classes):
    target = infer_target(labels)
    assert target == Target("single", classes)
    given_back = target.decode(target.encode(labels))
    assert given_back == list(labels)
    assert {type(label) for label in given_back} == {type(classes[0])} <= {str, int, float, bool}
    assert target.names == tuple(str(label) for label in classes)


def test_python_columns_and_data_frames():
    bits = np.array([[0, 1, 1], [1, 1, 0]])
    assert infer_target(bits) == Target("multilabel", ("0", "1", "2"))
    assert infer_target(bits.astype(bool).tolist()) == Target("multilabel", ("0", "1", "2"))
    assert infer_target([1, 2.5]) == Target("regression", ("0",))

    class Frame:
        columns = ("x", "y")

        def __array__(self, dtype=None, copy=None):
            return np.array([[0.5, 1], [1, 0.5]], dtype=dtype)

    assert infer_target(Frame()) == Target("regression", ("x", "y"))


ONE_COLUMN_REFUSED = [
    (["x", "x"], "auto", "f.csv: every row has the label 'x'; classes need two labels at least: add rows of another"),
    (["x"], "auto", "f.csv: every row has the label 'x'; classes need two labels at least: add rows of another"),
    (["Spam", "ham", "spam"], "auto", f"f.csv: labels 'Spam' (line 2) and 'spam' (line 4) {ALIKE}"),
    (["ham", "a", "ham "], "auto", f"f.csv: labels 'ham' (line 2) and 'ham ' (line 4) {ALIKE}"),
    (["card  lost", "a", "card lost"], "auto", f"f.csv: labels 'card  lost' (line 2) and 'card lost' (line 4) {ALIKE}"),
    (["1", "1\t"], "auto", f"f.csv: labels '1' (line 2) and '1\\t' (line 3) {ALIKE}"),
    (["ÄRGER", "ärger"], "auto", f"f.csv: labels 'ÄRGER' (line 2) and 'ärger' (line 3) {ALIKE}"),
    (["1.5", "n/a"], "auto", f"f.csv, line 3: column 'label' holds 'n/a', {NO_NUMBER}"),
    (["inf", "1.5"], "auto", f"f.csv, line 2: column 'label' holds 'inf', {NO_NUMBER}"),
    (["1.5", "NaN"], "auto", f"f.csv, line 3: column 'label' holds 'NaN', {NO_NUMBER}"),
    (
        ["1.5", "1e39"],
        "auto",
        f"f.csv, line 3: column 'label' holds '1e39', {TOO_LARGE}",
    ),
    (["1.5", "1e999"], "auto", f"f.csv, line 3: column 'label' holds '1e999', {NO_NUMBER}"),
    (["1.5", "1,5"], "auto", f"f.csv, line 3: column 'label' holds '1,5', {NO_NUMBER}"),
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
    (["a", "b"], "sorting", "--task sorting is unknown; give one of 'auto', 'single', 'multilabel', 'regression'"),
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
    (["t,0,1", "t,1,0"], "single", "f.csv: --task single takes one label column, not 2; keep one of 'a', 'b'"),
]


@pytest.mark.parametrize(("records", "task", "message"), SEVERAL_COLUMNS_REFUSED)
def test_several_columns_are_refused(records, task, message):
    assert refusal(infer_target, rows_of(*records, header="text,a,b", label=["a", "b"]), task) == message


COLUMNS_OF_SETS = "give a column of 0 and 1 for each label, as sklearn.preprocessing.MultiLabelBinarizer makes of "
COLUMNS_OF_SETS += "sets of names"
TYPES = "give strings, integers, floats or booleans, one type for all"
PYTHON_REFUSED = [
    ([], "auto", "labels: none given; give one label for each text"),
    ("abc", "auto", "labels must have the shape (texts,) or (texts, columns), not (); give one label for each text"),
    (
        iter("ab"),
        "auto",
        "labels must have the shape (texts,) or (texts, columns), not (); give one label for each text",
    ),
    ([[1, 0], [1]], "auto", f"labels[0] is a list; {COLUMNS_OF_SETS}"),
    ([{"a"}, {"a", "b"}], "auto", f"labels[0] is a set; {COLUMNS_OF_SETS}"),
    ([("a", "b"), ()], "auto", f"labels[0] is a tuple; {COLUMNS_OF_SETS}"),
    (
        [np.zeros((2, 3)), np.zeros((2, 2))],
        "auto",
        "labels must have the shape (texts,) or (texts, columns), but the rows differ in length; "
        "give each the same columns",
    ),
    (["a", None], "auto", "labels[1] is None; give a label for every text"),
    ([1.0, float("nan")], "auto", "labels[1] is nan; give a label for every text"),
    ([[0, 1], [1, np.nan]], "auto", "labels[1, 1] is nan; give a label for every text"),
    (["a", " "], "auto", "labels[1] is empty; give a label for every text"),
    ([b"a", b"b"], "auto", f"labels[0] is of type bytes; {TYPES}"),
    (["a", 1], "auto", "labels[1] is of type int, but labels[0] of type str; give labels of one type"),
    ([1, True, 0], "auto", "labels[1] is of type bool, but labels[0] of type int; give labels of one type"),
    (["A", "a"], "auto", f"labels: labels 'A' (labels[0]) and 'a' (labels[1]) {ALIKE}"),
    (["x", "x"], "auto", "labels: every row has the label 'x'; classes need two labels at least: add rows of another"),
    ([[0, 1], [1, 3]], "auto", f"labels[1, 1]: 3, {ZERO_ONE_PYTHON}"),
    ([1.5, float("inf")], "auto", f"labels[1]: inf, {NO_NUMBER_PYTHON}"),
    (
        [1, 10**400],
        "regression",
        f"labels[1]: 1{'0' * 58}…, {NO_NUMBER_PYTHON}",
    ),
    ([[0, 1], [1, 0]], "single", "labels: task='single' takes one label column, not 2; keep one of '0', '1'"),
    (["a", "b"], "x", "task='x' is unknown; give one of 'auto', 'single', 'multilabel', 'regression'"),
]


@pytest.mark.parametrize(("labels", "task", "message"), PYTHON_REFUSED)
def test_python_labels_are_refused(labels, task, message):
    assert refusal(infer_target, labels, task) == message


def test_labels_unknown_to_the_training_data_are_refused():
    target = infer_target(labelled("ham", "spam"))
    assert refusal(target.encode, labelled("ham", "eggs", name="test.csv")) == (
        "test.csv, line 3: column 'label' holds 'eggs', a label that the training data lacks; it has 'ham', 'spam'; "
        "correct it, or add rows of it to the training data"
    )
    assert refusal(target.encode, labelled("ham", "Spam", name="test.csv")) == (
        "test.csv, line 3: column 'label' holds 'Spam', which differs from the training data's 'spam' only in case or "
        "spaces; spell them alike"
    )
    assert refusal(target.encode, ["ham", "eggs"]) == (
        "labels[1]: 'eggs', a label that the training data lacks; it has 'ham', 'spam'; "
        "correct it, or add rows of it to the training data"
    )
    many = infer_target(labelled(*range(100)))
    assert "it has '0', '1', '2'," in refusal(many.encode, ["x"]) and "'19' and 80 more;" in refusal(many.encode, ["x"])


def test_later_files_are_held_to_the_training_data():
    target = infer_target(rows_of("t,0,1", "t,1,0", header="text,a,b"))
    one = labelled("0", "1", name="test.csv")
    rule = "test.csv: 1 label columns, where the training data has 2; give the same columns"
    assert refusal(target.encode, one) == rule
    other = rows_of("t,0,1", "t,1,7", header="text,a,b", name="test.csv", label=["a", "b"])
    correct = "but each of several label columns is 0 or 1; correct it"
    assert refusal(target.encode, other) == f"test.csv, line 3: column 'b' holds '7', {correct}"
    unread = rows_of("t,0", name="test.csv", labelled=False)
    assert refusal(target.encode, unread) == "test.csv: its labels were not read; read it with labelled=True"
    numbers = infer_target(labelled("1.5", "2"))
    found = "v.csv, line 2: column 'label' holds 'x', which is no finite number, as regression needs; correct it"
    assert refusal(numbers.encode, labelled("x", name="v.csv")) == found


CLASSES = Target("single", ("a", "b", "c"))


@pytest.mark.parametrize("share", [0.01, 0.1, 0.25, 0.5, 0.9, 0.99])
@pytest.mark.parametrize("counts", [(2, 2, 2), (2, 3, 1000), (100, 100, 100), (7, 11, 13), (2, 50, 2)])
def test_stratified_split(counts, share):
    y = np.random.default_rng(1).permutation(np.repeat(np.arange(3, dtype=np.int32), counts))
    train, valid = split_validation(CLASSES, y, share, seed=0)
    np.testing.assert_array_equal(np.sort(np.concatenate([train, valid])), np.arange(len(y)))
    assert (np.diff(train) > 0).all() and (np.diff(valid) > 0).all()
    assert train.dtype == valid.dtype == np.int64
    held = Counter(y[valid].tolist())
    for label, count in enumerate(counts):
        assert 1 <= held[label] <= count - 1
        assert abs(held[label] - count * share) <= 1 or held[label] in (1, count - 1)
    lowest, highest = len(counts), sum(counts) - len(counts)
    assert len(valid) == pytest.approx(np.clip(round(len(y) * share), lowest, highest), abs=2)


def test_stratified_split_holds_out_the_share_exactly_where_classes_allow():
    y = np.repeat(np.arange(3, dtype=np.int32), (15, 15, 70))
    assert Counter(y[split_validation(CLASSES, y, 0.1, seed=0)[1]].tolist()) == {0: 2, 1: 1, 2: 7}


@pytest.mark.parametrize("kind", ["single", "multilabel", "regression"])
def test_a_split_is_repeated_by_its_seed_and_changed_by_another(kind):
    y = np.tile(np.arange(3, dtype=np.int32), 100)
    y = y if kind == "single" else np.eye(3, dtype=np.float32)[y]
    target = Target(kind, ("a", "b", "c"))
    first, again, other = (split_validation(target, y, 0.1, seed)[1].tolist() for seed in (5, 5, 6))
    assert first == again != other
    assert len(first) == 30


def test_every_row_is_held_out_by_some_seed():
    y = np.tile(np.arange(3, dtype=np.int32), 10)
    held = np.concatenate([split_validation(CLASSES, y, 0.2, seed)[1] for seed in range(100)])
    counts = np.bincount(held, minlength=30)
    assert counts.min() > 5 and counts.max() < 40


@pytest.mark.parametrize("seed", range(20))
def test_multilabel_split_keeps_every_label_in_training(seed):
    draw = np.random.default_rng(seed)
    y = (draw.random((60, 8)) < 0.3).astype(np.float32)
    y[:, :2] = 0
    y[draw.integers(60), 0] = 1
    y[draw.integers(60), 1] = 1
    train, valid = split_validation(Target("multilabel", tuple("abcdefgh")), y, 0.5, seed)
    assert (y[train].sum(axis=0) > 0).all()
    assert len(valid) == 30
    np.testing.assert_array_equal(np.sort(np.concatenate([train, valid])), np.arange(60))


def test_small_and_odd_splits():
    numbers = Target("regression", ("score",))
    assert [len(part) for part in split_validation(numbers, np.zeros((2, 1)), 0.1, 0)] == [1, 1]
    assert [len(part) for part in split_validation(numbers, np.zeros((3, 1)), 0.99, 0)] == [1, 2]
    apart = Target("multilabel", ("a", "b"))
    assert [len(part) for part in split_validation(apart, np.eye(2), 0.5, 0)] == [1, 1]
    train, valid = split_validation(CLASSES, np.array([0, 1, 2]), 0, 0)
    assert (train.tolist(), valid.tolist()) == ([0, 1, 2], [])


def test_a_class_of_one_row_cannot_be_held_out():
    rows = labelled("a", "a", "b", "c", "c")
    target = infer_target(rows)
    y = target.encode(rows)
    assert refusal(split_validation, target, y, 0.1, 0, rows) == f"f.csv, line 4: label 'b' {ALONE}"
    assert refusal(split_validation, target, y, 0.1, 0) == f"labels[2]: label 'b' {ALONE}"
    assert len(split_validation(target, y, 0, 0, rows)[0]) == 5


@pytest.mark.parametrize("share", [1, 1.5, -0.1, float("nan")])
def test_a_share_out_of_range_is_refused(share):
    message = f"--valid-share {share} is not in [0, 1); give a share such as 0.1, or 0 to hold nothing out"
    assert refusal(split_validation, CLASSES, np.array([0, 0, 1, 1]), share, 0) == message
