"""Which rows each model of a cross-validation learns from, chooses its epoch by, and is scored on.

Every row is held out once, by the fold of its number. Of the other rows `--valid-share` chooses the epoch, as in any
run: the rows a fold is scored on have had no say in its model.
"""

from dataclasses import dataclass

import numpy as np

from slanted.common.messages import plural, shown
from slanted.errors import InputError, SettingError
from slanted.text.labels.label_table import as_label_columns
from slanted.text.labels.splits import label_folds, plain_folds, stratified_folds
from slanted.text.labels.targets import Target, split_validation
from slanted.text.settings import Settings


@dataclass(frozen=True)
class Fold:
    """The rows of one model, as sorted positions among all training rows.

    Attributes:
        train: It learns from.
        valid: It chooses its epoch by; none without a validation share.
        held: It is scored on.
    """

    train: np.ndarray
    valid: np.ndarray
    held: np.ndarray


def fold_rows(target: Target, y: np.ndarray, settings: Settings, labels: object = None) -> tuple[Fold, ...]:
    """Return the rows of each of `settings.folds` models, the same for the same seed; none for 0 folds.

    Classes are stratified, labels as nearly as single labels allow; numbers are drawn at random.

    Args:
        target: The target that encoded `y`.
        y: `target.encode` of the training labels.
        settings: Its `folds`, `valid_share` and `seed`.
        labels: What `y` was encoded from, so that a message can name the line.

    Raises:
        SettingError: There are more folds than rows allow.
        InputError: A class has too few rows.
    """
    if not settings.folds:
        return ()
    if len(y) < settings.folds or len(y) < 4:
        raise SettingError("folds", f"at most the {plural(len(y), 'training row')}, of 4 or more", settings.folds)
    random = np.random.default_rng(settings.seed)
    draw = {"single": stratified_folds, "multilabel": label_folds, "regression": plain_folds}[target.kind]
    numbers = draw(y, settings.folds, random)
    if target.kind == "single":
        _check_classes(target, y, numbers, settings, labels)
    return tuple(_fold(target, y, numbers == number, settings) for number in range(settings.folds))


def _fold(target: Target, y: np.ndarray, held: np.ndarray, settings: Settings) -> Fold:
    rest = np.flatnonzero(~held)
    train, valid = split_validation(target, y[rest], settings.valid_share, settings.seed)
    return Fold(rest[train], rest[valid], np.flatnonzero(held))


def _check_classes(target: Target, y: np.ndarray, numbers: np.ndarray, settings: Settings, labels: object) -> None:
    """Raise if a fold would leave a class without a row to train on, or without another to validate on."""
    needed = 2 if settings.valid_share else 1
    counts = np.zeros((settings.folds, len(target.labels)), dtype=np.int64)
    np.add.at(counts, (numbers, y), 1)
    left = counts.sum(axis=0) - counts.max(axis=0)
    short = np.flatnonzero(left < needed)
    if len(short):
        row = int(np.flatnonzero(y == short[0])[0])
        place = f"labels[{row}]" if labels is None else as_label_columns(labels).where(row)
        found = f"{place}: label {shown(target.labels[short[0]])} has {plural(int(counts[:, short[0]].sum()), 'row')}"
        why = f"of which --folds {settings.folds} leaves {left[short[0]]} to train and validate on"
        raise InputError(f"{found}, {why}; add rows of it, or leave the label out")
