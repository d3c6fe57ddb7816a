"""Validation split and cross-validation folds.

The rows are drawn by pure functions of the encoded labels and a random generator. In a cross-validation every row is a
test row of one fold. A share `--valid-share` of the other rows chooses the epoch, as in any run: the test rows of a
fold have no influence on its model.
"""

from dataclasses import dataclass

import numpy as np

from slanted.common.messages import plural, shown
from slanted.errors import InputError, SettingError
from slanted.text.labels.examples import Examples
from slanted.text.labels.group_splits import group_folds, grouped_validation
from slanted.text.labels.targets import Target
from slanted.text.settings import Settings


def stratified_rows(classes: np.ndarray, share: float, random: np.random.Generator) -> np.ndarray:
    """Return the validation rows: `share` of every class, at least one row of each and never all.

    Each class of c rows gives floor(c * share), clipped to [1, c - 1]; the rows then still missing from
    round(n * share) come from the classes that the floor cut most.

    Args:
        classes: Class indices of shape (n,), every class with two rows at least.
        share: In (0, 1).
        random: Draws the rows.
    """
    counts = np.bincount(classes)
    wanted = counts * share
    taken = np.clip(np.floor(wanted), np.minimum(1, counts), np.maximum(counts - 1, 0)).astype(np.int64)
    missing = max(0, round(len(classes) * share) - int(taken.sum()))
    spare = np.argsort(taken - wanted, kind="stable")
    spare = spare[taken[spare] < counts[spare] - 1][:missing]
    taken[spare] += 1
    order = random.permutation(len(classes))
    order = order[np.argsort(classes[order], kind="stable")]
    starts = np.cumsum(counts) - counts
    return np.sort(np.concatenate([order[start : start + take] for start, take in zip(starts, taken, strict=True)]))


def plain_rows(rows: int, share: float, random: np.random.Generator) -> np.ndarray:
    """Return round(n * share) of n rows, at least one and never all."""
    return np.sort(random.permutation(rows)[: held_out_count(rows, share)])


def multilabel_rows(labels: np.ndarray, share: float, random: np.random.Generator) -> np.ndarray:
    """Return validation rows such that every label of the data is still 1 in some training row, if possible.

    Args:
        labels: 0 and 1, of shape (n, labels).
        share: In (0, 1).
        random: Draws the rows.
    """
    order = random.permutation(len(labels))
    shuffled = labels[order]
    stays = np.zeros(len(labels), dtype=bool)
    for label in np.argsort(labels.sum(axis=0), kind="stable"):  # the rarest first: its rows serve others too
        positive = np.flatnonzero(shuffled[:, label])
        if len(positive) and not stays[positive].any():
            stays[positive[-1]] = True
    free = order[~stays] if not stays.all() else order
    return np.sort(free[: held_out_count(len(labels), share)])


def held_out_count(rows: int, share: float) -> int:
    """Return round(rows * share), within [1, rows - 1]."""
    return min(max(1, round(rows * share)), rows - 1)


def stratified_folds(classes: np.ndarray, folds: int, random: np.random.Generator) -> np.ndarray:
    """Return the fold of each row, from 0: folds differ by one row at most, and so do a class's rows in them.

    Args:
        classes: Class indices of shape (n,).
        folds: How many.
        random: Draws the rows.
    """
    order = random.permutation(len(classes))
    order = order[np.argsort(classes[order], kind="stable")]
    return _dealt(order, folds)


def plain_folds(values: np.ndarray, folds: int, random: np.random.Generator) -> np.ndarray:
    """Return the fold of each of n rows, from 0, drawn at random; folds differ by one row at most."""
    return _dealt(random.permutation(len(values)), folds)


def label_folds(labels: np.ndarray, folds: int, random: np.random.Generator) -> np.ndarray:
    """Return the fold of each row, from 0, so that each label's rows are spread as evenly as their other labels allow.

    Label by label, the rarest first, its rows not yet dealt go one by one to the fold that has the fewest of it, of
    several such to the smallest (Sechidis et al. 2011, iterative stratification, the labels ranked once).

    Args:
        labels: 0 and 1, of shape (n, labels).
        folds: How many.
        random: Draws the rows.
    """
    order = random.permutation(len(labels))
    fold = np.full(len(labels), -1)
    sizes = np.zeros(folds, dtype=np.int64)
    counts = np.zeros((folds, labels.shape[1]), dtype=np.int64)
    for label in np.argsort(labels.sum(axis=0), kind="stable"):
        for row in order[(labels[order, label] > 0) & (fold[order] < 0)]:
            fold[row] = np.lexsort((sizes, counts[:, label]))[0]
            counts[fold[row]] += labels[row] > 0
            sizes[fold[row]] += 1
    for row in order[fold[order] < 0]:
        fold[row] = np.argmin(sizes)
        sizes[fold[row]] += 1
    return fold


def _dealt(order: np.ndarray, folds: int) -> np.ndarray:
    """Return the fold of each row when the rows, in this order, go to the folds in turn."""
    fold = np.empty(len(order), dtype=np.int64)
    fold[order] = np.arange(len(order)) % folds
    return fold


