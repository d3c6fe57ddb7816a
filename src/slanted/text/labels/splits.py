"""Which rows are held out to validate: pure functions of the labels as numbers and a random generator."""

import numpy as np


def stratified_rows(classes: np.ndarray, share: float, random: np.random.Generator) -> np.ndarray:
    """Return rows that hold out `share` of every class, at least one of each and never all.

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
    """Return rows to hold out so that every label of the data is still 1 in a row that stays, if any row may go.

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
    """Return the fold of each row where the rows, in this order, are dealt to the folds in turn."""
    fold = np.empty(len(order), dtype=np.int64)
    fold[order] = np.arange(len(order)) % folds
    return fold
