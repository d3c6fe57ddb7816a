"""The files of a run -> checked rows, their target and who is held out: all that can be refused before a model."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from slanted.common.messages import listed, plural, shown
from slanted.errors import InputError, SettingError
from slanted.text.formats.skipped_rows import BadRows
from slanted.text.labels.data_notes import Hashed, notes_on_rows, notes_on_validation
from slanted.text.labels.example_weights import described, weighed, weights_of_rows
from slanted.text.labels.examples import Examples
from slanted.text.labels.multilabel_cells import check_table
from slanted.text.labels.splits import Fold, check_no_single_row, fold_rows, split_validation
from slanted.text.labels.targets import Target, infer_target
from slanted.text.pretrained.model_files import most_tokens
from slanted.text.rows.overlap import overlap, text_hashes
from slanted.text.rows.parts import TEST, TRAIN, VALID, parts_of
from slanted.text.rows.rows import Rows, read_rows, read_rows_like
from slanted.text.runs.starting_model import locate_model
from slanted.text.settings import VALID_SHARE, DataFiles, Settings
from slanted.text.tokens.documents import check_chunkable


@dataclass(frozen=True)
class RunData:
    """All rows of a run.

    Attributes:
        target: What is learnt.
        train: The rows to learn from.
        valid: The rows to choose the epoch by, or None.
        test: The rows to score at the end, or None.
        columns: Which columns were read.
        summary: Lines about the data for the user to read.
        bad_rows: The rows that were left out.
        train_test_duplicates: The test rows that stand in the training file too, or None without a test file.
        folds: The rows of each model of a cross-validation, which `train` then holds all of; else none.
        sha256: Of the files, before they were read, by their part in the run; None where they can be read once only.
        valid_share: The share of the training rows that was held out.
        notes: The lines of `summary` on rows that may not be what they should be.
        numbers: Of a cross-validation, `row` of each training row in out_of_fold.csv, int64 (n,): its position from 0
            among the rows of all training files, skipped and test rows included; None: 0, 1, and so on.
    """

    target: Target
    train: Examples
    valid: Examples | None
    test: Examples | None
    columns: Any
    summary: tuple[str, ...]
    bad_rows: BadRows
    train_test_duplicates: int | None
    folds: tuple[Fold, ...] = ()
    sha256: dict[str, list[str]] | None = None
    valid_share: float = VALID_SHARE
    numbers: np.ndarray | None = None
    notes: tuple[str, ...] = ()

    def of_fold(self, fold: Fold) -> "RunData":
        """Return the rows of one model, those it is scored on in the place of the test rows."""
        train, test = self.train.take(fold.train), self.train.take(fold.test)
        valid = self.train.take(fold.valid) if len(fold.valid) else None
        return RunData(self.target, train, valid, test, self.columns, (), BadRows(), None, sha256=self.sha256)


def read_data(files: DataFiles, settings: Settings) -> RunData:
    """Read and check all files of a run, and its settings as far as that needs no model.

    Raises:
        InputError: A file, a column, a text or a label is wrong, or the model is unknown.
        SettingError: A setting does not fit the rows, or the texts are longer than the model takes.
    """
    if settings.folds and files.valid is not None:
        found = f"--folds {settings.folds}: each fold holds out rows of the training file, --valid {files.valid}"
        raise InputError(f"{found} would hold out others; leave one of the two out")
    bad_rows = BadRows(files.bad_rows)
    all_rows = read_rows(files.train, files, bad_rows=bad_rows)
    positions = parts_of(all_rows)
    parts = {part: all_rows.take(at) for part, at in positions.items()} if len(positions) > 1 else {TRAIN: all_rows}
    _check_parts(parts, files, settings)
    if TEST in parts and bad_rows.count:
        problem = f"--bad-rows skip: column {shown(files.split)} of --split names test rows, which are never skipped"
        raise InputError(f"{problem}. {bad_rows.latest}")
    numbers = bad_rows.numbers(all_rows.locations)[positions[TRAIN]] if settings.folds else None
    rows = parts[TRAIN]
    target = infer_target(rows, settings.task)
    check_target(target, settings)
    check_chunkable(settings, rows.texts_b)
    valid = Examples.of(parts[VALID], target) if VALID in parts else None
    valid = valid or _examples_like(files.valid, rows, target, files, bad_rows)
    test = Examples.of(parts[TEST], target) if TEST in parts else None
    test = test or _examples_like(files.test, rows, target, files, BadRows())
    weights = weights_of_rows(rows)
    train = weighed(target, Examples.of(rows, target), weights)
    if valid is None:
        settings = with_valid_share(settings, train, target, test is not None and not settings.folds)
    summary = [*_summary(rows, target), *_bad_rows_line(bad_rows)]
    if weights is not None:
        summary.append(described(weights, str(rows.columns.weight)))
    hashed = Hashed.of(train)
    duplicates = None if test is None else overlap(hashed.hashes, text_hashes(test.texts, test.texts_b))
    if test is not None and duplicates:
        share = f"the texts of {duplicates:,} of {plural(len(test), 'test row')}"
        summary.append(f"duplicates: {share} are among the training rows too, which makes the test scores too good")
    if target.kind == "single":  # the probabilities of all classes are computed for the rows that are scored
        held_out = round(settings.held_out_share * len(train)) if valid is None else len(valid)
        scored = len(train) if settings.folds else held_out
        check_table(max(scored, len(test or ())), len(target.labels), rows.columns.labels[0])
    folds = fold_rows(target, train, settings)
    notes = notes_on_rows(target, hashed, rows.columns.text, settings.task == "auto")
    share = settings.held_out_share if valid is None else None
    if valid is None and settings.held_out_share > 0.0 and not folds:
        train, valid = hold_out(train, target, settings)
    notes += notes_on_validation(target, train, valid, folds, share)
    summary += notes
    column = f"column {shown(files.split)}"
    named = replace(files, **{part: column for part in (VALID, TEST) if part in parts})
    summary.append(_fold_sizes(folds, test, named) if folds else _sizes(train, valid, test, named))
    most = most_tokens(locate_model(settings.model))
    if most is not None:
        settings.check_length(most)
    data = RunData(target, train, valid, test, rows.columns, tuple(summary), bad_rows, duplicates, folds)
    return replace(data, valid_share=settings.held_out_share, numbers=numbers, notes=tuple(notes))


def _check_parts(parts: dict[str, Rows], files: DataFiles, settings: Settings) -> None:
    """Raise if a part of the training file, and an option, both say which rows to validate or to test on."""
    given = {VALID: files.valid and f"--valid {files.valid}", TEST: files.test and f"--test {files.test}"}
    if settings.folds:
        given[VALID] = f"--folds {settings.folds}"
    for part, option in given.items():
        if part in parts and option:
            problem = f"{option}: column {shown(files.split)} of --split names rows for this part too"
            raise InputError(f"{problem}; leave one of the two out")


def _examples_like(
    path: str | None, rows: Rows, target: Target, options: DataFiles, bad_rows: BadRows
) -> Examples | None:
    if path is None:
        return None
    return Examples.of(read_rows_like(path, rows.columns, options=options, bad_rows=bad_rows), target)


def _bad_rows_line(bad_rows: BadRows) -> list[str]:
    if not bad_rows.count:
        return []
    return [f"bad rows: {bad_rows.count:,} left out; the last: {bad_rows.latest}"]


def with_valid_share(settings: Settings, train: Examples, target: Target, are_scored_elsewhere: bool) -> Settings:
    """Return the settings with a number for `valid_share`, see `Settings.with_valid_share`.

    Raises:
        InputError: A class has a single row, which is refused as it is where rows are held out.
    """
    decided = settings.with_valid_share(len(train), target.kind, are_scored_elsewhere)
    if decided is not settings and not decided.held_out_share and target.kind == "single":
        check_no_single_row(target, train)
    return decided


def hold_out(train: Examples, target: Target, settings: Settings) -> tuple[Examples, Examples]:
    """Return the training rows without the held-out share, and the share."""
    rest, valid = split_validation(target, train, settings.held_out_share, settings.seed)
    return train.take(rest), train.take(valid)


SCORES_OF = {
    "single": ("loss", "accuracy", "macro_f1", "micro_f1", "f1", "matthews", "roc_auc", "average_precision"),
    "multilabel": ("loss", "accuracy", "macro_f1", "micro_f1", "roc_auc", "average_precision"),
    "regression": ("loss", "pearson", "spearman", "mae"),
}


def check_target(target: Target, settings: Settings) -> None:
    """Raise unless `positive` is one of two classes or None, and class weights and `best_by` fit the task.

    Raises:
        SettingError: One of them does not fit.
    """
    two = target.kind == "single" and len(target.labels) == 2
    if settings.positive is not None and not two:
        raise SettingError("positive", "left out unless there are two classes", settings.positive)
    if settings.positive is not None and settings.positive not in target.names:
        raise SettingError("positive", f"one of the labels {listed(target.names)}", settings.positive)
    if settings.class_weight != "none" and target.kind == "regression":
        raise SettingError("class_weight", "left out for regression, which has no classes", settings.class_weight)
    scores = [name for name in SCORES_OF[target.kind] if name != "f1" or two]
    if settings.best_by not in scores:
        raise SettingError("best_by", f"a score of this task: {', '.join(scores)}", settings.best_by)


def _summary(rows: Rows, target: Target) -> tuple[str, ...]:
    count, columns = len(target.labels), rows.columns
    kind = {"single": f"{count} classes", "multilabel": f"{count} labels", "regression": plural(count, "target")}
    text = f"column {shown(columns.text)}"
    if columns.more_texts:
        text = f"columns {listed((columns.text, *columns.more_texts))} (joined)"
    if columns.text_b is not None:
        text = f"{text.replace('column ', 'columns ')} and {shown(columns.text_b)} (pairs)"
    return (
        f"data: {rows.source}: {plural(len(rows), 'row')}; text from {text}",
        f"task: {target.kind} ({target.reason}); {kind[target.kind]}: {listed(target.labels)}",
    )


def _sizes(train: Examples, valid: Examples | None, test: Examples | None, files: DataFiles) -> str:
    held = "none" if valid is None else f"{len(valid):,} ({files.valid or 'held out of the training file'})"
    return f"rows: training {len(train):,}; validation {held}; test {_tested(test, files)}"


def _fold_sizes(folds: tuple[Fold, ...], test: Examples | None, files: DataFiles) -> str:
    first = folds[0]
    parts = f"training {len(first.train):,}, validation {len(first.valid) or 'none'}, held out {len(first.test):,}"
    return f"rows: {len(folds)} folds, the first: {parts}; test {_tested(test, files)}"


def _tested(test: Examples | None, files: DataFiles) -> str:
    return "none" if test is None else f"{len(test):,} ({files.test})"