@dataclass(frozen=True)
class Fold:
    """The rows of one model, as sorted positions among all training rows.

    Attributes:
        train: The training rows.
        valid: The validation rows, which choose the epoch; none without a validation share.
        test: The rows that the model is scored on.
    """

    train: np.ndarray
    valid: np.ndarray
    test: np.ndarray


def fold_rows(target: Target, train: Examples, settings: Settings) -> tuple[Fold, ...]:
    """Return the folds of a cross-validation, the same for the same seed; none if `settings.folds` is 0.

    Classes are stratified, several labels nearly so; for regression the rows are drawn at random.

    Args:
        target: The task that the labels were encoded for.
        train: The training examples.
        settings: Its `folds`, `valid_share` and `seed`.

    Raises:
        SettingError: There are more folds than rows allow.
        InputError: A class has too few rows.
    """
    if not settings.folds:
        return ()
    if len(train) < settings.folds or len(train) < 4:
        raise SettingError("folds", f"at most the {plural(len(train), 'training row')}, of 4 or more", settings.folds)
    random = np.random.default_rng(settings.seed)
    draw = {"single": stratified_folds, "multilabel": label_folds, "regression": plain_folds}[target.kind]
    numbers = draw(train.y, settings.folds, random) if train.groups is None else _of_groups(train, settings, random)
    if target.kind == "single":
        _check_classes(target, train, numbers, settings)
    return tuple(_fold(target, train, numbers == number, settings) for number in range(settings.folds))


def _of_groups(train: Examples, settings: Settings, random: np.random.Generator) -> np.ndarray:
    assert train.groups is not None
    if (count := int(train.groups.max()) + 1) < settings.folds:
        raise SettingError("folds", f"at most the {plural(count, 'group')} of --group", settings.folds)
    return group_folds(train.groups, settings.folds, random)


def _fold(target: Target, examples: Examples, is_test: np.ndarray, settings: Settings) -> Fold:
    rest = np.flatnonzero(~is_test)
    train, valid = split_validation(target, examples.take(rest), settings.held_out_share, settings.seed)
    return Fold(rest[train], rest[valid], np.flatnonzero(is_test))


def _check_classes(target: Target, train: Examples, numbers: np.ndarray, settings: Settings) -> None:
    """Raise if a fold would leave a class without a row to train on, or without another to validate on."""
    needed = 2 if settings.held_out_share else 1
    counts = np.zeros((settings.folds, len(target.labels)), dtype=np.int64)
    np.add.at(counts, (numbers, train.y), 1)
    left = counts.sum(axis=0) - counts.max(axis=0)
    short = np.flatnonzero(left < needed)
    if len(short):
        first = train.where(int(np.flatnonzero(train.y == short[0])[0]))
        problem = f"{first}: label {shown(target.labels[short[0]])} has {plural(int(counts[:, short[0]].sum()), 'row')}"
        why = f"of which --folds {settings.folds} leaves {left[short[0]]} to train and validate on"
        raise InputError(f"{problem}, {why}; add rows of it, or leave the label out")


def split_validation(target: Target, train: Examples, share: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Split the rows into training and validation rows, both sorted, the same for the same seed.

    Classes are stratified, with a row of each on either side. Several labels and numbers are split at random; every
    label of the data stays among the rows to train on, where that can be.

    Args:
        target: The task that the labels were encoded for.
        train: The training examples.
        share: The share to validate on, in [0, 1); 0 holds nothing out.
        seed: Of the random draw.

    Returns:
        Two int64 arrays of row positions.

    Raises:
        InputError: The share is out of its range, a class has a single row, or all weights to train on are 0.
    """
    if not 0 <= share < 1:
        raise InputError(f"--valid-share {share} is not in [0, 1); give a share such as 0.1, or 0 to hold nothing out")
    y, everything = train.y, np.arange(len(train))
    if share == 0:
        return everything, everything[:0]
    random = np.random.default_rng(seed)
    if train.groups is not None:
        valid = grouped_validation(target, train, share, random)
    elif target.kind == "single":
        check_no_single_row(target, train)
        valid = stratified_rows(y, share, random)
    elif target.kind == "multilabel":
        valid = multilabel_rows(y, share, random)
    else:
        valid = plain_rows(len(y), share, random)
    rest = np.setdiff1d(everything, valid, assume_unique=True)
    if train.weights is not None and not train.weights[rest].any():
        problem = f"all rows to train on, beside {plural(len(valid), 'row')} for validation, have weight 0"
        raise InputError(f"{problem}; give more rows a weight above 0, or give --valid-share 0")
    return rest, valid


def check_no_single_row(target: Target, train: Examples) -> None:
    """Raise if a class has a single row, none to hold out.

    Raises:
        InputError: A class has.
    """
    alone = np.flatnonzero(np.bincount(train.y) == 1)
    if len(alone):
        row = train.where(int(np.flatnonzero(train.y == alone[0])[0]))
        problem = f"{row}: label {shown(target.labels[alone[0]])} has this row only, none to hold out for validation"
        raise InputError(f"{problem}; add rows of it, or give --valid or --valid-share 0")
