"""`slanted plan` and `slanted find-lr`: prepare a run like `slanted train`, but do not train it."""

import importlib.util
import io
import json
import os
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from slanted.commands.console import start_on_machine
from slanted.common.atomic_files import atomic_writer
from slanted.errors import InputError, printable
from slanted.preview.plan import Plan
from slanted.preview.range_test import SearchOptions
from slanted.runtime import backend_choice
from slanted.runtime.keras_startup import check_installed, start_keras
from slanted.text.formats.input_paths import require_apart
from slanted.text.progress.progress import Progress
from slanted.text.runs.resume_check import data_paths
from slanted.text.runs.run_data import DataFiles, RunData, read_data
from slanted.text.settings import Settings
from slanted.text.training.workload import search_work

if TYPE_CHECKING:
    from slanted.preview.lr_finder import RateSearch
    from slanted.text.training.fine_tuning import FineTuningRun


def show_plan(files: DataFiles, settings: Settings, picture: Path | None = None, as_json: bool = False) -> Plan:
    """Print and return the plan of a run of `slanted train` with the same files and settings.

    Args:
        files: The data files.
        settings: The settings of the run.
        picture: The PNG, SVG or PDF file to draw the plan into; None: no picture.
        as_json: Whether to print JSON and nothing else.

    Raises:
        InputError: The files, the settings or `picture` are invalid.
    """
    progress = Progress(quiet=as_json)
    check_picture(picture, files)
    data = _read(files, settings, progress, "slanted plan")
    precision = "float32" if settings.precision == "auto" else settings.precision
    settings = replace(settings, precision=precision)
    if settings.backend == backend_choice.MEASURE:
        settings, _ = start_on_machine(settings, progress)
    settings = replace(settings, backend=_some_backend(settings.backend))
    start_keras(settings.backend)
    from slanted.runtime.random_state import preserved_random_state

    with preserved_random_state():
        planned = _prepared_run(data, settings, progress).plan
    print(json.dumps(planned.to_dict(), indent=2) if as_json else printable(str(planned)))
    _save(planned, picture)
    return planned


def show_search(
    files: DataFiles, settings: Settings, options: SearchOptions, picture: Path | None = None, as_json: bool = False
) -> "RateSearch":
    """Search, print and return a peak learning rate for `slanted train` with the same files and settings.

    Args:
        files: The data files.
        settings: The settings of the run.
        options: The options of the search.
        picture: The PNG, SVG or PDF file to draw the search into; None: no picture.
        as_json: Whether to print JSON and nothing else.

    Raises:
        InputError: The files, the settings or `picture` are invalid.
        TrainingFailed: The loss diverges from the start.
    """
    progress = Progress(quiet=as_json)
    check_picture(picture, files)
    data = _read(files, settings, progress, "slanted find-lr")
    settings, _ = start_on_machine(settings, progress, search_work(data, settings, options))
    from slanted.runtime.random_state import preserved_random_state

    with preserved_random_state():
        run = _prepared_run(data, settings, progress)
        progress.say(_what_is_tried(settings, options))
        search = search_of(run, options)
    print(json.dumps(search.to_dict(), indent=2) if as_json else printable(str(search)))
    progress.say(f"next: slanted train {files.train_argument} --lr {search.suggestion:g} ...")
    _save(search, picture)
    return search


def search_of(run: "FineTuningRun", options: SearchOptions) -> "RateSearch":
    """Search a peak learning rate with the optimizer, loss and batches of a run."""
    from slanted.preview.lr_finder import find_learning_rate

    settings = run.settings
    run.start_head()
    optimizer = settings.recipe.make_optimizer(run.model, run.lr_max, settings.gradient_accumulation)
    run.model.compile(optimizer=optimizer, loss=run.loss)
    return find_learning_rate(run.model, run.batches, **asdict(options))


def _read(files: DataFiles, settings: Settings, progress: Progress, command: str) -> RunData:
    check_installed(command)
    data = read_data(files, settings)
    for line in data.summary:
        progress.say(line)
    if data.folds:
        progress.say(f"folds: {len(data.folds)} runs; the following lines are about the first")
        return data.of_fold(data.folds[0])
    return data


def _prepared_run(data: RunData, settings: Settings, progress: Progress) -> "FineTuningRun":
    from slanted.text.training.fine_tuning import FineTuningRun, recipe_lines

    run = FineTuningRun(data.target, data.train, data.valid, settings, progress)
    for line in (*run.summary, *recipe_lines(settings.recipe, run.encoder.hidden_dim)):
        progress.say(line)
    return run


def _some_backend(backend: str) -> str:
    """Return the requested backend, else the first that is installed: a plan is the same on all backends."""
    requested = backend
    if backend == "auto":
        requested = backend_choice.running_backend() or os.environ.get("KERAS_BACKEND")
    installed = [name for name in backend_choice.BACKENDS if importlib.util.find_spec(name) is not None]
    return backend_choice.choose(requested or (installed or ["tensorflow"])[0], "float32").backend


def _what_is_tried(settings: Settings, options: SearchOptions) -> str:
    closed = "; all layer groups open" if settings.recipe.unfreezing != "none" else ""
    runs = f", then 3 runs of {options.verify_steps}" if options.verify_steps else ""
    return f"searching: {options.steps} steps from {options.lr_start:g} to {options.lr_end:g}{runs}{closed}"


def check_picture(picture: Path | None, files: DataFiles) -> None:
    """Check that a picture can be drawn and written to `picture`.

    Args:
        picture: The file; None: no picture.
        files: The data files, which must not be replaced.

    Raises:
        InputError: matplotlib is not installed, or `picture` is not a PNG, SVG or PDF file in an existing folder, or
            leads to a data file.
    """
    if picture is None:
        return
    if not picture.absolute().parent.is_dir():
        raise InputError(f"--picture {picture}: {picture.parent} is not a folder; give another path")
    if picture.is_dir():
        raise InputError(f"--picture {picture}: is a folder; give the file to draw")
    if picture.suffix not in (".png", ".svg", ".pdf"):
        raise InputError(f"--picture {picture}: must end in .png, .svg or .pdf")
    require_apart("--picture", picture, data_paths(files))
    from slanted.common.plots import check_installed as check_matplotlib

    check_matplotlib()


def _save(drawable: Any, picture: Path | None) -> None:
    if picture is None:
        return
    content = io.BytesIO()
    drawable.plot().figure.savefig(content, format=picture.suffix[1:])
    with atomic_writer(picture, follow_links=True) as file:
        file.buffer.write(content.getvalue())
