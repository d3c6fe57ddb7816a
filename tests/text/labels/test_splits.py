"""Which rows are held out to validate, and which rows each fold trains on, validates on and holds out."""

from collections import Counter

import numpy as np
import pytest
from row_files import labelled, refusal

from slanted.errors import InputError, SettingError
from slanted.text.labels.examples import Examples
from slanted.text.labels.splits import fold_rows, label_folds, split_validation
from slanted.text.labels.targets import Target, infer_target
from slanted.text.settings import Settings

pytestmark = [pytest.mark.once, pytest.mark.usefixtures("in_empty_folder")]

ALONE = "has this row only, none to hold out for validation; add rows of it, or give --valid or --valid-share 0"
NAMES = Target("single", ("a", "b", "c"))
DRAW = np.random.default_rng(0)
CLASSES = DRAW.permutation(np.repeat([0, 1, 2], [70, 23, 10])).astype("int32")
LABELS = (DRAW.random((200, 5)) < [0.5, 0.3, 0.1, 0.05, 0.03]).astype("float32")
NUMBERS = DRAW.random((41, 1)).astype("float32")


def labels(y):
    """Examples of Python with these labels."""
    return Examples(["t"] * len(y), labels=np.asarray(y))


def settings(folds, share=0.1, seed=0):
    return Settings(folds=folds, valid_share=share, seed=seed)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5])
