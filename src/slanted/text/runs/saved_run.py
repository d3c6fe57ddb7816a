"""Read and check the small files of a finished run, before Keras is imported."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar, get_args

import numpy as np

from slanted.common.messages import shown
from slanted.errors import InputError
from slanted.text.labels.targets import Kind, Target
from slanted.text.pretrained.model_files import check_folder
from slanted.text.rows.columns import TEXT_SEPARATOR, Columns
from slanted.text.rows.label_lists import LIST_SEPARATOR
from slanted.text.runs import run_folder
from slanted.text.runs.artefacts import SUMS, check_sums, identity
from slanted.text.scoring.calibration import Calibration
from slanted.text.scoring.thresholds import mean_thresholds
from slanted.text.settings import FORM, DataFiles, Settings
from slanted.text.tokens.tokenizer import TextTokenizer

_MAY_BE_NULL = ("text_b", "label_separator")
_UNKNOWN = DataFiles("")
T = TypeVar("T")
RESTORE = "restore the file or train again"


@dataclass(frozen=True)
class SavedRun:
    """A finished run, without its model.

    Attributes:
        settings: The settings that the model was trained with.
        target: The task and the labels.
        columns: The columns of the training file; None for texts passed from Python.
        thresholds: Decision threshold of each label in multi-label classification, (labels,); None: 0.5.
        folds: The folders of the folds' runs; empty where the folder itself contains the model.
        pairs: Whether the training texts were pairs; None if it is not recorded.
        sums: The SHA-256 of the files in `model`, see `check_sums`.
        reading: The training files, "" if unknown, and how they were written.
        calibration: How the model was calibrated, or None.
        identity: Of the folder, as `identity` returns it, when the run was read.
    """

    settings: Settings
    target: Target
    columns: Columns | None
    thresholds: np.ndarray | None = None
    folds: tuple[Path, ...] = ()
    pairs: bool | None = None
    sums: Any = None
    reading: DataFiles = _UNKNOWN
    calibration: Calibration | None = None
    identity: tuple[int, int] | None = None


@dataclass(frozen=True)
class _Recipe:
    """The content of recipe.json, as far as it concerns a `SavedRun`."""

    settings: Settings
    columns: Columns | None
    pairs: bool | None
    sums: Any
    reading: DataFiles
    calibration: Calibration | None


def read_run(folder: Path) -> SavedRun:
    """Read a run without loading its model.

    Raises:
        InputError: The folder contains no run, or a file is missing or damaged.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: there is no such folder; give the folder of `slanted train --out`")
    run_folder.settle(folder)
    before, recipe = identity(folder), _read_recipe(folder / run_folder.RECIPE)
    return replace((_read_folds if recipe.settings.folds else _read_one)(folder, recipe), identity=before)


def unreplaced(folder: Path, read: Callable[[Path], T]) -> T:
    """Call `read` on a run's folder and return its result, after one more try if the run was replaced meanwhile.

    Raises:
        InputError: As `read`, or the run was replaced twice.
    """
    for _ in range(2):
        before = identity(folder)
        try:
            result = read(folder)
        except InputError:
            if identity(folder) == before:
                raise
            continue
        if identity(folder) == before:
            return result
    raise replaced_meanwhile(folder)


def replaced_meanwhile(folder: Path) -> InputError:
    """Return the error for a run that was replaced while it was read."""
    return InputError(f"{folder}: another run has replaced the one in it while it was read; try again")


def _read_one(folder: Path, recipe: _Recipe) -> SavedRun:
    settings, columns = recipe.settings, recipe.columns
    target, thresholds = _read_target(folder / run_folder.LABELS)
    if not _fits(target, thresholds, settings, columns):
        problem = f"its task {target.kind!r} and its labels do not fit the task and the columns in {run_folder.RECIPE}"
        raise InputError(f"{folder / run_folder.LABELS}: {problem}; {RESTORE}")
    check_folder(folder / run_folder.MODEL)
    TextTokenizer.load(folder)
    check_sums(folder, recipe.sums, run_folder.LABELS, run_folder.TOKENIZER)
    how = recipe.calibration
    return SavedRun(settings, target, columns, thresholds, (), recipe.pairs, recipe.sums, recipe.reading, how)


def _read_folds(folder: Path, recipe: _Recipe) -> SavedRun:
    settings = recipe.settings
    check_sums(folder, recipe.sums, run_folder.LABELS)
    folders = tuple(folder / run_folder.fold_name(number) for number in range(settings.folds))
    first, *others = (_read_one(place, _read_recipe(place / run_folder.RECIPE)) for place in folders)
    for place, run in zip(folders[1:], others, strict=True):
        if run.target != first.target:
            raise InputError(f"{place / run_folder.LABELS}: names other labels than {folders[0].name}; {RESTORE}")
    thresholds = mean_thresholds([run.thresholds for run in (first, *others)])
    pairs, reading = recipe.pairs, recipe.reading
    target, columns, how = first.target, recipe.columns, recipe.calibration
    return SavedRun(settings, target, columns, thresholds, folders, pairs, reading=reading, calibration=how)


