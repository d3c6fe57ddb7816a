"""Notes on the rows of a run that may not be what they should be, for the user to read: nothing is refused or changed.

Texts are the same if they are equal in Unicode's normal form C with every run of white space as one space.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from slanted.common.messages import listed, plural, shown
from slanted.text.formats.cells import as_number, is_fractional
from slanted.text.labels.class_labels import visible_form
from slanted.text.labels.examples import Examples
from slanted.text.labels.label_table import Label
from slanted.text.labels.splits import Fold
from slanted.text.labels.targets import Target
from slanted.text.rows.overlap import overlap, text_hashes
from slanted.text.rows.text_storage import take_texts

MOST_INTEGERS = 20  # classes that are whole numbers; scores have more
LOOKED_AT, IDENTIFIERS_SHARE, FEWEST_TEXTS = 1_000, 0.95, 10
FEW = 2.0  # times the wanted share of validation rows


@dataclass(frozen=True)
class Hashed:
    """Examples with the hashes of their texts, int64 (n,), which several notes need."""

    examples: Examples
    hashes: np.ndarray

    @classmethod
    def of(cls, examples: Examples) -> "Hashed":
        """Hash the texts, or the pairs of texts."""
        return cls(examples, text_hashes(examples.texts, examples.texts_b))

    @cached_property
    def repeats(self) -> tuple[np.ndarray, np.ndarray]:
        """Rows whose text is another's: pairs of a row and the next one with the same text, each int64 (pairs,)."""
        ranked = np.sort(self.hashes)  # which is much faster than the order of the rows
        if not (ranked[1:] == ranked[:-1]).any():
            return np.array([], np.int64), np.array([], np.int64)
        order = np.argsort(self.hashes, kind="stable")
        at = np.flatnonzero(np.diff(self.hashes[order]) == 0)
        return order[at], order[at + 1]


def notes_on_rows(target: Target, train: Hashed, column: str | None = None, is_inferred: bool = True) -> list[str]:
    """Return notes on training rows, before validation rows are split off.

    Args:
        target: The target.
        train: The training rows.
        column: The name of the column of the texts in a file; None: they are Python's.
        is_inferred: Whether the task was inferred from the labels.
    """
    notes = [_repeated(train), _several_labels(target, train), _identifiers(train.examples, column)]
    integers = _integers(target, "give --task regression" if column else "use TextRegressor")
    notes += [integers if is_inferred else None, _look_alike(target, train.examples)]
    return [note for note in notes if note]


def notes_on_validation(
    target: Target, train: Examples, valid: Examples | None, folds: Sequence[Fold], share: float | None
) -> list[str]:
    """Return notes on the validation rows of a run, or of the first fold of a cross-validation.

    Args:
        target: The target.
        train: The rows to train on; of a cross-validation all rows.
        valid: The validation rows, or None.
        folds: The folds of a cross-validation; empty: there is none.
        share: The share of the rows that was to be held out; None: the rows are those of a file or a column.
    """
    if folds:
        train, valid = train.take(folds[0].train), train.take(folds[0].valid)
    if valid is None or not len(valid):
        return []
    where = " in the first fold" if folds else ""
    notes = _shared(train, valid) if share is None else _held_out(target, train, valid, share, where)
    return [*notes, *_unvalidated(target, valid, where)]


def _shared(train: Examples, valid: Examples) -> list[str]:
    hashes = (text_hashes(part.texts, part.texts_b) for part in (train, valid))
    count = overlap(*hashes)
    found = f"the texts of {count:,} of {plural(len(valid), 'validation row')}"
    note = f"duplicates: {found} are among the training rows too, which makes the scores too good"
    return [note] if count else []


def _repeated(train: Hashed) -> str | None:
    _, again = train.repeats
    if not len(again):
        return None
    row = int(again.min())
    first = int(np.flatnonzero(train.hashes == train.hashes[row])[0])
    found = (
        f"{len(again):,} of {plural(len(train.examples), 'training row')} {'repeats' if len(again) == 1 else 'repeat'}"
    )
    return f"duplicates: {found} the text of an earlier one, such as {_both(train, row, first)}"


def _several_labels(target: Target, train: Hashed) -> str | None:
    (rows, next_rows), y = train.repeats, train.examples.y
    # Numbers of one text differ a little where several people rated it.
    tolerance = y.std(axis=0) if target.kind == "regression" else 0
    differs = np.abs(y[rows] - y[next_rows]) > tolerance
    at = np.flatnonzero(differs if y.ndim == 1 else differs.any(axis=1))
    if not len(at):
        return None
    texts = len(np.unique(train.hashes[rows[at]]))
    first = at[np.argmin(next_rows[at])]
    row, before = int(next_rows[first]), int(rows[first])
    what = "different labels" if target.kind != "regression" else "different numbers"
    have = "text has" if texts == 1 else "texts have"
    labels = f"{_label(target, y[before])} and {_label(target, y[row])}"
    return f"labels: {texts:,} {have} {what} in the training rows, such as {labels}: {_both(train, before, row)}"


