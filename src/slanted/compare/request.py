"""The request of a comparison, saved in compare.json: a later start with the same request continues it."""

from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from slanted.common.setting_fields import as_before
from slanted.compare.folder import COMPARISON, REMEDY, check_place
from slanted.errors import InputError
from slanted.runtime.threads import AUTO
from slanted.text.runs import run_folder
from slanted.text.runs.resume_check import StartedWith, differing_options
from slanted.text.settings import DataFiles, Settings

CONTENTS = {"train": "training rows", "valid": "validation rows", "test": "test rows", "model": "files of the model"}
FREE = ("recipe", "seed")  # the settings in which the runs of a comparison differ


def request_of(files: DataFiles, settings: Settings, sums: Mapping[str, list[str]] | None = None) -> dict[str, Any]:
    """Return everything that determines a run except recipe, peak rate and seed.

    Args:
        files: The data files, and options for reading them.
        settings: The settings that all runs share.
        sums: The SHA-256 of the files as read; None: computed here.
    """
    return {"sha256": StartedWith.of(files, settings, sums).sha256, "options": _options(files, settings)}


def _options(files: DataFiles, settings: Settings) -> dict[str, Any]:
    reading = {name: value for name, value in asdict(files).items() if name not in CONTENTS}
    shared = {name: value for name, value in settings.to_dict().items() if name not in FREE}
    backend = "auto" if settings.backend == "measure" else settings.backend
    lists = {name: list(value) for name, value in reading.items() if isinstance(value, tuple)}
    return {**reading, **lists, **shared, "backend": backend}


def read_comparison(out: Path, request: dict[str, Any]) -> dict[str, Any] | None:
    """Return the content of compare.json, whose request must be equal to `request`; None if there is no such file.

    Raises:
        InputError: The requests differ, and the message says where, or the file is damaged.
    """
    check_place(out, overwrite=False)  # another process may have written to it since
    if not (out / COMPARISON).exists():
        return None
    content = run_folder.read_json(out / COMPARISON)
    kinds = {"asked": dict.fromkeys(request, dict), "machine": {"backend": str, "precision": str}}
    if not isinstance(content, dict) or not all(_has(content.get(part), entries) for part, entries in kinds.items()):
        raise InputError(f"{out / COMPARISON}: does not record what was compared; {REMEDY}")
    _check_same(out, content["asked"], request)
    return content


def _has(part: Any, kinds: Mapping[str, type]) -> bool:
    """Return whether a part of compare.json has entries of these types."""
    return isinstance(part, dict) and all(isinstance(part.get(name), kind) for name, kind in kinds.items())


def _check_same(out: Path, saved: dict[str, Any], request: dict[str, Any]) -> None:
    settings = replace(as_before(Settings), threads=AUTO)  # nothing else could be asked for
    earlier = _options(as_before(DataFiles, train=""), settings)  # an earlier version lacked some options
    differing = differing_options({**earlier, **saved["options"]}, request["options"])
    sums = saved["sha256"], request["sha256"]
    differing += [f"other {what}" for name, what in CONTENTS.items() if sums[0].get(name) != sums[1].get(name)]
    if differing:
        raise InputError(f"--out {out}: contains runs with {'; '.join(differing)}; {REMEDY}")
