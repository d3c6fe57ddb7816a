"""`slanted evaluate` and `slanted predict`: score or predict the rows of a file with the model of a run."""

import os
import shlex
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from slanted.commands.use_options import PredictOptions, UseOptions
from slanted.common.messages import listed, plural, printable_json, shown
from slanted.errors import InputError, printable, printable_line
from slanted.runtime import backend_choice, threads
from slanted.runtime.keras_startup import check_installed, start_keras
from slanted.text.formats.cells import is_blank
from slanted.text.formats.input_paths import STANDARD_INPUT, input_paths
from slanted.text.formats.open_table import ending_of
from slanted.text.formats.skipped_rows import BadRows
from slanted.text.labels.examples import Examples
from slanted.text.models.predictions_csv import Layout, check_free, prediction_columns
from slanted.text.models.table_files import STANDARD_OUTPUT, check_name
from slanted.text.rows.columns import Columns, Keep
from slanted.text.rows.rows import Rows, read_rows_like, read_rows_of_labels
from slanted.text.runs.artefacts import identity, is_of_run
from slanted.text.runs.saved_run import SavedRun, read_run, replaced_meanwhile


def evaluate(folder: Path, file: str, options: UseOptions, as_json: bool = False) -> dict[str, Any]:
    """Score the model in `folder` on the rows of `file`; print and return the scores.

    Raises:
        InputError: The folder, the file or a label is invalid.
    """
    check_installed("slanted evaluate")
    run, bad_rows = read_run(folder), BadRows(options.bad_rows)
    target = replace(run.target, labels=run.target.names)  # the labels in a file are strings
    part = Examples.of(read_for(run, file, options, bad_rows, labelled=True), target)
    for line in _bad_rows_note(bad_rows):
        _to_standard_error(line)
    model = _load(folder, options, run)
    both = model.predict_both(part.texts, part.texts_b)
    scores = model.score(part, both)
    if as_json:
        print(printable_json(scores, 2, sys.stdout.encoding))
    else:
        print(printable(_table(scores, model.intervals(part, both[0]))))
    return scores


def predict(folder: Path, file: str, out: Path, options: PredictOptions) -> None:
    """Predict the rows of `file` with the model in `folder`, and write the predictions to `out` in the same order.

    Args:
        folder: The folder of a run.
        file: The rows; `-` is standard input.
        out: The file to write, in the format that its name says; `-` is standard output, and all else that is printed
            goes to standard error.
        options: How `file` is read, and which of its columns are copied.

    Raises:
        InputError: The folder or the file is invalid, or `out` cannot be written to.
    """
    check_installed("slanted predict")
    say = _to_standard_error if out == STANDARD_OUTPUT else print
    _check_out(out, file, folder)
    run, bad_rows = read_run(folder), BadRows(options.bad_rows)
    _check_submission(run, options)
    rows = read_for(run, file, options, bad_rows, labelled=False)
    if not options.submission:
        check_free(prediction_columns(run.target), rows.kept)
    for line in [*_notes(run, file, rows.columns.text, options), *_bad_rows_note(bad_rows), *_empty_note(rows)]:
        say(line)
    layout = Layout(bad_rows.numbers(rows.locations), rows.kept, next(iter(options.submission[1:]), None))
    _load(folder, options, run).write_predictions(out, rows.texts, rows.texts_b, layout)
    say(f"{len(rows):,} predictions: {'standard output' if out == STANDARD_OUTPUT else out}")


def _check_submission(run: SavedRun, options: PredictOptions) -> None:
    names = [name for name in prediction_columns(run.target) if name.startswith("prediction")]
    if options.submission and names != ["prediction"]:
        problem = f"--submission has one column of predictions, but those of this model are {listed(names)}"
        raise InputError(f"{problem}; give --keep {shlex.quote(options.submission[0])} in its place")


def _bad_rows_note(bad_rows: BadRows) -> list[str]:
    if not bad_rows.count:
        return []
    return [f"note: {plural(bad_rows.count, 'bad row')} left out; the last: {bad_rows.latest}"]


def _empty_note(rows: Rows) -> list[str]:
    """Return the note on rows with an empty text."""
    columns = [texts for texts in (rows.texts, rows.texts_b) if texts is not None]
    empty = [row for row, texts in enumerate(zip(*columns, strict=True)) if any(map(is_blank, texts))]
    if not empty:
        return []
    count = "1 row has" if len(empty) == 1 else f"{len(empty):,} rows have"
    return [f"note: {count} an empty text, the first {rows.locations[empty[0]]}; predicted as it is"]


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


