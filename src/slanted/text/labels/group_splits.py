"""Splits whose parts are whole groups, such as all texts of an author: validation rows and folds."""

import numpy as np

from slanted.common.messages import shown
from slanted.errors import InputError
from slanted.text.labels.examples import Examples
from slanted.text.labels.targets import Target

_DRAWS = 20
_MOST_SUMS = 10**8  # groups times rows: beyond, so many groups come near enough in a random order


def groups_of_size(sizes: np.ndarray, rows: int, random: np.random.Generator) -> np.ndarray:
    """Return groups, drawn at random, whose rows together are as near to a number as they allow.

    At least one group is returned and one is left out.

    Args:
        sizes: The rows of each group, shape (groups,); at least two groups.
        rows: The number of rows wanted.
        random: Draws the groups.

    >>> groups_of_size(np.array([5, 3, 4]), 7, np.random.default_rng(0)).tolist()
    [1, 2]
    """
    order, total = random.permutation(len(sizes)), int(sizes.sum())
    limit = min(2 * rows, total - 1)
    if len(sizes) * limit > _MOST_SUMS:
        return _first_that_fit(sizes, order, min(rows, total - 1))
    reachable, steps = 1, []  # the bits of the sums that some of the first groups have together
    for group in order:
        steps.append(reachable)
        reachable |= reachable << int(sizes[group]) & ((1 << (limit + 1)) - 1)
    bits = np.frombuffer(reachable.to_bytes(limit // 8 + 1, "little"), np.uint8)
    sums = np.flatnonzero(np.unpackbits(bits, bitorder="little"))[1:]  # without that of no group
    if len(sums) == 0:  # each group alone is larger
        return _smallest(sizes)
    left = int(sums[np.argmin(np.abs(sums - rows))])
    chosen = []
    for group, before in zip(reversed(order), reversed(steps), strict=True):
        if not before >> left & 1:
            chosen.append(int(group))
            left -= int(sizes[group])
    return np.sort(chosen)


def _first_that_fit(sizes: np.ndarray, order: np.ndarray, rows: int) -> np.ndarray:
    """Return the groups that one after another fit into a number of rows; if none does, the smallest."""
    chosen, left = [], rows
    for group, size in zip(order.tolist(), sizes[order].tolist(), strict=True):
        if size <= left:
            chosen.append(group)
            left -= size
            if not left:
                break
    return np.sort(chosen) if chosen else _smallest(sizes)


def _smallest(sizes: np.ndarray) -> np.ndarray:
    return np.array([int(np.argmin(sizes))])


def grouped_validation(target: Target, train: Examples, share: float, random: np.random.Generator) -> np.ndarray:
    """Return the validation rows: whole groups, as near to the share as they allow.

    Of several draws the first is taken that leaves every class or label a row to train on and another to validate on;
    else the first that leaves each one to train on.

    Args:
        target: The task that the labels were encoded for.
        train: The training examples, with groups.
        share: In (0, 1).
        random: Draws the groups.

    Raises:
        InputError: There is one group only, or all rows of a class are in one group.
    """
    assert train.groups is not None
    groups = np.unique(train.groups, return_inverse=True)[1]  # some of all rows may have some of all groups only
    sizes = np.bincount(groups)
    if len(sizes) < 2:
        problem = "--group: all rows to train on are of one group, so that none can be validated on"
        raise InputError(f"{problem}; give --valid-share 0, or --valid without --folds")
    valid, rows = None, max(1, round(share * len(train)))
    for _ in range(_DRAWS):
        is_drawn = np.isin(groups, groups_of_size(sizes, rows, random))
        missing = _missing(target, train.y, ~is_drawn)
        if len(missing) == 0:
            valid = np.flatnonzero(is_drawn) if valid is None else valid
            if len(_missing(target, train.y, is_drawn)) == 0:
                return np.flatnonzero(is_drawn)
    if valid is None:
        label = shown(target.labels[missing[0]])
        problem = f"--group: label {label} has no row to train on where whole groups are validated on"
        raise InputError(
            f"{problem}; add rows of it in other groups, or give --valid-share 0, or --valid without --folds"
        )
    return valid


def group_folds(groups: np.ndarray, folds: int, random: np.random.Generator) -> np.ndarray:
    """Return the fold of each row, from 0: the largest group first, each group goes to the smallest fold.

    Args:
        groups: The group of each row, (n,).
        folds: How many.
        random: Draws the order of groups of one size.
    """
    sizes = np.bincount(groups)
    order = random.permutation(len(sizes))
    order = order[np.argsort(-sizes[order], kind="stable")]
    totals, fold = np.zeros(folds, np.int64), np.zeros(len(sizes), np.int64)
    for group in order:
        fold[group] = np.argmin(totals)
        totals[fold[group]] += sizes[group]
    return fold[groups]


def _missing(target: Target, y: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Return the classes or labels of the data that none of the rows has."""
    if target.kind == "regression":
        return np.array([], np.int64)
    if target.kind == "single":
        return np.setdiff1d(np.unique(y), y[rows])
    return np.flatnonzero((y.sum(axis=0) > 0) & (y[rows].sum(axis=0) == 0))
