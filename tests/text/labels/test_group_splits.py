"""Splits into whole groups: as near to the share as the groups allow, and no group on both sides."""

import numpy as np
import pytest
from row_files import read_rows, refusal, write

from slanted.errors import SettingError
from slanted.text.labels.examples import Examples
from slanted.text.labels.group_splits import group_folds, groups_of_size
from slanted.text.labels.splits import fold_rows, split_validation
from slanted.text.labels.targets import infer_target
from slanted.text.settings import Settings

pytestmark = [pytest.mark.once, pytest.mark.usefixtures("in_empty_folder")]

ONE_GROUP = (
    "--group: all rows to train on are of one group, so that none can be validated on; give --valid-share 0, or "
    "--valid without --folds"
)


def examples(rows):
    write("text,label,author\n" + "".join(f"a,{label},{author}\n" for label, author in rows))
    read = read_rows("f.csv", group="author")
    target = infer_target(read)
    return target, Examples.of(read, target)


@pytest.mark.parametrize(
    ("sizes", "rows", "nearest"),
    [([5, 3, 4], 7, 7), ([10, 10, 10], 3, 10), ([1] * 50, 5, 5), ([90, 7, 3], 10, 10), ([6, 6], 12, 6), ([8, 9], 1, 8)],
)
def test_the_groups_have_as_many_rows_as_they_can(sizes, rows, nearest):
    sizes = np.array(sizes)
    for seed in range(5):
        chosen = groups_of_size(sizes, rows, np.random.default_rng(seed))
        assert sizes[chosen].sum() == nearest and 0 < len(chosen) < len(sizes)


def test_many_groups_are_drawn_without_counting_all_sums():
    sizes = np.full(100_000, 10)
    chosen = groups_of_size(sizes, 100_000, np.random.default_rng(0))
    assert sizes[chosen].sum() == 100_000
    sizes[0] = 500_000  # which does not fit, and stands anywhere in the order
    for seed in range(3):
        chosen = groups_of_size(sizes, 100_000, np.random.default_rng(seed))
        assert sizes[chosen].sum() == 100_000
    assert len(groups_of_size(np.full(20_000, 5), 100_000, np.random.default_rng(0))) == 19_999
    assert groups_of_size(np.array([10**8, 10**8 - 1]), 6 * 10**7, np.random.default_rng(0)).tolist() == [1]


def test_the_sums_of_few_large_groups_are_read_at_once():
    sizes = np.array([600_000 + at for at in range(10)])  # one by one, the sums would take minutes
    chosen = groups_of_size(sizes, 1_200_100, np.random.default_rng(0))
    assert sorted(sizes[chosen].tolist()) == [600_008, 600_009]


def test_validation_rows_are_whole_groups_and_leave_each_class_on_both_sides():
    target, train = examples([("xy"[at % 2], at // 4) for at in range(200)])
    rest, valid = split_validation(target, train, 0.1, seed=0)
    assert len(valid) == 20 and len(rest) == 180
    assert not set(train.groups[rest]) & set(train.groups[valid])
    assert set(train.y[valid]) == {0, 1}
    again = split_validation(target, train, 0.1, seed=0)[1]
    assert valid.tolist() == again.tolist() != split_validation(target, train, 0.1, seed=1)[1].tolist()


def test_folds_are_whole_groups_of_nearly_equal_size():
    target, train = examples([("xy"[at % 2], at // 4) for at in range(200)])
    folds = fold_rows(target, train, Settings(folds=5))
    assert sorted(np.concatenate([fold.test for fold in folds]).tolist()) == list(range(200))
    assert [len(fold.test) for fold in folds] == [40] * 5
    for fold in folds:
        parts = [set(train.groups[rows]) for rows in (fold.train, fold.valid, fold.test)]
        assert not (parts[0] & parts[1] or parts[0] & parts[2] or parts[1] & parts[2])
    assert np.bincount(group_folds(np.array([0, 0, 0, 1, 1, 2]), 2, np.random.default_rng(0))).tolist() == [3, 3]


def test_each_fold_validates_on_whole_groups_of_the_others():
    target, train = examples([("xy"[at % 2], at // 20) for at in range(100)])
    for fold in fold_rows(target, train, Settings(folds=5)):
        assert [len(rows) for rows in (fold.train, fold.valid, fold.test)] == [60, 20, 20]
    target, train = examples([("xy"[at % 2], at // 20) for at in range(40)])
    assert refusal(fold_rows, target, train, Settings(folds=2)) == ONE_GROUP
    assert [len(fold.valid) for fold in fold_rows(target, train, Settings(folds=2, valid_share=0.0))] == [0, 0]


def test_groups_that_leave_nothing_to_train_on_are_refused():
    target, train = examples([("x", "a"), ("y", "a"), ("x", "a")])
    assert refusal(split_validation, target, train, 0.5, 0) == ONE_GROUP
    target, train = examples([("x", "a"), ("x", "a"), ("y", "b"), ("y", "b")])
    message = refusal(split_validation, target, train, 0.5, 0)
    assert message.startswith("--group: label '")
    assert "has no row to train on where whole groups are validated on" in message
    with pytest.raises(SettingError, match="at most the 2 groups of --group"):
        fold_rows(target, train, Settings(folds=3))


def test_a_group_is_no_label_and_no_text():
    write("body,author,toxic\na,me,0\nb,you,1\n")
    rows = read_rows("f.csv", group="author")
    assert (rows.columns.text, rows.columns.labels, rows.names["group"]) == ("body", ("toxic",), ["me", "you"])
    assert refusal(read_rows, "f.csv", group="toxic", label=["toxic"], text="body").startswith(
        "f.csv: column 'toxic' is used twice"
    )
    assert refusal(read_rows, "f.csv", group="none").startswith("f.csv: --group 'none' names no column")
    write("text,label,author\na,x,\n")
    assert refusal(read_rows, "f.csv", group="author").startswith("f.csv, line 2: column 'author' is empty")
