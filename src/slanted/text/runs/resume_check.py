"""`--resume`: the options and files that a run was started with, and whether a request names the same."""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from slanted.common import atomic_files
from slanted.common.messages import option_of
from slanted.common.setting_fields import as_before
from slanted.errors import InputError
from slanted.recipe.choices import AUTO
from slanted.text.formats.input_paths import STANDARD_INPUT, input_paths, source_name
from slanted.text.pretrained.hub import is_pinned
from slanted.text.runs import run_folder
from slanted.text.runs.artefacts import sha256_of
from slanted.text.runs.checkpoints import FOLDER as CHECKPOINTS
from slanted.text.runs.run_data import RunData, read_data
from slanted.text.runs.run_folder import RunFolder
from slanted.text.runs.run_request import RunRequest
from slanted.text.runs.starting_model import locate_model, model_sums
from slanted.text.settings import SETTLED, DataFiles, Settings, with_missing

STARTED_WITH, DECIDED = "run.json", "decided"
_DECIDED = ("backend", "precision", "threads")  # by the machine where they are "auto"
_CONTENTS = ("train", "valid", "test")  # compared by what they hold, wherever they are


@dataclass(frozen=True)
class StartedWith:
    """Everything that determines a run: its settings, its options for files, and the SHA-256 of every file it reads.

    Attributes:
        settings: The settings, as in recipe.json.
        files: The options of `DataFiles`, as in recipe.json.
        sha256: "train", "valid", "test" and "model" -> the SHA-256 of these files.
        decided: The settings that were "auto" when the run was started; None: unknown.
    """

    settings: dict[str, Any]
    files: dict[str, Any]
    sha256: dict[str, Any]
    decided: list[str] | None = None

    @classmethod
    def of(cls, files: DataFiles, settings: Settings, sums: Mapping[str, list[str]] | None = None) -> "StartedWith":
        """Return the start of a run with these files and settings.

        Args:
            files: The run's files.
            settings: The run's settings.
            sums: The result of `sums_of(files)`; None: computed here.

        Raises:
            InputError: A file cannot be read.
        """
        sums = sums_of(files) if sums is None else sums
        return cls(_plain(settings.to_dict()), _plain(asdict(files)), {**sums, "model": model_sums(settings.model)})

    def write(self, out: Path) -> None:
        """Write run.json beside the checkpoints.

        Raises:
            InputError: The file cannot be written.
        """
        with atomic_files.disk_errors(out):
            (out / CHECKPOINTS).mkdir(exist_ok=True)
        atomic_files.write_json(out / CHECKPOINTS / STARTED_WITH, asdict(self))

    @classmethod
    def read(cls, path: Path) -> "StartedWith":
        """Read a file that `write` wrote, or recipe.json of a finished run.

        Raises:
            InputError: The file is missing or damaged.
        """
        saved = run_folder.read_json(path)
        fault = _fault(saved, ("files", "sha256"))
        if fault is None:
            own = {name: value for name, value in saved.items() if name in Settings.__dataclass_fields__}
            settings = saved.get("settings") if path.name == STARTED_WITH else own
            fault = _fault(settings, ("recipe",), ("model", "backend", "precision"))
            fault = fault or _fault(settings["recipe"], (), ("name",))
        if fault is not None:
            problem = f"does not say what the run was started with ({fault})"
            raise InputError(f"{path}: {problem}; start again with --overwrite")
        decided = saved.get(DECIDED)
        return cls(settings, saved["files"], saved["sha256"], decided if isinstance(decided, list) else None)

    def check_continues(self, out: Path) -> None:
        """Raise unless the unfinished run in `out` was started with the same.

        Raises:
            InputError: run.json is missing or damaged, or options or files differ.
        """
        StartedWith.read(out / CHECKPOINTS / STARTED_WITH).check_same(self, out)

    def check_same(self, now: "StartedWith", out: Path) -> None:
        """Raise unless `now` is the start of the same run as this one, whose folder is `out`.

        Raises:
            InputError: Options or files differ; the message names all of them.
        """
        differing = [*self._options(now), *self._contents(now)]
        if differing:
            problem = f"the run in {out} was started with {'; '.join(differing)}"
            raise InputError(f"--resume: {problem}; give the same again, or --overwrite to start again")

    def _options(self, now: "StartedWith") -> list[str]:
        before, after = _flat(self), _flat(now)
        if self.sha256.get("model") and self.sha256["model"] == now.sha256.get("model"):
            after["model"] = before["model"]  # the same files in another place
        decided = [*_DECIDED, *((*SETTLED, "epochs") if self.decided is None else self.decided)]
        after |= {name: before[name] for name in decided if after[name] in (AUTO, "measure")}
        return differing_options(before, after)

    def _contents(self, now: "StartedWith") -> Iterator[str]:
        for name in (*_CONTENTS, "model"):
            before, after = self.sha256.get(name), now.sha256.get(name)
            if before == after:
                continue
            what = {"train": "training", "valid": "validation"}.get(name, name)
            if name == "model":
                if now.settings["model"] == self.settings["model"]:
                    yield f"other files of the model {now.settings['model']}"
            elif before is None or after is None:
                yield f"{'no' if before is None else 'a'} {what} file"
            else:
                yield f"other {what} rows than {_shown(now.files[name])} holds"


def _fault(values: Any, objects: Sequence[str], texts: Sequence[str] = ()) -> str | None:
    """Return the reason why parsed JSON is not an object with these entries; None if it is one."""
    if not isinstance(values, dict):
        return "no object"
    wrong = [name for name in objects if not isinstance(values.get(name), dict)]
    wrong += [name for name in texts if not isinstance(values.get(name), str)]
    return f"no usable {wrong[0]!r}" if wrong else None