@pytest.mark.parametrize("count", [2, 3, 5, 10])
@pytest.mark.parametrize("target, y", [(NAMES, CLASSES), (Target("regression", ("x",)), NUMBERS)])
def test_every_row_is_held_out_once_and_of_no_other_use_there(target, y, count, share):
    folds = fold_rows(target, labels(y), settings(count, share))
    assert len(folds) == count
    np.testing.assert_array_equal(np.sort(np.concatenate([fold.test for fold in folds])), np.arange(len(y)))
    for fold in folds:
        together = np.concatenate([fold.train, fold.valid, fold.test])
        np.testing.assert_array_equal(np.sort(together), np.arange(len(y)))
        assert len(fold.test) in (len(y) // count, -(-len(y) // count))
        assert len(fold.valid) == (round(share * (len(y) - len(fold.test))) if share else 0)
        assert all((np.diff(part) > 0).all() for part in (fold.train, fold.valid, fold.test))


@pytest.mark.parametrize("count", [2, 3, 5, 10])
def test_classes_are_spread_evenly(count):
    held = [np.bincount(CLASSES[fold.test], minlength=3) for fold in fold_rows(NAMES, labels(CLASSES), settings(count))]
    assert (np.ptp(held, axis=0) <= 1).all()


@pytest.mark.parametrize("count", [2, 5, 10])
def test_labels_are_spread_nearly_evenly(count):
    folds = label_folds(LABELS, count, np.random.default_rng(1))
    held = np.array([LABELS[folds == number].sum(axis=0) for number in range(count)])
    by_chance = np.random.default_rng(1).integers(0, count, len(LABELS))
    chance = np.array([LABELS[by_chance == number].sum(axis=0) for number in range(count)])
    rarest = LABELS.sum(axis=0).argmin()
    assert np.ptp(held[:, rarest]) <= 1
    assert np.ptp(held, axis=0).mean() < np.ptp(chance, axis=0).mean()
    assert np.ptp(np.bincount(folds)) <= 4


def test_the_same_seed_gives_the_same_folds_and_another_others():
    first, again, other = [fold_rows(NAMES, labels(CLASSES), settings(3, seed=seed))[0].test for seed in (4, 4, 5)]
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_no_folds():
    assert fold_rows(NAMES, labels(CLASSES), settings(0)) == ()


@pytest.mark.parametrize(
    ("y", "count", "share", "message"),
    [
        ([0, 0, 0, 1, 1], 3, 0.1, "labels[3]: label 'b' has 2 rows, of which --folds 3 leaves 1 to train and validate"),
        ([0, 0, 0, 0, 1, 1, 1], 2, 0.1, "labels[4]: label 'b' has 3 rows, of which --folds 2 leaves 1 to train and"),
        ([0, 0, 0, 1], 2, 0.0, "labels[3]: label 'b' has 1 row, of which --folds 2 leaves 0 to train and validate on"),
    ],
)
def test_a_class_of_which_a_fold_leaves_too_few(y, count, share, message):
    with pytest.raises(InputError) as refused:
        fold_rows(Target("single", ("a", "b")), labels(y), settings(count, share))
    assert str(refused.value).startswith(message)


def test_two_rows_of_a_class_do_where_none_validates():
    folds = fold_rows(Target("single", ("a", "b")), labels([0, 0, 0, 1, 1]), settings(2, share=0.0))
    assert all(1 in np.array([0, 0, 0, 1, 1])[fold.train] for fold in folds)


def test_more_folds_than_rows():
    with pytest.raises(SettingError) as refused:
        fold_rows(Target("regression", ("x",)), labels(NUMBERS[:5]), settings(6))
    message = "Argument `folds` must be at most the 5 training rows, of 4 or more. Received: folds=6"
    assert str(refused.value) == message


@pytest.mark.parametrize("share", [0.01, 0.1, 0.25, 0.5, 0.9, 0.99])
@pytest.mark.parametrize("counts", [(2, 2, 2), (2, 3, 1000), (100, 100, 100), (7, 11, 13), (2, 50, 2)])
def test_stratified_split(counts, share):
    y = np.random.default_rng(1).permutation(np.repeat(np.arange(3, dtype=np.int32), counts))
    train, valid = split_validation(NAMES, labels(y), share, seed=0)
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
    assert Counter(y[split_validation(NAMES, labels(y), 0.1, seed=0)[1]].tolist()) == {0: 2, 1: 1, 2: 7}


@pytest.mark.parametrize("kind", ["single", "multilabel", "regression"])
def test_a_split_is_repeated_by_its_seed_and_changed_by_another(kind):
    y = np.tile(np.arange(3, dtype=np.int32), 100)
    y = y if kind == "single" else np.eye(3, dtype=np.float32)[y]
    target = Target(kind, ("a", "b", "c"))
    first, again, other = (split_validation(target, labels(y), 0.1, seed)[1].tolist() for seed in (5, 5, 6))
    assert first == again != other
    assert len(first) == 30


def test_every_row_is_held_out_by_some_seed():
    y = np.tile(np.arange(3, dtype=np.int32), 10)
    held = np.concatenate([split_validation(NAMES, labels(y), 0.2, seed)[1] for seed in range(100)])
    counts = np.bincount(held, minlength=30)
    assert counts.min() > 5 and counts.max() < 40


@pytest.mark.parametrize("seed", range(20))
def test_multilabel_split_keeps_every_label_in_training(seed):
    draw = np.random.default_rng(seed)
    y = (draw.random((60, 8)) < 0.3).astype(np.float32)
    y[:, :2] = 0
    y[draw.integers(60), 0] = 1
    y[draw.integers(60), 1] = 1
    train, valid = split_validation(Target("multilabel", tuple("abcdefgh")), labels(y), 0.5, seed)
    assert (y[train].sum(axis=0) > 0).all()
    assert len(valid) == 30
    np.testing.assert_array_equal(np.sort(np.concatenate([train, valid])), np.arange(60))


def test_small_and_odd_splits():
    numbers = Target("regression", ("score",))
    assert [len(part) for part in split_validation(numbers, labels(np.zeros((2, 1))), 0.1, 0)] == [1, 1]
    assert [len(part) for part in split_validation(numbers, labels(np.zeros((3, 1))), 0.99, 0)] == [1, 2]
    apart = Target("multilabel", ("a", "b"))
    assert [len(part) for part in split_validation(apart, labels(np.eye(2)), 0.5, 0)] == [1, 1]
    train, valid = split_validation(NAMES, labels([0, 1, 2]), 0, 0)
    assert (train.tolist(), valid.tolist()) == ([0, 1, 2], [])


def test_a_class_of_one_row_cannot_be_held_out():
    rows = labelled("a", "a", "b", "c", "c")
    target = infer_target(rows)
    train = Examples.of(rows, target)
    assert refusal(split_validation, target, train, 0.1, 0) == f"f.csv, line 4: label 'b' {ALONE}"
    assert refusal(split_validation, target, labels(train.y), 0.1, 0) == f"labels[2]: label 'b' {ALONE}"
    assert len(split_validation(target, train, 0, 0)[0]) == 5


@pytest.mark.parametrize("share", [1, 1.5, -0.1, float("nan")])
def test_a_share_out_of_range_is_refused(share):
    message = f"--valid-share {share} is not in [0, 1); give a share such as 0.1, or 0 to hold nothing out"
    assert refusal(split_validation, NAMES, labels([0, 0, 1, 1]), share, 0) == message