def _read_recipe(path: Path) -> _Recipe:
    saved = run_folder.read_json(path)
    try:
        settings = Settings.from_dict(saved)
        columns = _columns(saved.get("columns"))
        pairs = saved.get("pairs") if columns is None else columns.text_b is not None
        if not isinstance(pairs, bool | None):
            raise InputError(f"'pairs' must be true, false or null. Received: {pairs!r}")
        reading, calibration = _reading(saved.get("files")), Calibration.of(saved)
    except InputError as error:
        raise InputError(f"{path}: holds no settings of a run ({error}); {RESTORE}") from None
    return _Recipe(settings, columns, pairs, saved.get(SUMS), reading, calibration)


def _reading(files: Any) -> DataFiles:
    """Return the training files and how they were written, which models of Python and earlier versions do not have."""
    train = files.get("train") if isinstance(files, dict) else None
    train = train[0] if isinstance(train, list) and train else train
    given = {name: files[name] for name in FORM if name in files} if isinstance(files, dict) else {}
    kinds = {"separator": str | None, "quotes": str, "header": bool | None, "columns": list}
    for name, value in given.items():
        if not isinstance(value, kinds[name]):
            raise InputError(f"'files.{name}' is no such option. Received: {value!r}")
    return DataFiles(train if isinstance(train, str) else "", **given)


def _columns(saved: Any) -> Columns | None:
    if saved is None:
        return None
    texts = isinstance(saved, dict) and all(isinstance(saved.get(name), str | None) for name in _MAY_BE_NULL)
    if not texts or not isinstance(saved.get("text"), str) or saved.get("label_separator") == "":
        raise InputError(f"'columns' must name columns of a file. Received: {saved!r}")
    labels = saved.get("labels")
    if not isinstance(labels, list) or not labels or not all(isinstance(name, str) for name in labels):
        raise InputError(f"'columns.labels' must be a list of names. Received: {labels!r}")
    lists = {name: saved.get(name, []) for name in ("label_names", "more_texts")}
    for name, values in lists.items():
        if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
            raise InputError(f"'columns.{name}' must be a list of names. Received: {values!r}")
    names, more = map(tuple, lists.values())
    between = saved.get("text_separator", TEXT_SEPARATOR)
    if not isinstance(between, str):
        raise InputError(f"'columns.text_separator' must be a text. Received: {between!r}")
    separator = saved.get("label_separator")
    return Columns(saved["text"], saved.get("text_b"), tuple(labels), separator, names, more, between)


def _fits(target: Target, thresholds: np.ndarray | None, settings: Settings, columns: Columns | None) -> bool:
    """Return whether the task is possible with these settings and columns.

    The model itself cannot tell: its outputs are raw numbers for every task.
    """
    if settings.task not in ("auto", target.kind) or (thresholds is not None and target.kind != "multilabel"):
        return False
    if target.kind == "single" and len(target.labels) == 1:
        return False
    if columns is None:
        return True
    if columns.label_separator is not None:
        may_be_single = columns.label_separator == LIST_SEPARATOR and not columns.label_names
        return target.kind == "multilabel" or (may_be_single and target.kind == "single")
    return len(columns.labels) == 1 if target.kind == "single" else target.labels == columns.labels


def _read_target(path: Path) -> tuple[Target, np.ndarray | None]:
    saved = run_folder.read_json(path)
    known = isinstance(saved, dict) and saved.get("task") in get_args(Kind) and isinstance(saved.get("labels"), list)
    if not known or not saved["labels"] or not all(isinstance(label, (str, int, float)) for label in saved["labels"]):
        raise InputError(f"{path}: names no task and labels; {RESTORE}")
    if twice := [label for label, count in Counter(saved["labels"]).items() if count > 1]:
        raise InputError(f"{path}: names the label {shown(twice[0])} twice; {RESTORE}")
    return Target(saved["task"], tuple(saved["labels"])), _thresholds(path, saved)


def _thresholds(path: Path, saved: dict[str, Any]) -> np.ndarray | None:
    thresholds = saved.get("thresholds")
    if thresholds is None:
        return None
    fitting = isinstance(thresholds, list) and len(thresholds) == len(saved["labels"])
    if not fitting or not all(isinstance(value, (int, float)) and 0.0 <= value <= 1.0 for value in thresholds):
        raise InputError(f"{path}: must have one threshold in [0, 1] for each label; {RESTORE}")
    return np.array(thresholds, "float64")
