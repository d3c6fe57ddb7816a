"""Export the model of a run: convert it, write the script that predicts, check it, and put the folder in its place."""

import importlib.metadata
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np

from slanted._version import __version__
from slanted.common import atomic_files
from slanted.common.messages import plural
from slanted.errors import InputError
from slanted.text.exporting import check
from slanted.text.exporting.card import write_card
from slanted.text.exporting.check_rows import CheckRows
from slanted.text.exporting.conversion import Job, convert
from slanted.text.exporting.formats import ExportFormat, format_named
from slanted.text.labels.targets import Target
from slanted.text.pretrained.encoder import family_of
from slanted.text.runs import run_folder
from slanted.text.runs.artefacts import identity, sha256_of, sums_in
from slanted.text.runs.folder_lock import made, require_place
from slanted.text.runs.saved_run import SavedRun, read_run, replaced_meanwhile
from slanted.text.scoring.thresholds import DEFAULT
from slanted.text.settings import MEAN

EXPORT = "export.json"
LIBRARY = "texts.py"
_PACKAGES = ("keras", "keras-hub", "tensorflow", "torch", "jax", "onnx", "onnxruntime", "openvino", "ai-edge-litert")
_PACKAGES += ("transformers", "sentence-transformers", "tokenizers", "numpy")


@dataclass(frozen=True)
class ExportRequest:
    """What to export, and to which folder.

    Attributes:
        run: The folder of a finished run.
        out: The folder to write, which must not exist, or be empty.
        format: The name of the format.
        allow_drop: By how many points the headline score may be lower than the model's.
    """

    run: Path
    out: Path
    format: str
    allow_drop: float = 0.5


Say = Callable[[str], None]


def export(request: ExportRequest, rows: Callable[[SavedRun], CheckRows] | None, say: Say) -> dict[str, Any]:
    """Export the model of a run, and return the content of export.json.

    The folder appears under its name once it is complete and has passed its check.

    Args:
        request: What to export.
        rows: Reads the rows for the check; None: the export is not checked, and export.json says so.
        say: Called with each line for the user.

    Raises:
        InputError: The run, the folder or an option is invalid, a package is missing, or the model has no such format.
        ExportRefused: The export loses too much, or does not predict.
    """
    wanted = format_named(request.format)
    check.check_allowed(request.allow_drop)
    _require_out(request)
    run = read_run(request.run)
    folders = run.folds or (request.run,)
    for folder in folders:
        wanted.check_model(str(request.run), family_of(folder / run_folder.MODEL), run.target.kind)
    backend = wanted.backend(run.settings.backend)
    wanted.check_packages(read_run(folders[0]).settings.pooling, is_checked=rows is not None)
    checked_rows = None if rows is None else rows(run)
    if checked_rows is not None and checked_rows.note:
        say(checked_rows.note)
    with _place(request.out) as place, tempfile.TemporaryDirectory() as work:
        say(f"exporting: {request.run} as {wanted.title}, on {backend}")
        content = _filled(place, Path(work), request, run, (wanted, backend, checked_rows), say)
        if identity(request.run) != run.identity:
            raise replaced_meanwhile(request.run)
        atomic_files.sync_tree(place)
    say(f"export: {request.out}")
    return content


