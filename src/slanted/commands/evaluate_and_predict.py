"""`slanted evaluate` and `slanted predict`: score or predict the rows of a file with the model of a run."""

import os
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from slanted.common.messages import printable_json, shown
from slanted.common.setting_fields import documented, setting
from slanted.errors import InputError, printable
from slanted.runtime import backend_choice, threads
from slanted.runtime.keras_startup import check_installed, start_keras
from slanted.text.formats.input_paths import STANDARD_INPUT, input_paths
from slanted.text.formats.open_table import ending_of
from slanted.text.labels.examples import Examples
from slanted.text.rows.rows import Rows, read_rows_like, read_rows_of_labels
from slanted.text.runs.artefacts import identity
from slanted.text.runs.saved_run import SavedRun, read_run, replaced_meanwhile
from slanted.text.settings import BACKENDS, ReadOptions, threads_setting


@documented
@dataclass(frozen=True)
class UseOptions(ReadOptions):
    """Options for reading a file, by default as in training, the backend that runs the model, and its threads."""

    backend: str = setting("auto", "Keras's backend", choices=BACKENDS)
    threads: int | str = threads_setting()


def evaluate(folder: Path, file: str, options: UseOptions, as_json: bool = False) -> dict[str, Any]:
    """Score the model in `folder` on the rows of `file`; print and return the scores.

    Raises:
        InputError: The folder, the file or a label is invalid.
    """
    check_installed("slanted evaluate")
    run = read_run(folder)
    target = replace(run.target, labels=run.target.names)  # the labels in a file are strings
    part = Examples.of(_read(run, file, options, labelled=True), target)
    scores = _load(folder, options, run).score(part)
    print(printable_json(scores, 2, sys.stdout.encoding) if as_json else printable(_table(scores)))
    return scores


def predict(folder: Path, file: str, out: Path, options: UseOptions) -> None:
    """Predict the rows of `file` with the model in `folder`, and write the predictions to `out` in the same order.

    Raises:
        InputError: The folder or the file is invalid, or `out` cannot be written to.
    """
    check_installed("slanted predict")
    _check_out(out, file)
    run = read_run(folder)
    rows = _read(run, file, options, labelled=False)
    for line in _notes(run, file, rows.columns.text, options):
        print(line)
    model = _load(folder, options, run)
    model.write_predictions(out, rows.texts, rows.texts_b)
    print(f"{len(rows):,} predictions: {out}")


def _notes(run: SavedRun, file: str, column: str, options: UseOptions) -> list[str]:
    """Return notes on a first line read as a row, as in training, and on a text column with another name.

    Raises:
        InputError: The text column is several, with another separator than in training.
    """
    form, notes = _with_form(run, file, options), []
    if form.header is False and options.header is None:
        notes.append("note: reading the first line as a row, as in training; give --header if it names the columns")
    expected = next(iter(options.texts), "text" if run.columns is None else run.columns.text)
    if column.strip().casefold() == expected.casefold():
        return notes
    if form.separator and (other := next((mark for mark in ",;\t|" if mark in column), None)):
        problem = f"{file}: with --separator {shown(form.separator)} its only column is {shown(column)}"
        raise InputError(f"{problem}; give its own, such as --separator {shown(other)}")
    found = f"note: reading texts from column {shown(column)}, because there is no column {shown(expected)}"
    return [*notes, f"{found}; if that is a text, give --no-header --columns text"]


def _check_out(out: Path, file: str) -> None:
    if out.is_dir():
        raise InputError(f"--out {out}: is a folder; give the CSV file to write")
    if not out.absolute().parent.is_dir():
        raise InputError(f"--out {out}: there is no folder {out.parent}; create it first")
    if os.path.islink(os.path.realpath(out)):
        raise InputError(f"--out {out}: is a link that leads back to itself; give another file")
    if not os.access(out if out.exists() else out.absolute().parent, os.W_OK):
        raise InputError(f"--out {out}: cannot be written to; give another file")
    if out.exists() and any(Path(path).exists() and out.samefile(path) for path in input_paths(file)):
        raise InputError(f"--out {out}: is the file to predict, and would be replaced; give another file")


def _with_form(run: SavedRun, file: str, options: UseOptions) -> UseOptions:
    """Return the options, for a file of the kind of the training file with how that was written."""
    if file == STANDARD_INPUT or ending_of(file) == ending_of(str(run.reading.train)):
        return options.with_form_of(run.reading)
    return options


def _read(run: SavedRun, file: str, options: UseOptions, labelled: bool) -> Rows:
    columns, options = run.columns, _with_form(run, file, options)
    if options.text_b is not None and run.pairs is False:
        raise InputError(f"--text-b {options.text_b}: the model was trained on single texts; leave it out")
    if columns is None:
        names = () if run.target.kind == "single" or len(run.target.names) == 1 else run.target.names
        rows = read_rows_of_labels(file, names, options, labelled=labelled)
        if run.pairs and rows.texts_b is None:
            problem = f"{file}: single texts in column {shown(rows.columns.text)}, but the model was trained on pairs"
            raise InputError(f"{problem}; name the column of the second texts with --text-b")
        return replace(rows, texts_b=None) if run.pairs is False else rows
    columns = replace(columns, text_b=options.text_b or columns.text_b)
    if options.texts:
        columns = replace(columns, text=options.texts[0], more_texts=options.texts[1:])
    return read_rows_like(file, columns, labelled=labelled, options=options)


def _to_standard_error(line: str) -> None:
    print(line, file=sys.stderr)


def _load(folder: Path, options: UseOptions, run: SavedRun) -> Any:
    """Return the model of a run that was read before."""
    threads.set_threads(options.threads, backend_choice.running_backend())
    start_keras(backend_choice.choose(options.backend, "float32", _to_standard_error).backend)
    from slanted.text.models.fold_ensemble import load_model

    model = load_model(folder)
    if identity(folder) != run.identity:
        raise replaced_meanwhile(folder)
    return model


def _table(scores: dict[str, Any]) -> str:
    lines = [f"{name:<18} {value:.4f}" for name, value in scores.items() if isinstance(value, float)]
    for label, row in scores.get("per_class", {}).items():
        lines.append(f"  {label:<24} " + "  ".join(f"{name} {_short(value)}" for name, value in row.items()))
    return "\n".join(lines)


def _short(value: float) -> str:
    return str(value) if isinstance(value, int) else f"{value:.4f}"
