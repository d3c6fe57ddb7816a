"""The rows that an export is checked on: the test rows of its run, else its validation rows."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from slanted.common.messages import shown
from slanted.errors import InputError
from slanted.text.formats.input_paths import STANDARD_INPUT, input_paths
from slanted.text.formats.skipped_rows import BadRows
from slanted.text.labels.example_weights import weighed, weights_of_rows
from slanted.text.labels.examples import Examples
from slanted.text.labels.targets import Target
from slanted.text.rows.parts import TEST, TRAIN, VALID, parts_of
from slanted.text.rows.rows import Rows, read_rows, read_rows_like
from slanted.text.runs import run_folder
from slanted.text.runs.artefacts import sha256_of
from slanted.text.runs.run_data import hold_out
from slanted.text.runs.saved_run import SavedRun
from slanted.text.settings import DataFiles

GIVE = "give --test FILE, or --unchecked to export without a check"


@dataclass(frozen=True)
class CheckRows:
    """Rows with labels, and where they come from.

    Attributes:
        examples: The rows.
        part: "test", "valid", or "train" for rows that the model was trained on.
        source: The file, or how the rows were given.
        note: A note for the user, or "".
    """

    examples: Examples
    part: str
    source: str
    note: str = ""


def rows_of_run(folder: Path, run: SavedRun) -> CheckRows:
    """Read the test rows of a run, else its validation rows, from the files that recipe.json names.

    Args:
        folder: The folder of the run.
        run: The run.

    Raises:
        InputError: It has none, or a file is missing or invalid; the message has the remedy.
    """
    recipe = run_folder.read_json(folder / run_folder.RECIPE)
    files = _files(recipe.get("files"))
    if files is None or run.columns is None:
        raise InputError(f"{folder}: {run_folder.RECIPE} names no files, as of a model from Python; {GIVE}")
    part = TEST if files.test or files.split else VALID
    paths = [path for path in (files.test, files.valid) if path][:1] or [files.train]
    held_out = run.settings.held_out_share > 0.0 and not run.settings.folds
    if not (files.test or files.valid or files.split or held_out):
        raise InputError(f"{folder}: the run has neither test nor validation rows to check the export on; {GIVE}")
    try:
        if any(path == STANDARD_INPUT for path in paths):
            raise InputError("the rows came from standard input")
        return _read(files, run, part, recipe)
    except InputError as error:
        problem = f"the rows to check the export on cannot be read ({error})"
        raise InputError(f"{folder}: {problem}; {GIVE}") from None


def _read(files: DataFiles, run: SavedRun, part: str, recipe: Mapping[str, Any]) -> CheckRows:
    target = Target(run.target.kind, run.target.names)  # the labels in a file are strings
    path = files.test or files.valid
    if path is not None:
        assert run.columns is not None
        part, bad_rows = (TEST, BadRows()) if files.test else (VALID, BadRows(files.bad_rows))
        examples = Examples.of(read_rows_like(path, run.columns, options=files, bad_rows=bad_rows), target)
        return CheckRows(examples, part, path, _note(recipe, part, path))
    rows = read_rows(files.train, files, bad_rows=BadRows(files.bad_rows))
    positions = parts_of(rows)
    part = next((name for name in (TEST, VALID) if name in positions), "")
    source = f"column {shown(files.split)} of {rows.source}"
    if part:
        return CheckRows(Examples.of(rows.take(positions[part]), target), part, source)
    train = rows.take(positions[TRAIN]) if len(positions) > 1 else rows
    examples, valid = _held_out(train, target, run)
    return CheckRows(valid, VALID, f"held out of {rows.source}", _note(recipe, TRAIN, files.train))


def _held_out(rows: Rows, target: Target, run: SavedRun) -> tuple[Examples, Examples]:
    train = weighed(target, Examples.of(rows, target), weights_of_rows(rows))
    return hold_out(train, target, run.settings)


def _note(recipe: Mapping[str, Any], part: str, paths: str | tuple[str, ...]) -> str:
    """Return a note if a file is not the one that the run read."""
    sums = recipe.get("sha256")
    before = sums.get(part) if isinstance(sums, dict) else None
    if not isinstance(before, list) or [sha256_of(Path(path)) for path in input_paths(paths)] == before:
        return ""
    name = paths if isinstance(paths, str) else paths[0]
    return f"note: {name} has changed since the training; the scores below are on its rows as they are now"


def _files(saved: Any) -> DataFiles | None:
    """Return the files of a run from recipe.json; None if it names none."""
    known = {one.name for one in fields(DataFiles)}
    if not isinstance(saved, dict) or not saved.get("train"):
        return None
    values = {name: value for name, value in saved.items() if name in known}
    values = {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}
    return DataFiles(**values)