def _filled(
    place: Path,
    work: Path,
    request: ExportRequest,
    run: SavedRun,
    how: tuple[ExportFormat, str, CheckRows | None],
    say: Say,
) -> dict[str, Any]:
    """Write all files of an export into an empty folder, and return the content of export.json."""
    wanted, backend, rows = how
    texts: list[str] = [] if rows is None else list(rows.examples.texts)
    texts_b = None if rows is None or rows.examples.texts_b is None else list(rows.examples.texts_b)
    if rows is not None and run.pairs is not None and (texts_b is not None) != run.pairs:
        expected = "pairs" if run.pairs else "single texts"
        raise InputError(f"{rows.source}: the model was trained on {expected}; give rows with such texts")
    job = Job(str(request.run.resolve()), str(place.resolve()), wanted.name, texts, texts_b)
    reference = convert(job, backend, work)
    pooling = read_run(run.folds[0]).settings.pooling if run.folds else run.settings.pooling
    _write_scripts(wanted, place, is_mean=pooling == MEAN)
    checked = None
    if rows is not None:
        checked = _checked(place, wanted, rows, reference, run, (request.allow_drop, backend, say))
    content = {
        "format": wanted.name,
        "precision": wanted.precision,
        "slanted": __version__,
        "task": run.target.kind,
        "labels": list(run.target.labels),
        "run": {run_folder.RECIPE: sha256_of(request.run / run_folder.RECIPE)},
        "versions": _versions(),
        "unchecked": checked is None,
        "check": checked,
    }
    write_card(content, wanted.title, request.run, place)
    names = sorted(path.name for path in place.iterdir())
    atomic_files.write_json(place / EXPORT, content | {"files": sums_in(place, names)})
    return content


def _checked(
    place: Path,
    wanted: ExportFormat,
    rows: CheckRows,
    reference: np.ndarray,
    run: SavedRun,
    how: tuple[float, str, Say],
) -> dict[str, Any]:
    """Check an export, print the result, and raise if it loses too much."""
    allowed, backend, say = how
    target = Target(run.target.kind, run.target.names)
    thresholds = DEFAULT if run.thresholds is None else run.thresholds
    original = check.Original(target, reference, thresholds, run.settings.positive)
    checked = check.check(place, rows, original, {"KERAS_BACKEND": backend})
    for line in check.describe(checked, target.kind):
        say(line)
    largest = float(np.abs(reference).max(initial=0.0))
    check.refuse_loss(checked, wanted, target.kind, allowed, largest)
    return checked | {"drop": check.drop_of(checked, target.kind), "allowed_drop": allowed}


def _write_scripts(wanted: ExportFormat, place: Path, *, is_mean: bool) -> None:
    """Write predict.py, and what all of these scripts share beside it."""
    script = "sentence_transformers" if wanted.name == "hf" and is_mean else wanted.script
    for name, source in ((check.SCRIPT, script), (LIBRARY, "texts")):
        text = resources.files("slanted.text.exporting").joinpath("scripts", f"{source}.txt").read_text("utf-8")
        (place / name).write_text(text, encoding="utf-8")


def _versions() -> dict[str, str]:
    """Return the versions of the packages that are installed of those that an export may use."""
    found = {}
    for name in _PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def _require_out(request: ExportRequest) -> None:
    """Raise unless the folder can be made, and is no folder of somebody else.

    Raises:
        InputError: It has files, is within the run, or cannot be written to.
    """
    out = request.out
    require_place(out)
    if out.is_symlink():
        raise InputError(f"--out {out}: is a link; give a folder that does not exist")
    if out.is_dir() and (count := len(list(out.iterdir()))):
        raise InputError(f"--out {out}: holds {plural(count, 'file')} already; give a folder that does not exist")
    if out.resolve().is_relative_to(request.run.resolve()):
        raise InputError(f"--out {out}: is within the run {request.run}; give a folder outside of it")


@contextmanager
def _place(out: Path) -> Iterator[Path]:
    """Yield a temporary folder beside `out`, which takes its name once the block has ended without an error."""
    out = out.absolute()
    with made(out.parent), atomic_files.disk_errors(out):
        place = Path(tempfile.mkdtemp(prefix=f".{out.name}.", suffix=".part", dir=out.parent))
        try:
            yield place
            umask = os.umask(0)
            os.umask(umask)
            place.chmod(0o777 & ~umask)
            if out.is_dir():
                out.rmdir()  # it is empty
            place.rename(out)
            atomic_files.sync_folder(out.parent)
        except BaseException:
            shutil.rmtree(place, ignore_errors=True)
            raise