def _both(train: Hashed, row: int, other: int) -> str:
    """Return the places of two rows, in their order."""
    row, other = sorted((row, other))
    examples = train.examples
    if examples.locations is None:
        return f"texts[{row}] and texts[{other}]"
    return f"{examples.locations[row]} and {examples.locations.second(other)}"


def _label(target: Target, y: np.ndarray) -> str:
    if target.kind == "single":
        return shown(target.names[int(y)])
    if target.kind == "regression":
        return ", ".join(f"{value:g}" for value in y)
    return " + ".join(shown(target.names[at]) for at in np.flatnonzero(y)) or "none"


def _identifiers(train: Examples, column: str | None) -> str | None:
    """Return a note on texts of one word with a digit each: identifiers, codes or numbers."""
    rows = np.unique(np.linspace(0, len(train) - 1, LOOKED_AT).astype(int))
    texts = list(take_texts(train.texts, rows))
    odd = [text for text in texts if len(text.split()) == 1 and any(map(str.isdigit, text))]
    if train.texts_b is not None or len(train) < FEWEST_TEXTS or len(odd) < IDENTIFIERS_SHARE * len(texts):
        return None
    if column is None:
        return f"texts: they look like identifiers or numbers, such as {shown(odd[0])}; give the texts themselves"
    found = f"texts: column {shown(column)} looks like identifiers or numbers, such as {shown(odd[0])}"
    return f"{found}; if another column has the texts, name it with --text"


def _integers(target: Target, remedy: str) -> str | None:
    if target.kind != "single" or len(target.labels) <= MOST_INTEGERS:
        return None
    numbers = [as_number(label) for label in target.labels]
    if None in numbers or any(isinstance(label, bool) or is_fractional(label) for label in target.labels):
        return None
    found = f"{len(numbers)} whole numbers, from {shown(target.labels[0])} to {shown(target.labels[-1])}"
    return f"labels: {found}, are read as classes; for scores or counts {remedy}"


def _look_alike(target: Target, train: Examples) -> str | None:
    """Return a note on labels that differ in their Unicode normal form, or in characters that cannot be seen."""
    if target.kind == "regression":
        return None
    seen: dict[Label, int] = {}
    pairs = []
    for at, name in enumerate(target.names):
        other = seen.setdefault(visible_form(name), at)
        if other != at:
            pairs.append((other, at))
    if not pairs:
        return None
    first, second = (f"{target.names[at]!a}{_row_of(target, train, at)}" for at in pairs[0])
    more = f", and {plural(len(pairs) - 1, 'pair')} more," if len(pairs) > 1 else ""
    rule = "look the same: they differ in their Unicode normal form or in an invisible character"
    return f"labels: {first} and {second}{more} {rule}; if they are one label, spell them alike"


def _row_of(target: Target, train: Examples, at: int) -> str:
    rows = np.flatnonzero(train.y == at if target.kind == "single" else train.y[:, at])
    if not len(rows):
        return ""
    row = int(rows[0])
    return f" (labels[{row}])" if train.locations is None else f" ({train.locations.second(row)})"


def _held_out(target: Target, train: Examples, valid: Examples, share: float, where: str) -> list[str]:
    rows = len(train) + len(valid)
    if len(valid) <= FEW * max(1, round(share * rows)):
        return []
    why = f"each of {len(target.labels):,} classes has one at least"
    if train.groups is not None or target.kind != "single":
        why = "whole groups are"
    found = (
        f"validation: {len(valid):,} of {rows:,} rows are held out{where}, more than the share of {share:g}, as {why}"
    )
    return [f"{found}; give validation rows by --valid, or --valid-share 0"]


def _unvalidated(target: Target, valid: Examples, where: str) -> list[str]:
    if target.kind != "multilabel":
        return []
    missing = np.flatnonzero(~valid.y.any(axis=0))
    if not len(missing):
        return []
    names = listed([target.names[at] for at in missing])
    label, them = ("the label", "it") if len(missing) == 1 else ("one of the labels", "them")
    found = f"validation: no row{where} has {label} {names}, so that nothing is known of how well the model predicts"
    return [f"{found} {them}, and roc_auc and average_precision have no value; add validation rows of {them}"]