def differing_options(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """Return the options whose values differ, each as `--seed 0, not 1`.

    >>> differing_options({"seed": 0, "label": []}, {"seed": 1, "label": ["a", "b"]})
    ['--label none, not a b', '--seed 0, not 1']
    """
    names = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
    return [f"{option_of(name)} {_shown(before.get(name))}, not {_shown(after.get(name))}" for name in names]


def settings_to_resume(request: RunRequest) -> Settings:
    """Return the settings of a run that is resumed, on the backend, precision and threads that it was started on.

    Without a run, and where a finished one is to be replaced, the settings of the request are returned.

    Args:
        request: What is asked for.

    Raises:
        InputError: The run was started with something else, or a file can be read only once.
    """
    files, folder, state = request.files, request.folder, request.folder.state
    if once := read_once(files):
        raise InputError(f"--resume: {source_name(once[0])} cannot be read again; save it to a file and give that")
    if state.name == "empty" or (state.is_finished and folder.overwrite):
        return request.settings
    source = run_folder.RECIPE if state.is_finished else f"{CHECKPOINTS}/{STARTED_WITH}"
    started = StartedWith.read(folder.path / source)
    settings, model = request.settings, started.settings["model"]
    settings = replace(settings, model=model) if is_pinned(model, settings.model) else settings
    started.check_same(StartedWith.of(files, settings), folder.path)
    complete = with_missing(started.settings)
    settings = replace(settings, **{name: complete[name] for name in _DECIDED})
    return with_settled(settings, folder)


def with_settled(settings: Settings, folder: RunFolder) -> Settings:
    """Return the settings with what an earlier process decided for "auto", if a run is in the folder."""
    state = folder.state
    if state.name == "empty":
        return settings
    if state.is_finished:  # which does not say what it read, if that was a pipe
        before = Settings.from_dict(run_folder.read_json(folder.path / run_folder.RECIPE))
    else:
        before = Settings.from_dict(StartedWith.read(folder.path / CHECKPOINTS / STARTED_WITH).settings)
    own = {name: getattr(before, name) for name in SETTLED if getattr(settings, name) == AUTO}
    epochs = before.recipe.epochs if settings.recipe.epochs == AUTO else None
    return replace(settings, **own, recipe=settings.recipe.with_settings(epochs=epochs))


def can_be_read_again(files: DataFiles) -> bool:
    """Return whether every file can be read twice: none is standard input, a pipe or a device."""
    return not read_once(files)


def read_once(files: DataFiles) -> list[str]:
    """Return the files that cannot be read twice. A missing file is not among them: its reader refuses it."""
    return [path for path in data_paths(files) if path == STANDARD_INPUT or (os.path.exists(path) and not _stays(path))]


def paths_read(files: DataFiles, model: str) -> list[str]:
    """Return the files that a run reads, and the folder of its model if that is a local one."""
    folder = locate_model(model).tokenizer_folder
    return [*data_paths(files), *([] if folder is None else [str(folder)])]


def data_paths(files: DataFiles) -> list[str]:
    """Return the training, validation and test files."""
    return [path for paths in _given(files).values() for path in input_paths(paths)]


def _stays(path: str) -> bool:
    return os.path.isfile(path) or os.path.isdir(path)


def sums_of(files: DataFiles) -> dict[str, list[str]]:
    """Return the SHA-256 of the training, validation and test files, under "train", "valid" and "test".

    Raises:
        InputError: A file cannot be read.
    """
    return {name: _sums(paths) for name, paths in _given(files).items()}


def read_unchanged(files: DataFiles, settings: Settings) -> RunData:
    """Read the rows of a run, and the SHA-256 of the files before and after it, which must be equal.

    Args:
        files: The files.
        settings: Of the run.

    Returns:
        The rows; `sha256` is None where a file can be read only once.

    Raises:
        InputError: As `read_data`, or a file was changed while it was read.
    """
    if not can_be_read_again(files):
        return read_data(files, settings)
    sums = sums_of(files)
    data = replace(read_data(files, settings), sha256=sums)
    require_unchanged(files, sums, sums_of(files))
    return data


def require_unchanged(files: DataFiles, before: Mapping[str, list[str]], after: Mapping[str, list[str]]) -> None:
    """Raise if the SHA-256 of a file differs from an earlier one.

    Raises:
        InputError: A file was changed, and the message names the option's files.
    """
    changed = [name for name in before if before[name] != after.get(name)]
    if changed:
        named = _shown(_plain(asdict(files))[changed[0]])
        raise InputError(f"{named}: was changed while it was read; give the command again once nobody writes to it")


def _given(files: DataFiles) -> dict[str, str | tuple[str, ...]]:
    return {name: getattr(files, name) for name in _CONTENTS if getattr(files, name) is not None}


def _sums(paths: str | tuple[str, ...]) -> list[str]:
    return [sha256_of(Path(path)) for path in input_paths(paths)]


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values after a round trip through JSON."""
    return json.loads(json.dumps(values))


def _flat(started: StartedWith) -> dict[str, Any]:
    """Return option name -> value, without the options that name files.

    An option that an earlier version lacked has the value that says what was done before there was one.
    """
    settings = with_missing(started.settings)
    recipe = settings.pop("recipe")
    name = recipe.pop("name")
    recipe = {key: value for key, value in recipe.items() if key not in ("source", "notes")}
    given = {**_plain(asdict(as_before(DataFiles, train=""))), **started.files}
    files = {key: value for key, value in given.items() if key not in _CONTENTS}
    return {**files, **settings, **recipe, "recipe": name}


def _shown(value: Any) -> str:
    if value is None or value in ([], "", {}):
        return "none"
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)
