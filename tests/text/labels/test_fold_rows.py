"""Which rows each fold trains on, validates on and holds out."""

import numpy as np
import pytest

from slanted.errors import InputError, SettingError
from slanted.text.labels.splits import fold_rows, label_folds
from slanted.text.labels.targets import Target
from slanted.text.settings import Settings

pytestmark = pytest.mark.once

NAMES = Target("single", ("a", "b", "c"))
DRAW = np.random.default_rng(0)
CLASSES = DRAW.permutation(np.repeat([0, 1, 2], [70, 23, 10])).astype("int32")
LABELS = (DRAW.random((200, 5)) < [0.5, 0.3, 0.1, 0.05, 0.03]).astype("float32")
NUMBERS = DRAW.random((41, 1)).astype("float32")


def settings(folds, share=0.1, seed=0):
    return Settings(folds=folds, valid_share=share, seed=seed)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5])
@pytest.mark.parametrize("count", [2, 3, 5, 10])
@pytest.mark.parametrize("target, y", [(NAMES, CLASSES), (Target("regression", ("x",)), NUMBERS)])
def test_every_row_is_held_out_once_and_of_no_other_use_there(target, y, count, share):
    folds = fold_rows(target, y, settings(count, share))
    assert len(folds) == count
    np.testing.assert_array_equal(np.sort(np.concatenate([fold.held for fold in folds])), np.arange(len(y)))
    for fold in folds:
        together = np.concatenate([fold.train, fold.valid, fold.held])
        np.testing.assert_array_equal(np.sort(together), np.arange(len(y)))
        assert len(fold.held) in (len(y) // count, -(-len(y) // count))
        assert len(fold.valid) == (round(share * (len(y) - len(fold.held))) if share else 0)
        assert all((np.diff(part) > 0).all() for part in (fold.train, fold.valid, fold.held))


@pytest.mark.parametrize("count", [2, 3, 5, 10])
def test_classes_are_spread_evenly(count):
    held = [np.bincount(CLASSES[fold.held], minlength=3) for fold in fold_rows(NAMES, CLASSES, settings(count))]
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
    first, again, other = [fold_rows(NAMES, CLASSES, settings(3, seed=seed))[0].held for seed in (4, 4, 5)]
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_no_folds():
    assert fold_rows(NAMES, CLASSES, settings(0)) == ()


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
        fold_rows(Target("single", ("a", "b")), np.array(y), settings(count, share))
    assert str(refused.value).startswith(message)


def test_two_rows_of_a_class_do_where_none_validates():
    folds = fold_rows(Target("single", ("a", "b")), np.array([0, 0, 0, 1, 1]), settings(2, share=0.0))
    assert all(1 in np.array([0, 0, 0, 1, 1])[fold.train] for fold in folds)


def test_more_folds_than_rows():
    with pytest.raises(SettingError) as refused:
        fold_rows(Target("regression", ("x",)), NUMBERS[:5], settings(6))
    message = "Argument `folds` must be at most the 5 training rows, of 4 or more. Received: folds=6"
    assert str(refused.value) == message