def _check_out(out: Path, file: str, folder: Path) -> None:
    check_name(out)
    if out == STANDARD_OUTPUT:
        return
    if out.is_dir():
        raise InputError(f"--out {out}: is a folder; give the file to write")
    if not out.absolute().parent.is_dir():
        raise InputError(f"--out {out}: there is no folder {out.parent}; create it first")
    if os.path.islink(os.path.realpath(out)):
        raise InputError(f"--out {out}: is a link that leads back to itself; give another file")
    if not os.access(out if out.exists() else out.absolute().parent, os.W_OK):
        raise InputError(f"--out {out}: cannot be written to; give another file")
    if out.exists() and any(Path(path).exists() and out.samefile(path) for path in input_paths(file)):
        raise InputError(f"--out {out}: is the file to predict, and would be replaced; give another file")
    if is_of_run(out, folder):
        raise InputError(f"--out {out}: is a file of the run in {folder}, and would be replaced; give another file")


def _with_form(run: SavedRun, file: str, options: UseOptions) -> UseOptions:
    """Return the options, for a file of the kind of the training file with how that was written."""
    if file == STANDARD_INPUT or ending_of(file) == ending_of(str(run.reading.train)):
        return options.with_form_of(run.reading)
    return options


def read_for(run: SavedRun, file: str, options: UseOptions, bad_rows: BadRows, labelled: bool) -> Rows:
    """Read a file with the columns that a run was trained on.

    Args:
        run: The run.
        file: The file.
        options: How the file is read, and which of its columns are copied.
        bad_rows: Collects the rows that cannot be read.
        labelled: Whether the labels are read; if not, their columns may be missing.

    Raises:
        InputError: The file, its columns or a row is wrong.
    """
    columns, options = run.columns, _with_form(run, file, options)
    keep = options.copied if isinstance(options, PredictOptions) else Keep()
    if options.text_b is not None and run.pairs is False:
        raise InputError(f"--text-b {options.text_b}: the model was trained on single texts; leave it out")
    if columns is None:
        names = () if run.target.kind == "single" or len(run.target.names) == 1 else run.target.names
        rows = read_rows_of_labels(file, names, options, labelled=labelled, bad_rows=bad_rows, keep=keep)
        if run.pairs and rows.texts_b is None:
            problem = f"{file}: single texts in column {shown(rows.columns.text)}, but the model was trained on pairs"
            raise InputError(f"{problem}; name the column of the second texts with --text-b")
        return replace(rows, texts_b=None) if run.pairs is False else rows
    columns = replace(columns, text_b=options.text_b or columns.text_b)
    if options.texts:
        columns = replace(columns, text=options.texts[0], more_texts=options.texts[1:])
    if options.label:
        columns = replace(columns, labels=_labels(columns, options.label))
    return read_rows_like(file, columns, labelled=labelled, options=options, bad_rows=bad_rows, keep=keep)


def _labels(columns: Columns, given: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names of the label columns in a file that has others than the training file.

    Raises:
        InputError: They are more or fewer, or in another order.
    """
    known = columns.labels
    if len(given) != len(known):
        problem = f"--label names {plural(len(given), 'column')}, but the model was trained on {len(known)}"
        raise InputError(f"{problem}: {listed(known)}; name one for each, in this order")
    if any(name in known and name != expected for name, expected in zip(given, known, strict=True)):
        problem = f"--label names the columns {listed(given)}, but the model was trained on {listed(known)}"
        raise InputError(f"{problem}; name them in this order")
    return given


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


def _table(scores: dict[str, Any], intervals: dict[str, list[float]]) -> str:
    ends = {name: f"  (95 %: {low:.4f} to {high:.4f})" for name, (low, high) in intervals.items()}
    numbers = {name: value for name, value in scores.items() if isinstance(value, float)}
    lines = [f"{name:<18} {value:.4f}{ends.get(name, '')}" for name, value in numbers.items()]
    for label, row in scores.get("per_class", {}).items():
        lines.append(
            f"  {printable_line(label):<24} " + "  ".join(f"{name} {_short(value)}" for name, value in row.items())
        )
    return "\n".join(lines)


def _short(value: float) -> str:
    return str(value) if isinstance(value, int) else f"{value:.4f}"
